import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec as P

from ganc import channels
from ganc.features.perceptual import Perceptual
from ganc.losses.channel_distillation import (
    ChannelDistil,
    channel_adaptor_axes,
    channel_distillation_loss,
)
from ganc.losses.imitation import Imitation, imitation_terms
from ganc.methods import adversarial, omgd, omgd_step
from ganc.methods import once_for_all as ofa
from ganc.models import discriminators
from ganc.search.classes import ShapeClasses
from ganc.search.space import Space
from ganc.tasks import cyclegan, pix2pix
from ganc.train import sharding

JUDGE = discriminators.branched(
    discriminators.BranchedSpec(ndf=4, layers=1, norm="instance", shared=1)
)
TASK = pix2pix.task(JUDGE)
# No smaller weights than these, or the terms of a toy drown in rounding.
IMITATION = Imitation(style=1.0, variation=1e-3)
SHAPE = (12, 12, 3)


def maps(params, x):
    fine = x @ params
    return fine, fine[:, ::2, ::2] ** 2


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return {d: rng.uniform(-1, 1, (4, *SHAPE)).astype(np.float32) for d in "ab"}


@pytest.fixture
def method(toy):
    """A wider and a deeper teacher, each before a branch of its own."""
    teachers = {"wider": toy(4), "deeper": toy(3)}
    games = {
        name: pix2pix.task(discriminators.branch(JUDGE, index)).play(generator)
        for index, (name, generator) in enumerate(teachers.items())
    }
    weights = np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
    return omgd.Omgd(
        task=TASK,
        student=toy(2),
        teachers=teachers,
        perceptual=Perceptual("toy", weights, maps),
        imitation=IMITATION,
        channels=ChannelDistil(5.0),
        games=games,
    )


def begin(method, optimizer, random_params):
    """A state whose networks have something to say."""
    optimizers = dict.fromkeys(method.roles, optimizer)
    state = omgd.init(method, jax.random.key(0), optimizers, SHAPE)
    params = dict(state.params)
    params["generator"] = params["generator"] | {"student": random_params(method.student, 1)}
    for seed, name in enumerate(method.games, start=2):
        teacher = {"ab": random_params(method.teachers[name], seed, 0.3)}
        params["teacher"] = params["teacher"] | {name: teacher}
    return optimizers, state._replace(params=jax.tree.map(jnp.asarray, params))


def make_step(method, optimizers, frozen=None, *, average=0.0, every=1):
    parts = omgd_step.compiled(omgd_step.make_parts(method, optimizers, average=average))
    frozen = omgd.freeze(method) if frozen is None else frozen
    return omgd_step.make_step(method, parts, frozen, jax.random.key(1), every=every)


def copied(tree):
    return jax.tree.map(jnp.copy, tree)


def loss_by_hand(method, params, teachers, batch):
    """The published objective of the student, written out."""
    output = method.student.apply(params["student"], batch["a"])
    taught = {
        name: method.teachers[name].apply(teachers[name], batch["a"]) for name in method.teachers
    }
    see = method.perceptual.features(method.perceptual.params)
    pictures = [each.image for each in taught.values()]
    total = sum(imitation_terms(method.imitation, see, output.image, pictures).values())
    pairs = {"middle": "middle"}
    return total + channel_distillation_loss(
        method.channels, pairs, params["adaptors"], output.taps, taught["wider"].taps
    )


def teachers_in(state):
    return {name: trees["ab"] for name, trees in state.params["teacher"].items()}


def test_the_student_learns_from_the_teachers_as_they_were(method, batch, random_params):
    optimizers, state = begin(method, optax.sgd(0.1), random_params)
    before = copied(state.params)
    step = make_step(method, optimizers)
    old_teachers = copied(teachers_in(state))
    after, terms = step(state, batch, 0)
    loss, gradient = jax.jit(
        jax.value_and_grad(lambda p: loss_by_hand(method, p, old_teachers, batch))
    )(before["generator"])
    expected = jax.tree.map(lambda p, g: p - 0.1 * g, before["generator"], gradient)
    chex.assert_trees_all_close(after.params["generator"], expected, atol=1e-5)
    ours = ("ssim", "style", "features", "variation", "channels")
    assert sum(float(terms[name]) for name in ours) == pytest.approx(float(loss), rel=1e-5)
    assert jnp.abs(after.params["generator"]["adaptors"]["middle"]["kernel"]).max() > 0


