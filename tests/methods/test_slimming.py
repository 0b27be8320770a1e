import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.core import FrozenDict
from flax.traverse_util import flatten_dict

from ganc import channels
from ganc.compression.slimming_settings import Slim, Slimmed
from ganc.errors import UserError
from ganc.features.perceptual import Perceptual
from ganc.losses.content_style import ContentStyle
from ganc.methods import slimming
from ganc.methods.budget import Budget, budget_of, quadratic
from ganc.methods.shrinkage import shrink, soft_threshold
from ganc.methods.sites import Site, find_sites
from ganc.metrics import cost
from ganc.models import resnet
from ganc.models.discriminators import PatchSpec, patch
from ganc.models.quantised import Quantisation, quantised
from ganc.models.scales import with_scales
from ganc.tasks import cyclegan
from ganc.train.checkpoint import Checkpoints
from ganc.train.schedule import cosine_decay
from ganc.types import Model

JUDGE = patch(PatchSpec(ndf=2, layers=1, norm="affine", pooled=True))
PERCEPTUAL = Perceptual("pictures", FrozenDict(), lambda _, x: (x, x, x, x), content=0)


def test_the_published_trace_of_the_scales():
    """Wang et al. 2020: rate 0.1, momentum 0.5, rho 0.01."""
    scales = jnp.float32([1, 0.02, -0.01])
    optimizer = slimming.momentum(lambda step: 0.1, 0.5)
    state, found = optimizer.init(scales), []
    for g in ([0.1, 0.05, -0.2], [0, -0.05, 0.1], [0.02, 0, 0]):
        updates, state = optimizer.update(jnp.float32(g), state)
        scales = soft_threshold(optax.apply_updates(scales, updates), 0.01 * 0.1)
        found.append(scales)
    wanted = [(0.989, 0.014, 0.009), (0.983, 0.0155, 0.008), (0.9775, 0.01575, 0.007)]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert soft_threshold(jnp.float32([1e-3, -1e-3]), 1e-3).tolist() == [0, 0]


@pytest.mark.parametrize(("steps", "total"), [(133, 13.4), (166, 16.7), (153, 15.4), (120, 12.1)])
def test_the_published_shrinkage(steps, total):
    stage = Slimmed(decay_steps=200 * steps, hold=steps)
    assert f"{0.01 * stage.scale_rates():.1f}" == str(total)


def test_a_shorter_run_keeps_its_shrinkage():
    for stage in (
        Slimmed(decay_steps=500, hold=1, scale_rate=0.2),
        Slimmed(constant_steps=100, decay_steps=100, hold=10, schedule="linear"),
    ):
        config = Slim(shrinkage=13.4, slim=stage)
        rates = [float(stage.rate(stage.scale_rate)(step)) for step in range(stage.steps)]
        np.testing.assert_allclose(config.strength * np.sum(rates), 13.4, rtol=1e-4)


def test_a_network_is_not_cut_in_two():
    params = {"a": {"scale": jnp.float32([0.1, 0.2])}, "b": {"scale": jnp.float32([-0.1, 0.2])}}
    needed, bypassed = Site("a", ("a/scale",)), Site("b", ("b/scale",), least=0)
    found = shrink(params, (needed, bypassed), 0.3)
    np.testing.assert_allclose(found["a"]["scale"], [0, 0.2])
    assert found["b"]["scale"].tolist() == [0, 0]


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return {d: rng.uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32) for d in "ab"}


def method_of(student, teacher, **options):
    task = cyclegan.task(JUDGE, reconstruction=0.0)
    sites = find_sites(student)
    distance = ContentStyle(style=10.0)
    return slimming.Slimming(task, student, teacher, sites, PERCEPTUAL, distance, **options)


def begun(method, params, optimizers, **options):
    judge = JUDGE.init(jax.random.key(1, impl="rbg"))
    params = jax.tree.map(jnp.asarray, params)
    return slimming.init(method, optimizers, params, judge, (8, 8, 3), **options)


def test_weights_and_scales_have_optimisers_of_their_own(toy, random_params, batch):
    generator = toy(3, norm=True)
    params, method = random_params(generator), method_of(generator, generator)
    decayed = optax.chain(optax.add_decayed_weights(0.5), optax.sgd(1e-2))
    players = {
        "generator": slimming.by_kind(method.sites, decayed, optax.set_to_zero()),
        "discriminator": optax.sgd(1e-2),
    }
    step = slimming.make_step(method, players, jax.random.key(0), threshold=lambda step: 0.99)
    frozen = slimming.freeze(method, params)
    state, scalars = jax.jit(step)(begun(method, params, players), frozen, batch, 0)
    assert set(scalars) == {
        *("adversarial", "reconstruction", "content", "style", "discriminator", "channels")
    }
    before, after = (flatten_dict(tree, sep="/") for tree in (params, state.params["generator"]))
    for site in method.sites:
        for path in site.scales:  # neither moved nor decayed, then shrunk
            wanted = np.maximum(before[path] - 0.99, 0)
            left = after[f"student/{path}"]
            np.testing.assert_allclose(left[wanted > 0], wanted[wanted > 0], atol=1e-6)
            assert np.sum(left != 0) == max(1, np.sum(wanted > 0))
    assert scalars["channels"] == sum(
        np.sum(after[f"student/{path}"] != 0) for site in method.sites for path in site.scales
    )
    # A shift that no gradient reaches would be decayed all the same: it is a weight.
    assert np.all(after["student/stem/kernel"] != before["stem/kernel"])


