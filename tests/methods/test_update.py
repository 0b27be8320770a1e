import chex
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganc.methods.update import begin, generators_of, make_update

PARAMS = {
    "generator": {"w": jnp.array([1.0, -2.0]), "norm": {"mean": jnp.zeros(2)}},
    "discriminator": {"v": jnp.float32(3)},
}
GRADIENTS = {
    "generator": {"w": jnp.array([0.5, 0.5]), "norm": {"mean": jnp.array([9.0, 9.0])}},
    "discriminator": {"v": jnp.float32(1)},
}
MEASURED = {"generator": frozenset({"norm/mean"})}
STATISTICS = {"generator": {"norm": {"mean": jnp.array([0.1, 0.2])}}}


def test_every_role_has_its_optimiser_and_statistics_have_none():
    optimizers = {"generator": optax.sgd(1.0), "discriminator": optax.sgd(0.5)}
    state = begin(PARAMS, optimizers)
    new = make_update(optimizers, measured=MEASURED)(state, GRADIENTS, STATISTICS)
    chex.assert_trees_all_close(
        new.params,
        {
            "generator": {"w": jnp.array([0.5, -2.5]), "norm": {"mean": jnp.array([0.1, 0.2])}},
            "discriminator": {"v": jnp.float32(2.5)},
        },
    )
    assert new.step == 1
    # Unmeasured in a step, they stay.
    same = make_update(optimizers, measured=MEASURED)(state, GRADIENTS, {})
    np.testing.assert_array_equal(same.params["generator"]["norm"]["mean"], 0)


def test_a_projection_follows_the_step_and_the_average_follows_that():
    optimizers = dict.fromkeys(PARAMS, optax.sgd(1.0))

    def project(params):
        clipped = {**params["generator"], "w": jnp.maximum(params["generator"]["w"], 0)}
        return params | {"generator": clipped}

    state = begin(PARAMS, optimizers, average=True)
    assert generators_of(state) is state.extra["average"]
    update = make_update(optimizers, measured=MEASURED, average=0.75, project=project)
    new = update(state, GRADIENTS, STATISTICS)
    np.testing.assert_allclose(new.params["generator"]["w"], [0.5, 0])
    np.testing.assert_allclose(generators_of(new)["w"], [0.75 * 1 + 0.25 * 0.5, 0.75 * -2])
    np.testing.assert_allclose(generators_of(new)["norm"]["mean"], [0.025, 0.05])


def test_a_role_without_gradients_rests():
    optimizers = dict.fromkeys(PARAMS, optax.adam(1.0))
    state = begin(PARAMS, optimizers)
    some = {"discriminator": GRADIENTS["discriminator"]}
    new = make_update(optimizers, measured=MEASURED)(state, some, STATISTICS)
    chex.assert_trees_all_equal(
        new.params["generator"], {"w": PARAMS["generator"]["w"], **STATISTICS["generator"]}
    )
    chex.assert_trees_all_equal(new.opt_state["generator"], state.opt_state["generator"])
    assert new.params["discriminator"]["v"] == pytest.approx(2, abs=1e-5)
    assert new.step == 1


def test_other_entries_of_the_state_are_kept_or_replaced():
    optimizers = dict.fromkeys(PARAMS, optax.sgd(1.0))
    state = begin(PARAMS, optimizers, pools=1, other=2)
    new = make_update(optimizers, measured={})(state, GRADIENTS, {}, pools=3)
    assert new.extra == {"pools": 3, "other": 2}
    assert generators_of(new) is new.params["generator"]


@pytest.mark.parametrize("measured", [{}, MEASURED])
def test_decay_reaches_what_is_learned_alone(measured):
    optimizers = dict.fromkeys(PARAMS, optax.add_decayed_weights(-0.1))
    params = PARAMS | {"generator": PARAMS["generator"] | {"norm": {"mean": jnp.ones(2)}}}
    zeros = {role: {k: jnp.zeros(2) for k in ("w",)} for role in ("generator",)}
    zeros["generator"]["norm"] = {"mean": jnp.zeros(2)}
    zeros["discriminator"] = {"v": jnp.float32(0)}
    new = make_update(optimizers, measured=measured)(begin(params, optimizers), zeros, {})
    np.testing.assert_allclose(new.params["generator"]["w"], [0.9, -1.8], rtol=1e-6)
    expected = 1.0 if measured else 0.9
    np.testing.assert_allclose(new.params["generator"]["norm"]["mean"], expected, rtol=1e-6)