def test_it_sees_neither_the_discriminator_nor_the_truth(method, batch, random_params):
    optimizers, state = begin(method, optax.sgd(0.1), random_params)
    turn = omgd_step.make_turn(method, omgd_step.make_parts(method, optimizers), jax.random.key(1))
    turn = jax.jit(turn, static_argnames="learn")
    frozen = omgd.freeze(method)
    one, _ = turn(state, frozen, batch, 0, learn=True)
    judge = jax.tree.map(lambda x: x + 1, state.params["discriminator"])
    other = state._replace(params=state.params | {"discriminator": judge})
    two, _ = turn(other, frozen, batch | {"b": -batch["b"]}, 0, learn=True)
    chex.assert_trees_all_equal(one.params["generator"], two.params["generator"])
    assert jnp.abs(
        one.params["teacher"]["wider"]["ab"]["head"]["kernel"]
        - two.params["teacher"]["wider"]["ab"]["head"]["kernel"]
    ).max() > 1e-6  # fmt: skip


def test_each_teacher_plays_the_game_of_its_task(method, batch, random_params):
    """Before the branch of its own, both players at the same parameters."""
    optimizers, state = begin(method, optax.sgd(0.1), random_params)
    before = copied(state)
    step = make_step(method, optimizers)
    after, terms = step(state, batch, 0)
    changes = []
    for name, game in method.games.items():
        both = {"generator": optax.sgd(0.1), "discriminator": optax.sgd(0.1)}
        alone = adversarial.init(game, jax.random.key(0), both, SHAPE)
        alone = alone._replace(
            params={
                "generator": before.params["teacher"][name],
                "discriminator": before.params["discriminator"],
            }
        )
        trained, wanted = jax.jit(adversarial.make_step(game, both, jax.random.key(1)))(
            alone, batch, 0
        )
        chex.assert_trees_all_close(
            after.params["teacher"][name], trained.params["generator"], atol=1e-5
        )
        for term, value in wanted.items():
            assert terms[f"{name}_{term}"] == pytest.approx(float(value), rel=1e-4)
        old = before.params["discriminator"]
        changes.append(jax.tree.map(lambda a, b: a - b, trained.params["discriminator"], old))
    # The discriminator takes the sum of both.
    expected = jax.tree.map(lambda p, *d: p + sum(d), before.params["discriminator"], *changes)
    chex.assert_trees_all_close(after.params["discriminator"], expected, atol=1e-5)
    moved = {
        name: float(jnp.abs(after.params["discriminator"]["b"][name]["kernel"]
                            - before.params["discriminator"]["b"][name]["kernel"]).max())
        for name in ("conv0_0", "conv0_1", "conv1_0", "conv1_1")
    }  # fmt: skip
    assert moved.pop("conv0_0") == 0 and min(moved.values()) > 0


