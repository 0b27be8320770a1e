"""What every training step must keep, run with networks that have running statistics."""

import dataclasses

import chex
import jax
import numpy as np
import optax
import pytest
from flax.traverse_util import flatten_dict

from ganc.data.labels import LabelMaps
from ganc.features.perceptual import Perceptual
from ganc.losses.distillation import Distil
from ganc.methods import adversarial, omgd, omgd_step, self_supervised
from ganc.methods import once_for_all as ofa
from ganc.models import discriminators
from ganc.models.statistics import apply_each, merge
from ganc.pruning.pruner import pruner
from ganc.search.classes import ShapeClasses
from ganc.search.space import Space
from ganc.tasks import cyclegan, gaugan, pix2pix

# Decay moves whatever it is given, with or without a gradient.
DECAYING = optax.chain(optax.add_decayed_weights(0.1), optax.adam(1e-2))
JUDGES = {
    channels: discriminators.patch(
        discriminators.PatchSpec(ndf=4, layers=1, channels_in=channels, norm="batch")
    )
    for channels in (3, 6)
}
TASKS = {
    "cyclegan": cyclegan.task(JUDGES[3], pool=0),
    "pix2pix": pix2pix.task(JUDGES[6]),
    "gaugan": gaugan.task(JUDGES[6], LabelMaps(3), perceptual=0),
}
every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def both(optimizer):
    return {"generator": optimizer, "discriminator": optimizer}


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return {d: rng.uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32) for d in "ab"}


def distil(task, generator, optimizers, random_params):
    method = ofa.OnceForAll(task, generator, generator, Distil(0.5))
    space = Space(generator.slots, ((4, 2), (4, 2)))
    classes = ShapeClasses(space, ((2, 4), (4, 4)))
    step = ofa.make_step(method, optimizers, random_params(generator), classes, seed=3)
    return ofa.init(method, jax.random.key(0), optimizers), step, method.measured


def sandwich(task, generator, optimizers, random_params):
    method = ofa.OnceForAll(task, generator, generator, Distil(0.5))
    space = Space(generator.slots, ((4, 2), (4, 2)))
    classes = ShapeClasses(space, ((4, 4),))
    step = ofa.make_step(
        method, optimizers, random_params(generator), classes, sampling="sandwich", average=0.5
    )
    state = ofa.init(method, jax.random.key(0), optimizers, average=0.5)
    return state, step, method.measured


def scratch(task, generator, optimizers, random_params):
    del random_params
    game = task.play(generator)
    step = adversarial.make_step(game, optimizers, jax.random.key(1), average=0.5)
    state = adversarial.init(game, jax.random.key(0), optimizers, (8, 8, 3), average=0.5)
    return state, jax.jit(step), game.measured


def online(task, generator, optimizers, random_params):
    del random_params
    weights = np.ones((3, 5), np.float32)
    method = omgd.Omgd(
        task,
        generator,
        {"wider": generator, "deeper": generator},
        Perceptual("toy", weights, lambda p, x: (x @ p, x[:, ::2] @ p)),
        games=dict.fromkeys(("wider", "deeper"), task.play(generator)),
    )
    optimizers = optimizers | {"teacher": optimizers["generator"]}
    state = omgd.init(method, jax.random.key(0), optimizers, (8, 8, 3), average=0.5)
    parts = omgd_step.compiled(omgd_step.make_parts(method, optimizers, average=0.5))
    step = omgd_step.make_step(method, parts, omgd.freeze(method), jax.random.key(1))
    return state, step, method.measured


def supervised(task, generator, optimizers, random_params):
    del random_params
    game = task.play(generator)
    players = game.init(jax.random.key(0))
    everyone = tuple(players["generator"])
    how = {"generator": pruner(generator, "element")}
    method = self_supervised.SelfSupervised(game, learning=everyone, pruners=how)
    step = self_supervised.make_step(
        method, optimizers, players["generator"], jax.random.key(1), average=0.5
    )
    state = self_supervised.init(method, players, optimizers, (8, 8, 3), average=0.5)
    return state, step, game.measured


METHODS = {
    "once_for_all": distil,
    "sandwich": sandwich,
    "adversarial": scratch,
    "omgd": online,
    "self_supervised": supervised,
}


