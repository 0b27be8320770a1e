import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec as P

from ganc import channels
from ganc.losses.distillation import Distil, adaptor_axes, init_adaptors
from ganc.methods import once_for_all as ofa
from ganc.methods.update import begin
from ganc.models import discriminators
from ganc.search.classes import ShapeClasses
from ganc.search.space import Space
from ganc.search.supernet import Supernet
from ganc.tasks import cyclegan
from ganc.train import sharding

JUDGE = discriminators.patch(discriminators.PatchSpec(ndf=4, layers=1))


@pytest.fixture
def method(toy):
    return ofa.OnceForAll(cyclegan.task(JUDGE), toy(4), toy(6), Distil(0.5))


def both(optimizer):
    return {"generator": optimizer, "discriminator": optimizer}


def adaptors_of(method):
    return init_adaptors(method.distil, jax.random.key(0), method.student, method.teacher)


def axes_of(method):
    adaptors = adaptor_axes(method.distil, method.student, method.teacher)
    return {"student": method.student.axes, "adaptors": adaptors}


@pytest.fixture
def space(method):
    return Space(method.student.slots, ((4, 2, 1), (4, 3)))


@pytest.fixture
def params(method, random_params):
    tree = {
        "generator": {"student": random_params(method.student), "adaptors": adaptors_of(method)},
        "discriminator": random_params(JUDGE, seed=1),
    }
    return jax.tree.map(jnp.asarray, tree)


@pytest.fixture
def teacher(method, random_params):
    return random_params(method.teacher, seed=2)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return {d: rng.uniform(-1, 1, (4, 8, 8, 3)).astype(np.float32) for d in "ab"}


def test_the_state_begins_as_the_reference_says(method, key):
    state = ofa.init(method, key, both(optax.adam(1e-3)))
    adaptors = state.params["generator"]["adaptors"]
    # One 1x1 convolution per shared tap, from the student's 4 channels to the teacher's 6.
    assert {tap: a["kernel"].shape for tap, a in adaptors.items()} == {"middle": (4, 6)}
    assert set(state.params) == set(state.opt_state) == {"generator", "discriminator"}
    assert state.step == 0


@pytest.mark.parametrize("arch", [(4, 4), (2, 3), (1, 3)])
def test_gradients_in_a_class_are_those_of_the_cut_out_subnet(
    method, space, params, teacher, batch, arch
):
    players = ofa.make_players(method)
    inputs = method.task.inputs(batch, None)
    target = players.target(teacher, batch, inputs)
    shape = space.widths((4, 4) if arch == (4, 4) else (2, 4))
    masks = {group: mask[0] for group, mask in space.masks([arch], shape).items()}
    generator = jax.jit(players.generator, static_argnames="shape")
    gradients, _, terms, fake = generator(params, target, batch, inputs, masks, shape=shape)

    axes = axes_of(method)
    keep = channels.prefix(space.widths(arch))

    def loss(params):
        output = method.student.apply(params["student"], batch["a"])
        adaptor = params["adaptors"]["middle"]
        features = output.taps["middle"] @ adaptor["kernel"] + adaptor["bias"]
        judged = JUDGE.apply(discriminator, output.image).logits
        terms = {
            "adversarial": jnp.mean((judged - 1) ** 2),
            "reconstruction": 10 * jnp.abs(output.image - target.image).mean(),
            "distillation": 0.5 * jnp.mean((features - target.taps["middle"]) ** 2),
        }
        return sum(terms.values()), (terms, output.image)

    discriminator = params["discriminator"]
    small = channels.slice_params(params["generator"], axes, keep)
    expected, (expected_terms, expected_fake) = jax.jit(jax.grad(loss, has_aux=True))(small)
    chex.assert_trees_all_close(terms, expected_terms, rtol=1e-5)
    np.testing.assert_allclose(fake, expected_fake, atol=1e-6)
    chex.assert_trees_all_close(channels.slice_params(gradients, axes, keep), expected, atol=1e-5)
    total, kept = (sum(jnp.abs(x).sum() for x in jax.tree.leaves(t)) for t in (gradients, expected))
    np.testing.assert_allclose(total, kept, rtol=1e-5)  # nothing outside the subnet


def test_the_discriminator_sees_real_and_fake_halves(method, params, batch):
    fake = batch["a"][::-1]
    gradients, _, terms = ofa.make_players(method).discriminator(params, batch, fake)

    def loss(p):
        real, made = (JUDGE.apply(p, x).logits for x in (batch["b"], fake))
        return (jnp.mean((real - 1) ** 2) + jnp.mean(made**2)) / 2

    value, expected = jax.value_and_grad(loss)(params["discriminator"])
    np.testing.assert_allclose(terms["discriminator"], value, rtol=1e-5)
    chex.assert_trees_all_close(gradients, expected, atol=1e-5)


@pytest.mark.parametrize("sampling", ["uniform", "sandwich"])
def test_training_approaches_the_teacher_with_one_trace_per_class(
    method, space, params, teacher, batch, sampling
):
    student, traced = method.student, []

    def apply(p, x, **options):
        traced.append(options["widths"])
        return student.apply(p, x, **options)

    method = dataclasses.replace(method, student=dataclasses.replace(student, apply=apply))
    classes = ShapeClasses(space, ((2, 4), (4, 4)))
    optimizer = optax.adam(1e-2, b1=0.5)
    step = ofa.make_step(method, both(optimizer), teacher, classes, sampling=sampling)
    state, losses = begin(params, both(optimizer)), []
    for index in range(20):
        state, terms = step(state, batch, index)
        losses.append(float(terms["reconstruction"]))
    assert sorted(traced, key=str) == sorted(map(space.widths, classes.classes), key=str)
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert state.step == 20


