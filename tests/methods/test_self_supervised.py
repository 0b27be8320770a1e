import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.traverse_util import flatten_dict

from ganc.losses.adversarial import LEAST_SQUARES
from ganc.methods import self_supervised
from ganc.methods.self_supervised import Aim, SelfSupervised
from ganc.models import discriminators
from ganc.pruning.pruner import pruner
from ganc.pruning.schedule import Gradual
from ganc.tasks import cyclegan, pix2pix

ADAM = optax.adam(1e-2)
BOTH = {"generator": ADAM, "discriminator": ADAM}
PAIRS = pix2pix.task(
    discriminators.patch(discriminators.PatchSpec(ndf=2, layers=1, channels_in=6)),
    adversarial=LEAST_SQUARES,
)
UNPAIRED = cyclegan.task(discriminators.patch(discriminators.PatchSpec(ndf=2, layers=1)), pool=2)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return {d: rng.uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32) for d in "ab"}


@pytest.fixture
def setting(toy, random_params):
    """`setting(task, granularity, **fields)`: a method, its players, all of them random."""

    def make(task, granularity="element", **fields):
        generator = toy(4)
        game = task.play(generator)
        names = jax.eval_shape(game.init, jax.random.key(0))
        players = {
            "generator": {d: random_params(generator, i) for i, d in enumerate(names["generator"])},
            "discriminator": {
                d: random_params(task.discriminator, i + 9)
                for i, d in enumerate(names["discriminator"])
            },
        }
        pruners = {"generator": pruner(generator, granularity)}
        return SelfSupervised(game, **{"pruners": pruners} | fields), players

    return make


def run(method, players, batch, *, steps=1, schedule=None, optimizers=BOTH, average=0.0, start=0):
    """The states and the scalars of so many steps."""
    state = self_supervised.init(method, players, optimizers, (8, 8, 3), average=average)
    step = self_supervised.make_step(
        method,
        optimizers,
        players["generator"],
        jax.random.key(1),
        schedule=schedule,
        average=average,
    )
    seen = []
    for index in range(start, steps):
        state, scalars = step(state, batch, index)
        seen.append((jax.device_get(state), scalars))
    return seen


@pytest.mark.parametrize("task", [PAIRS, UNPAIRED], ids=["pairs", "unpaired"])
def test_a_copy_of_the_teacher_has_no_gaps_and_stays(task, setting, batch):
    method, players = setting(task)
    ((state, scalars),) = run(method, players, batch)
    gaps = {name: value for name, value in scalars.items() if name.startswith("gap_")}
    native = {name for name in scalars if name.startswith("discriminator")}
    assert list(state.params["generator"]) == ["ab"]
    assert len(gaps) == {"pix2pix": 3, "cyclegan": 8}[task.name] and native
    np.testing.assert_allclose(list(gaps.values()), 0, atol=1e-5)


def test_gaps_are_those_of_the_items_of_the_game(setting, batch, random_params):
    method, players = setting(PAIRS, frozen=True)
    game = method.game
    other = jax.tree.map(lambda leaf: leaf * 0.7, players["generator"]["ab"])
    start = players | {"generator": {"ab": other}}
    state = self_supervised.init(method, start, BOTH, (8, 8, 3))
    turn = jax.jit(self_supervised.make_turn(method, BOTH, jax.random.key(1)))
    after, scalars = turn(state, players["generator"], batch, 0)

    judges = players["discriminator"]
    items = {}
    for who, params in (("theirs", players["generator"]), ("ours", {"ab": other})):
        terms, made = game.generator_terms(params, judges, batch, jax.random.key(5))
        items[who] = terms | game.discriminator_terms(judges, batch, made.fakes)[0]
    for name, factor in {"adversarial": 1, "reconstruction": 100, "discriminator": 0.5}.items():
        o, c = items["theirs"][name], items["ours"][name]
        expected = factor * abs(o - c) / abs(o)
        assert expected > 1e-4
        np.testing.assert_allclose(scalars[f"gap_{name}"], expected, rtol=1e-4)
    assert scalars["floored"] == 0
    # Frozen discriminators rest, with their optimiser.
    chex.assert_trees_all_equal(after.params["discriminator"], judges)
    chex.assert_trees_all_equal(after.opt_state["discriminator"], state.opt_state["discriminator"])