def test_teachers_learn_in_every_third_step_and_the_student_in_all(toy, batch, random_params):
    wide, judge = toy(4, norm=True), discriminators.PatchSpec(4, 1, 6)
    task = pix2pix.task(discriminators.patch(judge))
    method = omgd.Omgd(
        task=task,
        student=toy(2, norm=True),
        teachers={"wider": wide},
        perceptual=Perceptual("toy", np.ones((3, 5), np.float32), maps),
        imitation=IMITATION,
        games={"wider": task.play(wide)},
    )
    optimizers, state = begin(method, optax.adam(1e-2), random_params)
    step = make_step(method, optimizers, every=3)

    def parts(state):
        teacher = state.params["teacher"]["wider"]["ab"]
        return jax.device_get(
            {
                "student": state.params["generator"]["student"]["head"]["kernel"],
                "teacher": teacher["head"]["kernel"],
                "statistics": teacher["stem_norm"]["mean"],
                "discriminator": state.params["discriminator"]["b"]["conv0"]["kernel"],
            }
        )

    learned = []
    for index in range(6):
        before = parts(state)
        state, terms = step(state, batch, index)
        after = parts(state)
        learned.append("".join(k[0] for k in sorted(before) if np.any(before[k] != after[k])))
        assert ("wider_adversarial" in terms) == (index % 3 == 2)
    assert learned == ["ss", "ss", "dsst"] * 2
    count = state.opt_state["teacher"][0].count
    assert (count, state.opt_state["generator"][0].count, state.step) == (2, 6, 6)


def test_given_teachers_are_frozen(method, batch, random_params):
    method = dataclasses.replace(method, games={})
    assert method.roles == ("generator",)
    optimizers, state = begin(method, optax.sgd(0.1), random_params)
    assert set(state.params) == {"generator"}
    given = {name: random_params(g, 7, 0.3) for name, g in method.teachers.items()}
    before = copied(state.params["generator"])
    step = make_step(method, optimizers, omgd.freeze(method, given))
    after, terms = step(state, batch, 0)
    gradient = jax.jit(jax.grad(lambda p: loss_by_hand(method, p, given, batch)))(before)
    expected = jax.tree.map(lambda p, g: p - 0.1 * g, before, gradient)
    chex.assert_trees_all_close(after.params["generator"], expected, atol=1e-5)
    assert set(terms) == {"ssim", "style", "features", "variation", "channels"}
    assert omgd.teachers_of(method, after) == {}


def test_without_weight_there_are_no_adaptors(method):
    method = dataclasses.replace(method, channels=ChannelDistil(0.0))
    optimizers = dict.fromkeys(method.roles, optax.sgd(0.1))
    state = omgd.init(method, jax.random.key(0), optimizers, SHAPE)
    assert state.params["generator"]["adaptors"] == {}


def test_two_way_games_teach_one_way(toy, batch, random_params):
    """CycleGAN, step by step: the student learns from the fakes of domain b, not of a."""
    judge = discriminators.patch(discriminators.PatchSpec(4, 1))
    task, wide = cyclegan.task(judge, pool=3), toy(4)
    method = omgd.Omgd(
        task=task,
        student=toy(2),
        teachers={"wider": wide},
        perceptual=Perceptual("toy", np.ones((3, 5), np.float32), maps),
        imitation=IMITATION,
        channels=ChannelDistil(5.0),
        games={"wider": task.play(wide)},
    )
    optimizers = dict.fromkeys(method.roles, optax.sgd(0.1))
    state = omgd.init(method, jax.random.key(0), optimizers, SHAPE, average=0.5)
    before = copied(state.params)
    step = make_step(method, optimizers, average=0.5)
    state, terms = step(state, batch, 0)
    taught = {"wider": before["teacher"]["wider"]["ab"]}
    loss = loss_by_hand(method, before["generator"], taught, batch)
    ours = ("ssim", "style", "features", "variation", "channels")
    assert sum(float(terms[name]) for name in ours) == pytest.approx(float(loss), rel=1e-4)
    assert {"wider_cycle_a", "wider_discriminator_a"} < set(terms)
    assert state.extra["pools"]["wider"]["a"].filled == 3
    average = jax.tree.map(
        lambda a, b: (a + b) / 2,
        before["generator"]["student"],
        state.params["generator"]["student"],
    )
    chex.assert_trees_all_close(omgd.student_of(method, state).params, average, atol=1e-6)
    model = omgd.teachers_of(method, state)["wider"]
    assert model.generator is wide
    chex.assert_trees_all_equal(model.params, state.params["teacher"]["wider"]["ab"])