def test_sandwich_is_the_mean_of_its_three_architectures(method, space, params, teacher, batch):
    archs = ofa.draw(space, "sandwich", seed=0, step=3)
    assert archs[:2] == [space.largest, space.smallest]
    assert archs[2:] == ofa.draw(space, "uniform", seed=0, step=3)
    optimizer, classes = optax.sgd(1.0), ShapeClasses(space, (space.largest,))
    copied = jax.tree.map(jnp.copy, params)
    step = ofa.make_step(method, both(optimizer), teacher, classes, sampling="sandwich")
    after, _ = step(begin(copied, both(optimizer)), batch, 3)
    players, inputs = ofa.make_players(method), method.task.inputs(batch, None)
    shape = space.widths(space.largest)
    steps = [
        players.generator(
            params,
            players.target(teacher, batch, inputs),
            batch,
            inputs,
            {group: mask[0] for group, mask in space.masks([arch], shape).items()},
            shape,
        )[0]
        for arch in archs
    ]
    expected = jax.tree.map(lambda p, *g: p - sum(g) / 3, params["generator"], *steps)
    chex.assert_trees_all_close(after.params["generator"], expected, atol=1e-5)


def test_architectures_are_a_function_of_seed_and_step(space):
    drawn = [ofa.draw(space, "uniform", 5, step) for step in range(200)]
    assert drawn == [ofa.draw(space, "uniform", 5, step) for step in range(200)]
    assert drawn != [ofa.draw(space, "uniform", 6, step) for step in range(200)]
    assert {arch for (arch,) in drawn} == set(space)


def test_two_devices_equal_one(method, space, params, teacher, batch):
    # Stochastic gradient descent: Adam makes steps of the noise in gradients that are zero.
    optimizer, classes = optax.sgd(0.1), ShapeClasses(space, (space.largest,))
    results = []
    for size in (1, 2):
        mesh = sharding.data_mesh(4 if size == 2 else 1)
        assert mesh.size == size
        step = ofa.make_step(method, both(optimizer), sharding.replicate(teacher, mesh), classes)
        state = sharding.replicate(begin(params, both(optimizer)), mesh)
        placed = jax.device_put(batch, sharding.split(mesh))
        for index in range(2):
            state, terms = step(state, placed, index)
        results.append(jax.device_get((state.params, terms)))
    chex.assert_trees_all_close(*results, atol=1e-5)


def test_players_under_shard_map_equal_one_device(method, space, params, teacher, batch):
    players, shape = ofa.make_players(method, axis_name="data"), space.widths(space.largest)
    masks = {group: mask[0] for group, mask in space.masks([(2, 3)], shape).items()}

    def both(players):
        def run(params, batch):
            inputs = method.task.inputs(batch, None)
            wanted = players.target(teacher, batch, inputs)
            *g, fake = players.generator(params, wanted, batch, inputs, masks, shape)
            return g, players.discriminator(params, batch, fake)

        return run

    together = jax.shard_map(
        both(players),
        mesh=sharding.data_mesh(4),
        in_specs=(P(), P("data")),
        out_specs=P(),
        check_vma=False,
    )
    expected = jax.jit(both(ofa.make_players(method)))(params, batch)
    chex.assert_trees_all_close(jax.jit(together)(params, batch), expected, atol=1e-5)


def test_the_subnet_that_is_cut_out_draws_what_the_masked_supernet_draws(
    method, space, params, batch
):
    arch = (2, 3)
    state = begin(params, both(optax.sgd(0.1)))._replace(step=jnp.int32(7))
    small = ofa.finalize(state, Supernet(method.student, space, (8, 8, 3)), arch)
    assert small.arch == arch
    widths = channels.read_widths(small.params, small.generator.axes)
    assert widths == space.widths(arch)
    masks = channels.masks(channels.prefix(widths), method.student.widths)
    student = params["generator"]["student"]
    masked = method.student.apply(student, batch["a"], masks=masks).image
    np.testing.assert_allclose(
        method.student.apply(small.params, batch["a"]).image, masked, atol=1e-6
    )


def test_fine_tuning_leaves_all_other_weights_alone(method, space, params, teacher, batch):
    arch = (2, 3)
    optimizer, classes = optax.adam(1e-2), ofa.single_class(space, arch)
    assert list(classes.space) == [arch]
    before = jax.tree.map(np.asarray, params["generator"]["student"])
    step = ofa.make_step(method, both(optimizer), teacher, classes)
    state, _ = step(begin(params, both(optimizer)), batch, 0)
    after = state.params["generator"]["student"]
    keep, axes = channels.prefix(space.widths(arch)), method.student.axes
    difference = jax.tree.map(lambda a, b: np.abs(a - b), after, before)
    inside = channels.slice_params(difference, axes, keep)
    assert all((leaf > 0).any() for leaf in jax.tree.leaves(inside))
    total, kept = (sum(x.sum() for x in jax.tree.leaves(t)) for t in (difference, inside))
    np.testing.assert_allclose(total, kept, rtol=1e-5)


def test_the_program_whose_memory_is_asked_for_is_not_compiled_again(
    method, space, params, teacher, batch, caplog
):
    optimizers = both(optax.sgd(0.1))
    classes = ShapeClasses(space, (space.largest,))
    step = ofa.make_step(method, optimizers, teacher, classes)
    state = begin(params, optimizers)
    assert step.lower(state, batch, 0).compile().memory_analysis().temp_size_in_bytes > 0
    with jax.log_compiles(), caplog.at_level("WARNING"):
        step(state, batch, 0)
    compiled = [r.getMessage() for r in caplog.records if "Finished XLA" in r.getMessage()]
    assert compiled and not any("jit(generator)" in message for message in compiled)
