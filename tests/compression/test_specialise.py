from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from ganc.compression.settings import Compression, Distillation
from ganc.compression.specialise import Student
from ganc.runs import records
from ganc.search.evolution import Candidate

CANDIDATES = [
    Candidate((1, 1), 5, 0.3, 0),
    Candidate((2, 1), 9, 0.1, 0),
    Candidate((1, 2), 7, 0.2, 0),
]
TRIED = {(2, 1): 0.9, (1, 2): 0.4, (1, 1): 0.0}


@pytest.fixture
def student(tmp_path, monkeypatch):
    """A `Student` whose trainings do nothing and whose pictures are worth `TRIED`."""
    run = SimpleNamespace(
        work=SimpleNamespace(path=tmp_path),
        fitness=lambda teacher, settings: (None, lambda pictures: float(pictures[0])),
        render=lambda arch, source: np.asarray([TRIED[arch]]),
    )
    made = Student(run, None, None, None)
    trained = []

    def fine_tune(self, name, state, arch, stage):
        trained.append((name, stage.steps, stage.average))
        return state

    monkeypatch.setattr(Student, "fine_tune", fine_tune)
    monkeypatch.setattr(Student, "finalize", lambda self, state, arch: arch)
    return made, trained


def config(shortlist):
    tune = Distillation(constant_steps=5, decay_steps=5, average=0.9)
    return Compression(shortlist=shortlist, trial_steps=3, fine_tune=tune)


def test_alone_the_best_of_the_search_is_taken_at_once(student):
    chosen, trained = student
    assert chosen.choose(jnp.float32(0), CANDIDATES, config(1)) == (2, 1) and not trained


def test_of_a_shortlist_the_best_after_its_trial_is_taken(student, tmp_path):
    chosen, trained = student
    assert chosen.choose(None, CANDIDATES, config(2)) == (1, 2)
    assert trained == [("trial_2_1", 3, 0.9), ("trial_1_2", 3, 0.9)]
    rows = records.read(tmp_path / "shortlist.jsonl")
    assert [(row["arch"], row["searched"]) for row in rows] == [("2_1", 0.1), ("1_2", 0.2)]
    assert [row["tried"] for row in rows] == pytest.approx([0.9, 0.4])


def test_a_trial_that_was_made_is_not_made_again(student):
    chosen, trained = student
    chosen.choose(None, CANDIDATES, config(2))
    trained.clear()
    assert chosen.choose(None, CANDIDATES, config(3)) == (1, 1)
    assert [name for name, *_ in trained] == ["trial_1_1"]
