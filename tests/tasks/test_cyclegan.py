import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec as P

from ganc.losses.adversarial import HINGE, LEAST_SQUARES
from ganc.methods import adversarial
from ganc.methods.update import begin
from ganc.models import discriminators, resnet
from ganc.tasks import cyclegan, pool
from ganc.train import sharding
from ganc.types import Discriminator, Generator, Output, Verdict

JUDGE = discriminators.patch(discriminators.PatchSpec(ndf=4, layers=1))


def scale_generator():
    """G(x) = w x, so that every term can be worked out by hand."""
    return Generator(
        init=lambda key: {"w": jnp.float32(1)},
        apply=lambda params, x, **_: Output(params["w"] * x, {}),
        axes={"w": ()},
        widths={},
        slots=(),
        taps={},
        divisor=1,
        minimum=1,
        spec=None,
    )


def scale_discriminator():
    """D(x) = v times the mean of the channels of x."""
    return Discriminator(
        init=lambda key: {"v": jnp.float32(1)},
        apply=lambda params, x, **_: Verdict(params["v"] * x.mean(axis=-1, keepdims=True)),
        spec=None,
    )


KEY = jax.random.key(1)


def game_of(generator, discriminator, loss=LEAST_SQUARES, cycle=10.0, identity=0.5, pool=50):
    return cyclegan.game(generator, discriminator, loss, cycle, identity, pool)


def both(optimizer):
    return {"generator": optimizer, "discriminator": optimizer}


def make_step(game, optimizer, **options):
    return adversarial.make_step(game, both(optimizer), KEY, **options)


def by_hand(optimizer, game, **options):
    params = {
        "generator": {"ab": {"w": jnp.float32(0.5)}, "ba": {"w": jnp.float32(-2)}},
        "discriminator": {"a": {"v": jnp.float32(-1)}, "b": {"v": jnp.float32(3)}},
    }
    key = jax.random.key(0)
    start = adversarial.init(game, key, both(optimizer), (1, 1, 3), **options)
    batch = {"a": jnp.full((1, 1, 1, 3), 0.4), "b": jnp.full((1, 1, 1, 3), -0.6)}
    return start._replace(params=params), batch


def test_terms_and_gradients_by_hand():
    game = game_of(scale_generator(), scale_discriminator())
    optimizer = optax.sgd(1.0)
    state, batch = by_hand(optimizer, game)
    # Fakes: b 0.5 * 0.4 = 0.2, a -2 * -0.6 = 1.2. Judged: 3 * 0.2 = 0.6 and -1 * 1.2 = -1.2.
    new, terms = make_step(game, optimizer)(state, batch, 0)
    expected = {
        "adversarial_ab": (0.6 - 1) ** 2,
        "adversarial_ba": (-1.2 - 1) ** 2,
        "cycle_a": 10 * abs(-2 * 0.2 - 0.4),
        "cycle_b": 10 * abs(0.5 * 1.2 + 0.6),
        "identity_a": 5 * abs(-2 * 0.4 - 0.4),
        "identity_b": 5 * abs(0.5 * -0.6 + 0.6),
        "discriminator_a": ((-0.4 - 1) ** 2 + 1.2**2) / 2,
        "discriminator_b": ((-1.8 - 1) ** 2 + 0.6**2) / 2,
    }
    assert {name: float(term) for name, term in terms.items()} == pytest.approx(expected, rel=1e-5)

    moved = jax.tree.map(lambda old, new: float(old - new), state.params, new.params)
    # adversarial, cycle_a, cycle_b, identity
    assert moved["generator"]["ab"]["w"] == pytest.approx(-0.96 + 8 + 12 - 3, rel=1e-5)
    assert moved["generator"]["ba"]["w"] == pytest.approx(-2.64 - 2 - 3 - 2, rel=1e-5)
    # on the fakes of before the step: (D(real) - 1) real + D(fake) fake
    assert moved["discriminator"]["a"]["v"] == pytest.approx(-1.4 * 0.4 - 1.2 * 1.2, rel=1e-5)
    assert moved["discriminator"]["b"]["v"] == pytest.approx(-2.8 * -0.6 + 0.6 * 0.2, rel=1e-5)
    assert new.step == 1
    for domain, fake in (("a", 1.2), ("b", 0.2)):
        assert new.extra["pools"][domain].filled == 1
        np.testing.assert_allclose(new.extra["pools"][domain].images[0], fake, rtol=1e-6)


def test_weights_and_adversarial_are_those_of_the_task():
    game = game_of(scale_generator(), scale_discriminator(), HINGE, cycle=2.0, identity=3.0)
    state, batch = by_hand(optax.sgd(1.0), game)
    _, terms = make_step(game, optax.sgd(1.0))(state, batch, 0)
    assert terms["adversarial_ba"] == pytest.approx(1.2, rel=1e-5)
    assert terms["cycle_a"] == pytest.approx(2 * 0.8, rel=1e-5)
    assert terms["identity_a"] == pytest.approx(6 * 1.2, rel=1e-5)
    # real -0.4, fake -1.2
    assert terms["discriminator_a"] == pytest.approx((1.4 + 0) / 2, rel=1e-5)


def test_discriminators_judge_what_the_pool_shows():
    game = game_of(scale_generator(), scale_discriminator(), pool=1)
    state, batch = by_hand(optax.sgd(1.0), game)
    past = pool.Pool(jnp.full((1, 1, 1, 3), 5.0), jnp.int32(1))
    state = state._replace(extra={"pools": {"a": past, "b": past}})
    step = jax.jit(make_step(game, optax.sgd(1.0)))
    seen = {round(float(step(state, batch, i)[1]["discriminator_a"]), 4)
            for i in range(20)}  # fmt: skip
    assert seen == {round((1.96 + fake**2) / 2, 4) for fake in (1.2, 5.0)}


