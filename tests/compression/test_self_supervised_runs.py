import dataclasses
import json
from typing import get_args

import jax
import numpy as np
import pytest

from ganc import channels
from ganc.compression import self_supervised as run
from ganc.compression.self_supervised_settings import SCHEMES, Baseline
from ganc.errors import UserError
from ganc.metrics import cost
from ganc.models import resnet
from ganc.pruning.pruner import pruner
from ganc.recipes import self_supervised, self_supervised_table
from ganc.scores.sparsity import sparsity
from ganc.types import Model

SMALL = resnet.generator(resnet.Spec(8, 3))

# Table 1 of the publication, as its columns say: what the generator and the discriminator start
# from, and whether the discriminator is fixed; None where it has no discriminator.
TABLE = {
    "b": ("teacher", "trained", False),
    "c": ("narrow", "random", False),
    "d": ("teacher", "trained", False),
    "e": ("teacher", "random", False),
    "f": ("random", "random", False),
    "g": ("teacher", None, None),
    "h": ("teacher", "trained", False),
    "i": ("teacher", "trained", True),
    "j": ("random", "random", False),
    "k": ("teacher", "random", False),
    "l": ("teacher", "trained", True),
    "m": ("teacher", "trained", False),
    "n": ("teacher", "trained", False),
}


def test_the_baselines_are_those_of_the_table():
    assert tuple(SCHEMES) == get_args(Baseline) == tuple(TABLE)
    for letter, (start, judge, fixed) in TABLE.items():
        scheme = dataclasses.replace(self_supervised.EARTH64, baseline=letter).scheme
        assert scheme.start == start
        if judge is None:  # nothing of a discriminator reaches the generator
            assert scheme.items == "none" and scheme.frozen
        else:
            assert (scheme.judge, scheme.frozen) == (judge, fixed)
    assert len(set(SCHEMES.values())) == len(SCHEMES)
    frozen = dataclasses.replace(self_supervised.EARTH64, discriminator="frozen")
    assert frozen.scheme.frozen
    assert not dataclasses.replace(frozen, baseline="d").scheme.frozen  # the table says what it is


def test_masks_tighten_over_the_first_half():
    config = self_supervised.EARTH64
    schedule = run.schedule(config)
    assert schedule is not None and schedule.target == 0.5
    assert schedule.ramp <= config.training.steps / 2 < schedule.ramp + schedule.every
    assert schedule.ramp // schedule.every >= 20
    assert run.schedule(dataclasses.replace(config, baseline="c")) is None
    once = run.schedule(dataclasses.replace(config, baseline="d"))
    assert once is not None and once.ramp == 0


def test_a_narrow_network_has_as_many_parameters_as_are_left():
    widths = run.narrow(SMALL, 0.5)
    count = cost.params(SMALL)
    assert int(count(widths)) <= 0.5 * int(count(SMALL.widths))
    wider = {group: width // 8 * (widths["stem"] + 1) for group, width in SMALL.widths.items()}
    assert int(count(wider)) > 0.5 * int(count(SMALL.widths))
    with pytest.raises(UserError, match="no network of this family"):
        run.narrow(SMALL, 1e-6)


def test_what_a_sparse_model_costs(random_params):
    params = random_params(SMALL)
    how = pruner(SMALL, "element")
    masks = how.tighten(params, how.init(), 0.5)
    found = sparsity(Model(SMALL, how.apply(params, masks)), (32, 32))
    assert found["zeros"] == pytest.approx(0.5, abs=1e-3)
    assert found["macs"] == int(cost.macs(SMALL, 32, 32, "true")(SMALL.widths))
    assert found["effective_macs"] == pytest.approx(0.5 * found["macs"], rel=1e-2)
    assert 0.5 < found["sparse_bytes"] / found["bytes"] < 0.56
    # One layer at another sparsity is weighed by its own work.
    params["stem"]["kernel"] = np.zeros_like(params["stem"]["kernel"])
    found = sparsity(Model(SMALL, params), (32, 32))
    stem = 32 * 32 * 49 * 3 * 8
    assert found["macs"] - found["effective_macs"] == stem


def test_filters_leave_a_smaller_dense_model(random_params):
    how, params = pruner(SMALL, "filter"), random_params(SMALL)
    masks = how.tighten(params, how.init(), 0.5)
    keep = how.keep(masks)
    small = channels.slice_params(how.apply(params, masks), SMALL.axes, keep)
    found = sparsity(Model(SMALL, small), (32, 32))
    assert found["zeros"] < 0.01 and found["effective_macs"] <= found["macs"]
    assert found["macs"] < 0.35 * int(cost.macs(SMALL, 32, 32, "true")(SMALL.widths))


@pytest.mark.parametrize("table", ["failures", "sweep"])
def test_tables_share_what_the_first_variant_trains(table, tmp_path):
    config = dataclasses.replace(self_supervised_table.PRESETS["failures64"], table=table)
    found = self_supervised_table.variants(config, tmp_path)
    names = list(found)
    expected = (
        list(TABLE)
        if table == "failures"
        else [
            f"{granularity}-{percent}"
            for granularity in ("element", "filter")
            for percent in (25, 50, 75, 90)
        ]
    )
    assert names == expected
    assert found[names[0]].config.teacher == config.teacher
    assert {found[n].config.teacher for n in names[1:]} == {str(tmp_path / names[0])}
    if table == "sweep":
        assert [v.config.sparsity for v in found.values()] == 2 * [0.25, 0.5, 0.75, 0.9]


def test_more_than_two_in_four_is_refused(tmp_path):
    config = dataclasses.replace(self_supervised.SMOKE, granularity="2:4", sparsity=0.75)
    with pytest.raises(UserError, match="2:4 leaves half"):
        self_supervised.run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("preset", self_supervised.PRESETS)
def test_presets_are_plain_values(preset):
    json.dumps(dataclasses.asdict(self_supervised.PRESETS[preset]))


@pytest.mark.parametrize("name", self_supervised.SETUPS)
def test_every_task_fits_the_presets(name):
    """Its game can be played at the size of the preset, and its weights are of its items."""
    setup, config = self_supervised.SETUPS[name], self_supervised.SMOKE
    task, generator = setup.build(config.train_teacher, config.size)
    game = task.play(generator)
    players = jax.eval_shape(game.init, jax.random.key(0))
    picture = jax.ShapeDtypeStruct((2, config.size, config.size, 3), np.float32)
    batch = {"a": picture, "b": picture, "mix": jax.ShapeDtypeStruct((2, 2), np.float32)}
    both, k = (players["generator"], players["discriminator"]), jax.random.key(0)
    terms, made = jax.eval_shape(game.generator_terms, *both, batch, k)
    more, _ = jax.eval_shape(game.discriminator_terms, players["discriminator"], batch, made.fakes)
    assert "discriminator" in str(list(more)) and set(game.weights) <= {*terms, *more}
    assert (
        len(made.fakes["b"].shape) == 4 and generator.divisor <= 64 and not 64 % generator.divisor
    )
