"""State dicts of the GauGAN family."""

import functools
import re

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganc import channels
from ganc.errors import UserError
from ganc.export import layouts
from ganc.export import torch as checkpoints
from ganc.export.names import spade as names
from ganc.models import resnet, spade
from ganc.models.flat import flatten, unflatten
from ganc.search.space import Space

made = functools.cache(spade.generator)


def torch_shapes(spec, keep=None):
    generator = made(spec)
    flat = flatten_dict(jax.eval_shape(generator.init, jax.random.key(0)), sep="/")
    arrays = {path: np.zeros(leaf.shape, np.float32) for path, leaf in flat.items()}
    if keep is not None:
        arrays = flatten(channels.slice_params(unflatten(arrays), generator.axes, keep))
    return layouts.to_torch(arrays, names.layers(spec))


@pytest.mark.parametrize(
    "spec",
    [
        spade.Spec(2, labels=6),
        spade.Spec(3, labels=6, spectral=True),
        spade.Spec(2, labels=184, separable=True, upsampling="normal", spectral=True),
    ],
    ids=str,
)
def test_a_state_dict_is_recognised(spec):
    arrays = torch_shapes(spec)
    assert len(arrays) == len(set(arrays))
    shapes = {name: array.shape for name, array in arrays.items()}
    shapes["up_3.norm_s.param_free_norm.num_batches_tracked"] = ()
    found = names.recognise(shapes)
    assert found == (spec, names.layers(spec))
    back = layouts.from_torch(arrays, found[1])
    expected = jax.eval_shape(made(spec).init, jax.random.key(0))
    wanted = {path: leaf.shape for path, leaf in flatten_dict(expected, sep="/").items()}
    assert {path: array.shape for path, array in back.items()} == wanted


def test_a_sliced_state_dict_is_recognised():
    spec = spade.Spec(4, labels=6, separable=True)
    generator = made(spec)
    slots = Space(generator.slots, ((2,), (1,), (1,), (1,), (3,), (1,), (2,), (1,)))
    keep = channels.prefix(slots.widths(slots.largest))
    full, sliced = torch_shapes(spec), torch_shapes(spec, keep)
    shapes = {name: array.shape for name, array in sliced.items()}
    smallest = spade.Spec(3, labels=6, separable=True)
    assert names.recognise(shapes) == (smallest, names.layers(smallest))

    # As the reference writes it: statistics of the full width.
    wide = shapes | {n: array.shape for n, array in full.items() if ".running_" in n}
    assert names.recognise(wide) == (spec, names.layers(spec))


def test_a_sliced_checkpoint_is_read_with_the_statistics_it_uses(monkeypatch, random_params):
    generator = made(spade.Spec(4, labels=6, separable=True))
    space = Space(generator.slots, ((2,), (1,), (1,), (1,), (3,), (1,), (2,), (1,)))
    params, widths = random_params(generator), space.widths(space.largest)
    sliced = channels.slice_params(params, generator.axes, channels.prefix(widths))
    found = names.layers(generator.spec)
    full = layouts.to_torch(flatten(params), found)
    arrays = layouts.to_torch(flatten(sliced), found)
    arrays |= {name: array for name, array in full.items() if ".running_" in name}
    monkeypatch.setattr(checkpoints, "read", lambda path: arrays)
    imported = checkpoints.load("gaugan.pth")
    assert (imported.generator.spec, imported.arch) == (generator.spec, space.largest)
    jax.tree.map(np.testing.assert_array_equal, imported.params, sliced)
    name = "up_3.norm_s.param_free_norm.running_var"
    arrays[name] = arrays[name][:1]
    with pytest.raises(UserError, match=re.escape(f"{name} has shape (1,), expected (4,)")):
        checkpoints.load("gaugan.pth")


def test_strange_state_dicts_are_not_recognised():
    shapes = {name: array.shape for name, array in torch_shapes(spade.Spec(2, labels=6)).items()}
    for strange in (
        {},
        {"fc.weight": ()},
        {"fc.weight": (32, 6, 3, 3)},
        {name: () for name in shapes},
        shapes | {"up_3.conv_0.weight": (2, 4)},
        {name: shape for name, shape in shapes.items() if name != "up_3.conv_0.weight"},
    ):
        assert names.recognise(strange) is None
    assert names.recognise(shapes | {"up_3.norm_1.param_free_norm.running_mean": ()}) is not None
    other = jax.eval_shape(resnet.generator(resnet.Spec(4, 3)).init, jax.random.key(0))
    flat = {path: leaf.shape for path, leaf in flatten_dict(other, sep="/").items()}
    assert names.recognise(flat) is None
