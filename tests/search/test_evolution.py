import numpy as np
import pytest

from ganc.errors import UserError
from ganc.search import evolution
from ganc.search.evolution import Evolution, check_budget, draw_within, enumerate_all, evolve
from ganc.search.space import Space
from ganc.types import slot

SPACE = Space(
    tuple(slot(f"slot{i}", 1, f"g{i}") for i in range(5)),
    ((6, 5, 4, 3, 2, 1),) * 5,
)
BUDGET = 18
SETTINGS = Evolution(population=20, generations=25)


def macs(arch):
    return sum(arch)


def score(arch):
    """Best at a place that the budget forbids, so that the optimum lies on its edge."""
    return float(np.abs(np.array(arch) - [6, 1, 5, 4, 6]) @ [5.0, 1.1, 3.3, 2.7, 4.9])


class Log:
    """Scores, and remembers what it was asked."""

    def __init__(self, known=None):
        self.known, self.calls = dict(known or {}), []

    def __call__(self, archs):
        self.calls.append(list(archs))
        return [self.known[arch] if arch in self.known else score(arch) for arch in archs]

    @property
    def asked(self):
        return [arch for call in self.calls for arch in call]


def search(seed=0, budget=BUDGET, settings=SETTINGS, log=None, **options):
    log = Log() if log is None else log
    return evolve(np.random.default_rng(seed), SPACE, log, macs, budget, settings, **options), log


@pytest.mark.parametrize("seed", range(3))
def test_finds_the_optimum_without_scoring_everything(seed):
    everything = enumerate_all(SPACE, Log(), macs, BUDGET)
    best = min(everything, key=lambda c: c.score)
    assert best.cost == BUDGET
    found, _ = search(seed)
    assert min(found, key=lambda c: c.score)[:3] == best[:3]
    assert len(found) < len(everything) / 3


def test_scores_once_and_returns_everything_in_order():
    found, log = search()
    assert len(set(log.asked)) == len(log.asked)
    assert [candidate.arch for candidate in found] == log.asked
    for candidate in found:
        assert candidate.cost == macs(candidate.arch) <= BUDGET
        assert candidate.score == score(candidate.arch)
        assert candidate.arch in SPACE
    assert len(log.calls) <= SETTINGS.generations + 1
    generations = [candidate.generation for candidate in found]
    assert generations == sorted(generations)


def test_tells_every_generation_its_new_candidates():
    told = []
    found, _ = search(on_generation=lambda g, new: told.append((g, list(new))))
    assert [generation for generation, _ in told] == list(range(SETTINGS.generations + 1))
    assert [candidate for _, new in told for candidate in new] == found
    assert all(c.generation == generation for generation, new in told for c in new)


def test_the_course_is_a_function_of_the_generator():
    one, other, different = search(7)[0], search(7)[0], search(8)[0]
    assert one == other
    assert one != different


def test_remembered_scores_replay_the_same_course():
    found, log = search()
    done = sum(map(len, log.calls[:5]))
    remembered = {candidate.arch: candidate.score for candidate in found[:done]}
    fresh = []

    class Resumed(Log):
        def __call__(self, archs):
            fresh.extend(arch for arch in archs if arch not in self.known)
            return super().__call__(archs)

    again, _ = search(log=Resumed(remembered))
    assert again == found
    assert fresh == log.asked[done:]


def test_parents_survive_so_the_best_never_gets_worse():
    # Without mutation and with one parent nothing new can come after the first generation.
    settings = Evolution(population=10, generations=5, parents=0.1, mutation=0.0)
    found, log = search(settings=settings)
    assert {candidate.generation for candidate in found} == {0}
    assert len(log.calls) == 1


def test_mutants_and_crossovers_come_in_the_given_parts():
    crossed, _ = search(settings=Evolution(population=6, generations=30, mutants=0.0))
    founders = [c.arch for c in crossed if c.generation == 0]
    for candidate in crossed:
        for entry, seen in zip(candidate.arch, zip(*founders, strict=True), strict=True):
            assert entry in seen  # crossover never brings a width that no founder had
    mutated, _ = search(settings=Evolution(population=6, generations=30, mutants=1.0))
    assert len(mutated) > len(crossed)


def test_no_generations_is_random_search():
    found, log = search(settings=Evolution(population=30, generations=0))
    assert len(log.calls) == 1
    assert {candidate.generation for candidate in found} == {0}


def test_the_first_generation_favours_small_widths():
    uniform, small = (
        draw_within(
            np.random.default_rng(0), SPACE, macs, 30, Evolution(favour=favour, geometric=True), 300
        )
        for favour in (1.0, 3.0)
    )
    assert np.mean(small) < np.mean(uniform) - 1
    assert np.mean(uniform) == pytest.approx(3.5, abs=0.2)


def test_an_infeasible_budget_names_the_smallest_cost():
    for attempt in (
        lambda: search(budget=4),
        lambda: enumerate_all(SPACE, Log(), macs, 4),
        lambda: check_budget(SPACE, macs, 4),
    ):
        with pytest.raises(UserError, match="budget of 4; the smallest, 1_1_1_1_1, takes 5"):
            attempt()


def test_a_budget_that_fits_only_the_smallest_finds_it(monkeypatch):
    monkeypatch.setattr(evolution, "_TRIES", 3)  # chance does not find one of 7776 in three tries
    found, _ = search(budget=5, settings=Evolution(population=2, generations=1))
    assert [candidate.arch for candidate in found] == [SPACE.smallest]


def test_enumeration_scores_all_that_fit():
    log = Log()
    found = enumerate_all(SPACE, log, macs, 8)
    assert {candidate.arch for candidate in found} == {a for a in SPACE if sum(a) <= 8}
    assert len(found) == len(log.asked)
    assert all(c.score == score(c.arch) and c.cost == sum(c.arch) for c in found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("population", 1),
        ("generations", -1),
        ("parents", 1.5),
        ("mutants", -0.1),
        ("mutation", 2.0),
    ],
)
def test_settings_that_cannot_be_are_refused(name, value):
    with pytest.raises(UserError, match=rf"{name}.*{value}"):
        Evolution(**{name: value})
