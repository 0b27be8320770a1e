import jax
import jax.numpy as jnp
import numpy as np
import peers
import pytest

from ganc.errors import UserError
from ganc.export.names import deep_resnet as names
from ganc.models import deep_resnet
from ganc.models.flat import flatten


def pictures(size):
    shape = (2, size, size, 3)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def test_equals_pytorch(random_params):
    spec = deep_resnet.Spec(ngf=2, blocks=3)
    generator, net, x = deep_resnet.generator(spec), peers.deep_resnet(spec), pictures(32)
    params = random_params(generator)
    peers.fill(net, params, peers.deep_resnet_layers(spec))
    found, expected = (
        jax.jit(lambda p, x: generator.apply(p, x).image)(params, x),
        peers.apply(net, x),
    )
    assert expected.std() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_training_with_batch_norms_equals_pytorch(random_params):
    spec = deep_resnet.Spec(ngf=2, blocks=3, norm="batch")
    generator, net, x = deep_resnet.generator(spec), peers.deep_resnet(spec), pictures(32)
    params = random_params(generator)
    layers = peers.fill(net, params, peers.deep_resnet_layers(spec))
    expected = peers.apply(net, x, train=True)
    found = jax.jit(lambda p, x: generator.apply(p, x, momentum=0.1))(params, x)
    np.testing.assert_allclose(found.image, expected, atol=3e-4)  # as in test_unet.py
    moved, wanted = flatten(found.statistics), peers.statistics(net, layers)
    assert set(moved) == set(wanted) != set()
    for name, array in wanted.items():
        np.testing.assert_allclose(moved[name], array, rtol=1e-4, atol=1e-4, err_msg=name)


def test_the_residual_blocks_stand_after_the_first_four():
    spec = deep_resnet.Spec(ngf=1)
    inner = {slot.name: tuple(slot.groups) for slot in spec.slots()}
    assert inner["inner0"] == tuple(f"block{i}" for i in range(4))
    assert inner["inner1"] == tuple(f"block{i}" for i in range(4, 9))


def test_the_smallest_size():
    generator = deep_resnet.generator(deep_resnet.Spec(ngf=1, blocks=3))
    params = jax.eval_shape(generator.init, jax.random.key(0))
    x = jnp.zeros((1, generator.minimum, generator.minimum + 4, 3))
    assert jax.eval_shape(generator.apply, params, x).image.shape == x.shape


def test_it_cannot_be_exchanged():
    with pytest.raises(UserError, match="a deeper ResNet has no known names"):
        names.layers(deep_resnet.Spec())
    assert names.recognise({"model.1.weight": (16, 3, 7, 7)}) is None


@pytest.mark.parametrize(("name", "value"), [("ngf", 0), ("blocks", 4), ("norm", "layer")])
def test_specs_that_cannot_be_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*, got '?{value}"):
        deep_resnet.Spec(**{name: value})