def test_zeros_stay_zeros_in_every_step_and_masks_tighten_when_due(setting, batch):
    method, players = setting(PAIRS)
    schedule = Gradual(0.5, ramp=4, every=2)
    seen = run(method, players, batch, steps=6, schedule=schedule, average=0.5)
    before = None
    for index, (state, scalars) in enumerate(seen):
        masks = flatten_dict(state.extra["masks"]["generator"]["ab"], sep="/")
        weights = flatten_dict(state.params["generator"]["ab"], sep="/")
        for path, mask in masks.items():
            assert (weights[path][~mask] == 0).all() and (weights[path][mask] != 0).any()
            if before is not None:
                assert (mask <= before[path]).all()
                if index % 2:
                    np.testing.assert_array_equal(mask, before[path])
        expected = schedule.sparsity(index // 2 * 2)
        assert scalars["sparsity"] == pytest.approx(expected)
        share = np.mean(~masks["body/kernel"])
        assert share == pytest.approx(expected, abs=1 / masks["body/kernel"].size)
        before = masks
    # The running average still remembers what is gone; the model does not.
    average = flatten_dict(seen[-1][0].extra["average"]["ab"], sep="/")
    final = flatten_dict(self_supervised.finalize(method, seen[-1][0])["ab"], sep="/")
    assert any((average[path][~mask] != 0).any() for path, mask in before.items())
    assert all((np.asarray(final[path])[~mask] == 0).all() for path, mask in before.items())


def test_a_step_depends_on_nothing_but_state_and_index(setting, batch):
    method, players = setting(PAIRS, "filter")
    schedule = Gradual(0.5, ramp=2)
    whole = run(method, players, batch, steps=3, schedule=schedule)
    step = self_supervised.make_step(
        method, BOTH, players["generator"], jax.random.key(1), schedule=schedule
    )
    state = jax.tree.map(jnp.asarray, whole[0][0])  # as a checkpoint brings it back
    for index in (1, 2):
        state, _ = step(state, batch, index)
    chex.assert_trees_all_equal(jax.device_get(state), whole[-1][0])


def test_both_directions_can_be_pruned(setting, batch):
    method, players = setting(UNPAIRED, learning=("ab", "ba"))
    ((state, scalars),) = run(method, players, batch, schedule=Gradual(0.5, ramp=0))
    for direction in ("ab", "ba"):
        kernel = state.params["generator"][direction]["body"]["kernel"]
        assert np.mean(kernel == 0) == 0.5
    assert scalars["gap_adversarial_ba"] > 0


BASELINES = {
    "native": ({"aim": Aim(items="native")}, {"adversarial", "reconstruction"}),
    "imitation": ({"aim": Aim(items="none", imitation=10.0), "frozen": True}, {"imitation"}),
    "taps": ({"aim": Aim(items="none", taps=1.0), "frozen": True}, {"taps"}),
    "the teacher's are real": (
        {"aim": Aim(items="native"), "real": "teacher"},
        {"adversarial", "reconstruction"},
    ),
    "the teacher's are fake": (
        {"aim": Aim(items="native"), "fakes": "teacher"},
        {"adversarial", "reconstruction"},
    ),
}


@pytest.mark.parametrize("name", BASELINES)
def test_what_baselines_minimise(name, setting, batch):
    fields, terms = BASELINES[name]
    method, players = setting(PAIRS, **fields)
    ((state, scalars),) = run(method, players, batch, schedule=Gradual(0.5, ramp=0))
    moved = not method.frozen
    found = set(scalars) - {"sparsity"}
    assert found == terms | ({"discriminator"} if moved else set())
    # Sparse, so unlike its teacher.
    assert all(scalars[term] != 0 for term in found)
    kernel = state.params["generator"]["ab"]["body"]["kernel"]
    assert np.mean(kernel == 0) == 0.5
    judge, before = state.params["discriminator"]["b"], players["discriminator"]["b"]
    changed = any(
        (leaf != old).any()
        for leaf, old in zip(*map(jax.tree.leaves, (judge, before)), strict=True)
    )
    assert changed == moved


def test_what_is_real_and_what_is_fake_decides_what_the_discriminator_learns(setting, batch):
    found = {}
    for name, fields in {
        "plain": {},
        "real": {"real": "teacher"},
        "fakes": {"fakes": "teacher"},
        "same": {"real": "teacher", "fakes": "teacher"},
    }.items():
        method, players = setting(PAIRS, aim=Aim(items="native"), **fields)
        ((_, scalars),) = run(method, players, batch, schedule=Gradual(0.5, ramp=0))
        found[name] = float(scalars["discriminator"])
    assert len(set(found.values())) == 4
    game, judges = method.game, players["discriminator"]
    _, made = game.generator_terms(players["generator"], judges, batch, jax.random.key(0))
    for name, real, fake in (("fakes", batch["b"], made), ("same", made.fakes["b"], made)):
        terms, _ = game.discriminator_terms(judges, batch | {"b": real}, fake.fakes)
        np.testing.assert_allclose(found[name], terms["discriminator"], rtol=1e-5)


def test_discriminators_can_be_pruned_too(setting, batch):
    method, players = setting(PAIRS)
    how = dict(method.pruners) | {"discriminator": pruner(PAIRS.discriminator, "element")}
    method = dataclasses.replace(method, pruners=how)
    ((state, _),) = run(method, players, batch, schedule=Gradual(0.5, ramp=0))
    kernel = state.params["discriminator"]["b"]["conv1"]["kernel"]
    assert np.mean(kernel == 0) == pytest.approx(0.5, abs=0.01)