def test_two_devices_equal_one(method, batch, random_params):
    results = []
    for size in (1, 2):
        mesh = sharding.data_mesh(4 if size == 2 else 1)
        assert mesh.size == size
        optimizers, state = begin(method, optax.sgd(0.1), random_params)
        frozen = sharding.replicate(omgd.freeze(method), mesh)
        step = make_step(method, optimizers, frozen, every=2)
        state, placed = (
            sharding.replicate(state, mesh), jax.device_put(batch, sharding.split(mesh))
        )  # fmt: skip
        for index in range(2):
            state, terms = step(state, placed, index)
        results.append(jax.device_get((state.params, terms)))
    chex.assert_trees_all_close(*results, atol=1e-4, rtol=1e-4)


def test_a_turn_under_shard_map_equals_one_device(method, batch, random_params):
    # Adaptors normalise by their batch and the variation sums over it: without them it is a mean.
    method = dataclasses.replace(
        method,
        channels=ChannelDistil(0.0),
        imitation=dataclasses.replace(IMITATION, total="picture"),
    )
    optimizers, state = begin(method, optax.sgd(0.1), random_params)
    frozen = omgd.freeze(method)

    def run(axis_name=None):
        parts = omgd_step.make_parts(method, optimizers, axis_name=axis_name)
        turn = omgd_step.make_turn(method, parts, jax.random.key(1))
        return lambda state, batch: turn(state, frozen, batch, 0, learn=True)

    together = jax.shard_map(
        run("data"), mesh=sharding.data_mesh(4), in_specs=(P(), P("data")), out_specs=P(),
        check_vma=False,
    )  # fmt: skip
    ours, terms = jax.jit(together)(state, batch)
    theirs, expected = jax.jit(run())(state, batch)
    chex.assert_trees_all_close((ours.params, terms), (theirs.params, expected), atol=1e-4)


def test_some_teachers_with_games_and_some_without_are_refused(method):
    with pytest.raises(ValueError, match=r"every teacher needs a game.*wider.*deeper"):
        dataclasses.replace(method, games={"wider": method.games["wider"]})
    with pytest.raises(ValueError, match="the teachers are"):
        dataclasses.replace(method, teachers={}, games={})


def test_a_supernet_learns_one_architecture_in_every_step(method, toy, batch, random_params):
    student = toy(4)
    method = dataclasses.replace(method, student=student, games={})
    space = Space(student.slots, ((4, 2), (4, 3)))
    classes = ShapeClasses(space, ((4, 4),))
    given = {name: random_params(g, 7, 0.3) for name, g in method.teachers.items()}
    optimizers, state = begin(method, optax.sgd(0.1), random_params)
    before = copied(state.params["generator"])
    parts = omgd_step.compiled(omgd_step.make_parts(method, optimizers))
    frozen = omgd.freeze(method, given)
    step = omgd_step.make_step(method, parts, frozen, jax.random.key(1), classes=classes, seed=5)
    index = next(i for i in range(9) if ofa.draw(space, "uniform", 5, i) == [(2, 3)])
    after, _ = step(state, batch, index)
    # As the subnet alone, cut out of supernet and adaptors.
    pairs = channel_adaptor_axes(method.channels, student, method.teachers["wider"])
    axes = {"student": student.axes, "adaptors": pairs}
    keep = channels.prefix(space.widths((2, 3)))
    small = channels.slice_params(before, axes, keep)
    gradient = jax.jit(jax.grad(lambda p: loss_by_hand(method, p, given, batch)))(small)
    expected = jax.tree.map(lambda p, g: p - 0.1 * g, small, gradient)
    found = channels.slice_params(after.params["generator"], axes, keep)
    chex.assert_trees_all_close(found, expected, atol=1e-5)
    moved = jax.tree.map(lambda a, b: jnp.abs(a - b).sum(), after.params["generator"], before)
    inside = jax.tree.map(lambda a, b: jnp.abs(a - b).sum(), found, small)
    chex.assert_trees_all_close(moved, inside, rtol=1e-4)  # and nothing else moves