def test_clips_are_learned_or_stay(toy):
    generator = quantised(toy(2, norm=True), Quantisation("deployable"))
    sites, params = find_sites(generator), generator.init(jax.random.key(0, impl="rbg"))
    ones = {"student": jax.tree.map(jnp.ones_like, params)}
    for learn in (True, False):
        optimizer = slimming.by_kind(sites, optax.sgd(1.0), optax.sgd(3.0), learn_clips=learn)
        updates, _ = optimizer.update(ones, optimizer.init(ones), ones)
        flat = flatten_dict(updates["student"], sep="/")
        assert {path for path in flat if path.endswith("clip")} == {"body/clip", "head/clip"}
        assert flat["body/clip"] == -1.0 * learn
        assert np.all(flat["body_norm/scale"] == -3) and np.all(flat["body_norm/bias"] == -1)


def test_what_the_discriminator_takes_for_real(toy, random_params, batch):
    generator = toy(2, norm=True)
    params = random_params(generator)
    players = {"generator": optax.set_to_zero(), "discriminator": optax.sgd(1.0)}
    taught = generator.apply(params, batch["a"]).image
    for against, real in (("teacher", taught), ("real", batch["b"])):
        method = method_of(generator, generator, against=against)
        state = begun(method, params, players)
        step = slimming.make_step(method, players, jax.random.key(0))
        after, scalars = step(state, slimming.freeze(method, params), batch, 0)
        fake = generator.apply(params, batch["a"], momentum=0.1).image

        def loss(judge, real=real, fake=fake):
            logits = [JUDGE.apply(judge, x).logits for x in (real, fake)]
            assert logits[0].shape == (2, 1, 1, 1)
            return 0.5 * (jnp.mean((logits[0] - 1) ** 2) + jnp.mean(logits[1] ** 2))

        value, g = jax.value_and_grad(loss)(state.params["discriminator"])
        np.testing.assert_allclose(scalars["discriminator"], value, rtol=1e-5)
        wanted = jax.tree.map(lambda p, g: p - g, state.params["discriminator"], g)
        for ours, theirs in zip(
            jax.tree.leaves(after.params["discriminator"]), jax.tree.leaves(wanted), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_without_beta_the_teacher_is_not_seen(toy, random_params, batch):
    generator = toy(2, norm=True)
    params = random_params(generator)
    players = {"generator": optax.sgd(1e-3), "discriminator": optax.sgd(1e-3)}
    method = method_of(generator, generator, beta=0.0, against="real")
    step = jax.jit(slimming.make_step(method, players, jax.random.key(0)))
    state = begun(method, params, players)
    ends = [
        step(state, slimming.freeze(method, teacher), batch, 0)[0].params
        for teacher in (params, random_params(generator, seed=7))
    ]
    for ours, theirs in zip(*map(jax.tree.leaves, ends), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_costs_are_quadratic_in_the_widths():
    generator = resnet.generator(resnet.Spec(4, 3, norm="affine"))
    groups = [site.group for site in find_sites(generator, trunk=True)]
    eight = quantised(generator, Quantisation("paper"))
    for count in (cost.macs(generator, 32, 32), cost.size(eight)):
        found = quadratic(count, generator.widths, groups, 10.0)
        some = np.random.default_rng(0).integers(1, 9, len(groups))
        wanted = count(dict(generator.widths) | dict(zip(groups, map(int, some), strict=True)))
        np.testing.assert_allclose(found(jnp.float32(some)), wanted / 10, rtol=1e-5)


@pytest.mark.parametrize(("budget", "steps"), [(0.3, 60), (0.08, 60), (0.5, 3)])
def test_the_controller_ends_at_its_budget(budget, steps):
    generator = resnet.generator(resnet.Spec(16, 3, norm="slimming"))
    sites, count = find_sites(generator), cost.macs(generator, 64, 64)
    goal = budget * float(count(generator.widths))
    rates = cosine_decay(0.1, steps)
    control = budget_of(count, generator.widths, sites, goal, rates, steps)
    rng = np.random.default_rng(0)
    params = {
        site.group: {"scale": jnp.float32(rng.normal(1, 0.1, generator.widths[site.group]))}
        for site in sites
    }
    flat = tuple(dataclasses.replace(s, scales=(f"{s.group}/scale",)) for s in sites)
    rho, costs = jnp.float32(control.rho), []
    control_step = jax.jit(lambda params, rho, i: control.threshold(params, flat, rho, i))
    for i in range(steps):
        by, rho = control_step(params, rho, jnp.int32(i))
        params = shrink(params, flat, by)
        alive = {s.group: max(1, int(np.sum(params[s.group]["scale"] != 0))) for s in sites}
        costs.append(float(count(dict(generator.widths) | alive)) / goal)
    assert abs(costs[-1] - 1) <= 0.03
    assert costs == sorted(costs, reverse=True)
    if steps > 50:  # on the way, not at one blow
        assert 1.2 < costs[steps // 2] < 0.9 / budget and costs[int(0.85 * steps)] < 1.03


def test_what_is_dead_stays_dead_under_a_budget(toy, random_params, batch):
    generator = toy(4, norm=True)
    params, method = random_params(generator), method_of(generator, generator)
    count = cost.macs(generator, 8, 8)
    goal = 0.5 * float(count(generator.widths))
    control = budget_of(count, generator.widths, method.sites, goal, lambda step: 0.1, 8)
    assert isinstance(control, Budget)
    sgd = optax.sgd(1e-2)
    players = {
        "generator": slimming.by_kind(method.sites, sgd, slimming.momentum(control.rates, 0.5)),
        "discriminator": sgd,
    }
    step = jax.jit(slimming.make_step(method, players, jax.random.key(0), budget=control))
    state = begun(method, params, players, rho=control.rho)
    frozen, dead = slimming.freeze(method, params), set()
    for index in range(8):
        state, _ = step(state, frozen, batch, index)
        flat = flatten_dict(state.params["generator"]["student"], sep="/")
        now = {
            (path, i)
            for s in method.sites
            for path in s.scales
            for i in np.where(flat[path] == 0)[0]
        }
        assert now >= dead
        dead = now
    assert dead
    assert all(flat[f"{path.removesuffix('scale')}bias"][i] == 0 for path, i in dead)
    # Masked and sliced are the same network.
    masks = slimming.alive(generator, state.params["generator"]["student"], method.sites)
    keep = {group: np.flatnonzero(mask) for group, mask in masks.items()}
    student = state.params["generator"]["student"]
    small = channels.slice_params(student, generator.axes, keep)
    np.testing.assert_allclose(
        generator.apply(student, batch["a"]).image,
        generator.apply(small, batch["a"]).image,
        atol=1e-6,
    )


def test_a_student_of_another_method_is_slimmed_further(random_params):
    dense = resnet.generator(resnet.Spec(8, 3, separable=True))
    keep = {"stem": np.arange(5), "trunk": np.arange(20), "block1": np.arange(7)}
    sliced = channels.slice_params(random_params(dense), dense.axes, keep)
    student = with_scales(Model(dense, sliced))
    widths = channels.read_widths(student.params, student.generator.axes)
    sites, count = find_sites(student.generator), cost.macs(student.generator, 32, 32)
    goal = 0.7 * float(count(widths))
    control = budget_of(count, widths, sites, goal, lambda step: 0.1, 10)
    np.testing.assert_allclose(control.start, 1 / 0.7)
    whole, _ = control.threshold(student.params, sites, jnp.float32(0), jnp.int32(0))
    assert whole == 0
    landing, _ = control.threshold(student.params, sites, jnp.float32(0), jnp.int32(9))
    assert 0.99 < landing < 1  # its scales are all 1 still, and would go all at once


def test_a_budget_that_cannot_be_reached_is_refused():
    generator = resnet.generator(resnet.Spec(4, 3, norm="slimming"))
    count = cost.macs(generator, 32, 32)
    for budget in (1e3, 1e12):
        with pytest.raises(UserError, match="cannot be reached: the student takes"):
            budget_of(count, generator.widths, find_sites(generator), budget, lambda step: 0.1, 10)


def test_a_restored_state_goes_on_to_the_same_bits(toy, random_params, batch, tmp_path):
    generator = toy(4, norm=True)
    params, method = random_params(generator), method_of(generator, generator)
    count = cost.macs(generator, 8, 8)
    goal = 0.5 * float(count(generator.widths))
    control = budget_of(count, generator.widths, method.sites, goal, lambda step: 0.1, 6)
    players = {
        "generator": slimming.by_kind(
            method.sites, optax.adam(1e-2), slimming.momentum(control.rates, 0.5)
        ),
        "discriminator": optax.adam(1e-2),
    }
    step = jax.jit(slimming.make_step(method, players, jax.random.key(0), budget=control))
    state, frozen = begun(method, params, players, rho=control.rho), slimming.freeze(method, params)
    checkpoints = Checkpoints(tmp_path)
    for index in range(6):
        state, _ = step(state, frozen, batch, index)
        if index == 2:
            checkpoints.save(3, state)
    again = checkpoints.restore(begun(method, params, players, rho=control.rho))
    checkpoints.close()
    assert again.extra["rho"] != np.float32(control.rho)
    for index in range(3, 6):
        again, _ = step(again, frozen, batch, index)
    for ours, theirs in zip(*map(jax.tree.leaves, (state, again)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