@every_task
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_statistics_are_measured_and_never_optimised(task, method, toy, batch, random_params):
    state, step, measured = method(task, toy(4, norm=True), both(DECAYING), random_params)
    before = jax.tree.map(np.asarray, state.params)
    after, terms = step(state, batch, 0)
    assert all(np.isfinite(term) for term in terms.values())
    seen = 0
    for role, paths in measured.items():
        assert paths, f"{role} has no statistics: this test shows nothing"
        old, new = (flatten_dict(tree[role], sep="/") for tree in (before, after.params))
        for path in paths:
            # Means begin at 0 and variances at 1, and move a tenth of the way towards the batch's
            # (twice at most where two batches are seen); decay and Adam would move them by 0.01.
            start = float(path.endswith("/var"))
            np.testing.assert_array_equal(old[path], start)
            seen += int(np.any(new[path] != start))
        for path, leaf in new.items():
            if path not in paths and not path.startswith("adaptors") and "kernel" in path:
                assert np.any(leaf != old[path]), path  # what is learned moves
    assert seen == sum(map(len, measured.values()))
    # Without any optimiser's update at all they end at the same place.
    state, step, _ = method(task, toy(4, norm=True), both(optax.set_to_zero()), random_params)
    unmoved, _ = step(state, batch, 0)
    for role, paths in measured.items():
        ours = flatten_dict(after.params[role], sep="/")
        theirs = flatten_dict(unmoved.params[role], sep="/")
        chex.assert_trees_all_equal(
            {path: ours[path] for path in paths}, {path: theirs[path] for path in paths}
        )


@pytest.fixture
def normed(toy):
    return toy(4, norm=True)


def test_statistics_of_a_class_go_back_to_their_places(normed, batch, random_params):
    state, *_ = distil(TASKS["cyclegan"], normed, both(DECAYING), random_params)
    method = ofa.OnceForAll(TASKS["cyclegan"], normed, normed, Distil(0.5))
    players, space = ofa.make_players(method), Space(normed.slots, ((4, 2), (4, 2)))
    shape, arch = space.widths((2, 4)), (2, 2)
    masks = {group: mask[0] for group, mask in space.masks([arch], shape).items()}
    inputs = method.task.inputs(batch, None)
    target = players.target(random_params(normed), batch, inputs)
    _, statistics, *_ = players.generator(state.params, target, batch, inputs, masks, shape)
    means = statistics["student"]["stem_norm"]["mean"]
    assert means.shape == (4,)
    assert (means[:2] != 0).all() and (means[2:] == 0).all()
    assert (statistics["student"]["body_norm"]["mean"] != 0).tolist() == [True] * 4 + [False] * 4


def test_batches_are_kept_apart_where_a_network_has_statistics(normed, batch, random_params):
    params = random_params(normed)
    (a, b), statistics = apply_each(normed, params, [batch["a"], batch["b"]])
    alone = normed.apply(params, batch["a"], momentum=0.1)
    np.testing.assert_allclose(a.image, alone.image, atol=1e-6)
    second = normed.apply(merge(params, alone.statistics), batch["b"], momentum=0.1)
    np.testing.assert_allclose(b.image, second.image, atol=1e-6)
    chex.assert_trees_all_close(statistics, second.statistics, atol=1e-6)
    joined = normed.apply(params, np.concatenate([batch["a"], batch["b"]]), momentum=0.1).image
    assert np.abs(joined[:2] - a.image).max() > 1e-3


def test_batches_are_joined_where_it_changes_nothing(toy, batch, random_params):
    calls, plain = [], toy(4)

    def apply(params, x, **options):
        calls.append(len(x))
        return plain.apply(params, x, **options)

    counted = dataclasses.replace(plain, apply=apply)
    params = random_params(plain)
    (a, b), _ = apply_each(counted, params, [batch["a"], batch["b"][:1]])
    assert calls == [3]
    np.testing.assert_allclose(a.image, plain.apply(params, batch["a"]).image, atol=1e-6)
    np.testing.assert_allclose(b.image, plain.apply(params, batch["b"][:1]).image, atol=1e-6)
