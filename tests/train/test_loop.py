import json
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.errors import Preempted, RunError
from ganc.hosts.preemption import heeded
from ganc.train import loop
from ganc.types import TrainState


def fresh():
    return TrainState(jnp.int32(0), {"w": jnp.zeros(2)}, {}, {})


@jax.jit
def advance(state, batch, step):
    noise = jax.random.normal(jax.random.fold_in(jax.random.key(0), step), (2,))
    w = 0.9 * state.params["w"] + noise + batch["a"].mean()
    return state._replace(step=state.step + 1, params={"w": w}), {"loss": w.sum(), "even": w[0]}


def batches(step):
    return {"a": np.full((1, 2), step, np.float32)}


def run(path, steps, advance=advance, **options):
    options = {"log_every": 2, "checkpoint_every": 4} | options
    return loop.run(
        advance,
        fresh(),
        batches,
        steps=steps,
        directory=path / "checkpoints",
        log=path / "metrics.jsonl",
        name="toy",
        **options,
    )


def rows(path):
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


class Killed(Exception):
    """Stands for SIGKILL: nothing of the loop catches it."""


@pytest.mark.parametrize("moment", [0, 1, 3, 4, 5, 9, 10])
def test_a_run_that_was_cut_off_ends_with_the_same_bits(tmp_path, moment):
    whole = run(tmp_path / "whole", 11)

    def dying(state, batch, step):
        if step == moment:
            raise Killed
        return advance(state, batch, step)

    with pytest.raises(Killed):
        run(tmp_path / "cut", 11, dying)
    seen = []

    def watched(state, batch, step):
        seen.append(step)
        return advance(state, batch, step)

    resumed = run(tmp_path / "cut", 11, watched)
    assert seen == list(range(moment // 4 * 4, 11))
    np.testing.assert_array_equal(whole.params["w"], resumed.params["w"])
    assert rows(tmp_path / "whole") == rows(tmp_path / "cut")


def test_a_termination_saves_where_it_is_and_the_end_is_the_same(tmp_path):
    whole = run(tmp_path / "whole", 11)

    def told(state, batch, step):
        if step == 5:
            signal.raise_signal(signal.SIGTERM)
        return advance(state, batch, step)

    message = "SIGTERM: toy is saved at step 6 of 11; the same command goes on"
    with heeded(), pytest.raises(Preempted, match=message):
        run(tmp_path / "cut", 11, told)
    assert (tmp_path / "cut" / "checkpoints" / "6").exists()
    resumed = run(tmp_path / "cut", 11)
    np.testing.assert_array_equal(whole.params["w"], resumed.params["w"])


def test_a_termination_after_the_last_step_ends_the_run_too(tmp_path):
    def told(state, batch, step):
        if step == 3:
            signal.raise_signal(signal.SIGTERM)
        return advance(state, batch, step)

    with heeded(), pytest.raises(Preempted, match="the same command goes on"):
        run(tmp_path, 4, told)
    assert (tmp_path / "checkpoints" / "4").exists()


def test_a_complete_run_trains_no_more(tmp_path):
    first = run(tmp_path, 4)
    second = run(tmp_path, 4, advance=None)
    np.testing.assert_array_equal(first.params["w"], second.params["w"])


def test_the_log_holds_means_and_keeps_other_stages(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"stage": "earlier", "step": 9, "loss": 1.0}\n')
    state, losses = fresh(), []
    for step in range(5):
        state, terms = advance(state, batches(step), step)
        losses.append(float(terms["loss"]))
    run(tmp_path, 5)
    found = rows(tmp_path)
    assert [(row["stage"], row["step"]) for row in found] == [
        ("earlier", 9), ("toy", 2), ("toy", 4), ("toy", 5),
    ]  # fmt: skip
    expected = [np.mean(losses[0:2]), np.mean(losses[2:4]), losses[4]]
    np.testing.assert_allclose([row["loss"] for row in found[1:]], expected, rtol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_no_number_stops_the_run_before_it_is_saved(tmp_path, value):
    def diverging(state, batch, step):
        state, terms = advance(state, batch, step)
        return state, terms | {"loss": jnp.float32(value) if step == 6 else terms["loss"]}

    with pytest.raises(RunError, match=r"loss stopped .* by step 8; .*checkpoint is of step 4"):
        run(tmp_path, 12, diverging)
    assert (tmp_path / "checkpoints" / "4").exists()
    assert not (tmp_path / "checkpoints" / "8").exists()
    assert rows(tmp_path)[-1]["step"] == 6


def test_a_checkpoint_is_a_row_of_the_log_too(tmp_path):
    run(tmp_path, 8, log_every=3, checkpoint_every=4)
    assert [row["step"] for row in rows(tmp_path)] == [3, 4, 6, 8]