def test_the_average_follows_the_generators():
    game = game_of(scale_generator(), scale_discriminator())
    optimizer = optax.sgd(0.1)
    state, batch = by_hand(optimizer, game, average=0.75)
    new, _ = make_step(game, optimizer, average=0.75)(state, batch, 0)
    assert state.extra["average"]["ab"]["w"] == 1  # as initialised
    for name in ("ab", "ba"):
        expected = 0.75 * 1 + 0.25 * float(new.params["generator"][name]["w"])
        assert new.extra["average"][name]["w"] == pytest.approx(expected, rel=1e-6)


def pictures(count=4, size=8):
    rng = np.random.default_rng(0)
    return {d: rng.uniform(-1, 1, (count, size, size, 3)).astype(np.float32) for d in "ab"}


def random_state(game, networks, optimizer, random_params, size):
    """A state without the compilations of `init`."""
    shape = (size, size, 3)
    shapes = jax.eval_shape(
        lambda k: adversarial.init(game, k, both(optimizer), shape), jax.random.key(0)
    )
    generator, discriminator = networks
    params = {
        "generator": {n: random_params(generator, i) for i, n in enumerate(("ab", "ba"))},
        "discriminator": {n: random_params(discriminator, i) for i, n in enumerate("ab")},
    }
    pools = {n: pool.init(game.pool, shape) for n in "ab"}
    state = begin(jax.tree.map(jnp.asarray, params), both(optimizer), pools=pools)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, shapes)
    return state


def test_a_real_pair_of_networks_trains_on_two_devices(random_params):
    networks = resnet.generator(resnet.Spec(ngf=4, blocks=3)), JUDGE
    game, optimizer = game_of(*networks, pool=3), optax.adam(1e-3, b1=0.5)
    state = random_state(game, networks, optimizer, random_params, 8)
    batch = pictures(2)
    mesh = sharding.data_mesh(2)
    placed = sharding.replicate(state, mesh)
    step = jax.jit(make_step(game, optimizer), donate_argnums=0)
    for i in range(2):
        placed, terms = step(placed, jax.device_put(batch, sharding.split(mesh)), i)
    assert placed.step == 2
    assert all(np.isfinite(term) for term in terms.values())
    assert all(placed.extra["pools"][domain].filled == 3 for domain in "ab")
    for path, before in jax.tree_util.tree_leaves_with_path(state.params):
        after = placed.params
        for part in path:
            after = after[part.key]
        assert np.isfinite(after).all() and (after != before).any(), path


@pytest.fixture
def devices(toy, random_params):
    """A task, a state, a batch, and the result of two steps on one device."""
    networks = toy(4), JUDGE
    game = game_of(*networks, pool=0)
    optimizer = optax.sgd(0.1)  # Adam makes steps of the noise in gradients that are zero
    state, batch = random_state(game, networks, optimizer, random_params, 8), pictures()
    step = jax.jit(make_step(game, optimizer))
    alone = step(step(state, batch, 0)[0], batch, 1)
    assert not any(
        np.allclose(old, new, atol=1e-4)
        for old, new in zip(
            jax.tree.leaves(state.params["generator"]),
            jax.tree.leaves(alone[0].params["generator"]),
            strict=True,
        )
    )
    return game, optimizer, state, batch, alone


def test_two_devices_by_sharding_equal_one(devices):
    game, optimizer, state, batch, alone = devices
    mesh = sharding.data_mesh(4)
    assert mesh.size == 2
    step = jax.jit(make_step(game, optimizer))
    placed = jax.device_put(batch, sharding.split(mesh))
    state = sharding.replicate(state, mesh)
    together = step(step(state, placed, 0)[0], placed, 1)
    chex.assert_trees_all_close(together, alone, atol=1e-5)


def shard_map(step, mesh):
    # Checked, shard_map would sum the gradients of replicated parameters by itself.
    specs = {"in_specs": (P(), P("data"), P()), "out_specs": P(), "check_vma": False}
    return jax.jit(jax.shard_map(step, mesh=mesh, **specs))


def pmap(step, mesh):
    mapped = jax.pmap(step, axis_name="data", in_axes=(None, 0, None), devices=list(mesh.devices))

    def run(state, batch, key):
        parts = jax.tree.map(lambda x: x.reshape(mesh.size, -1, *x.shape[1:]), batch)
        return jax.tree.map(lambda x: x[0], jax.device_get(mapped(state, parts, key)))

    return run


@pytest.mark.parametrize("mapped", [shard_map, pmap])
def test_two_devices_by_mapping_equal_one(devices, mapped):
    game, optimizer, state, batch, alone = devices
    step = mapped(make_step(game, optimizer, axis_name="data"), sharding.data_mesh(4))
    together = step(step(state, batch, 0)[0], batch, 1)
    chex.assert_trees_all_close(together, alone, atol=1e-5)


def test_one_picture_more_in_a_domain_is_no_problem(random_params, toy):
    # Domains are batched together inside a step, and must come apart where they were joined.
    networks = toy(4), JUDGE
    game, optimizer = game_of(*networks, pool=0), optax.sgd(0.1)
    state, batch = random_state(game, networks, optimizer, random_params, 8), pictures()
    step = jax.jit(make_step(game, optimizer))
    _, terms = step(state, batch | {"b": batch["b"][:3]}, 0)
    same = networks[0].apply(state.params["generator"]["ab"], batch["b"][:3]).image
    expected = 5 * np.abs(same - batch["b"][:3]).mean()
    assert terms["identity_b"] == pytest.approx(expected, rel=1e-5)
