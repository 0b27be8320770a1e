"""Whatever a network is made of: masked == sliced, or its channels stay and the report says so."""

import jax
import numpy as np
import pytest
from random_networks import SCALING, network

from ganc import channels
from ganc.discovery.generator import discovery_of, own
from ganc.discovery.scales import scaled_groups

PICTURES = np.random.default_rng(9).uniform(-1, 1, (2, 4, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("seed", range(8))
def test_masked_is_sliced(seed):
    function, params = network(seed, length=5)
    generator = own(function, params, PICTURES)
    rng = np.random.default_rng(seed)
    keep = {
        group: np.sort(rng.permutation(width)[: max(1, width // 2)])
        for group, width in generator.widths.items()
    }
    draw = jax.jit(lambda p, m: generator.apply(p, PICTURES, masks=m).image)
    masked = draw(params, channels.masks(keep, generator.widths))
    sliced = channels.slice_params(params, generator.axes, keep)
    cut = jax.jit(lambda p: generator.apply(p, PICTURES).image)(sliced)
    np.testing.assert_allclose(masked, cut, atol=1e-5)
    whole = channels.masks(channels.prefix(generator.widths), generator.widths)
    np.testing.assert_allclose(draw(params, whole), jax.jit(function)(params, PICTURES), atol=1e-5)


def test_nothing_hears_of_a_channel_whose_scales_are_zero():
    """Whatever the kernels that make it become."""
    count = 0
    for seed in range(8):
        function, params = network(seed, 6, SCALING)
        generator = own(function, params, PICTURES)
        for site in scaled_groups(discovery_of(generator)):
            silent = {
                path: changed(generator, path, array, site.group, 0.0)
                if path in site.scales + site.shifts
                else array
                for path, array in params.items()
            }
            other = {
                path: changed(generator, path, array, site.group, 9.0) if array.ndim > 1 else array
                for path, array in silent.items()
            }
            drawn, again = (np.asarray(function(each, PICTURES)) for each in (silent, other))
            np.testing.assert_allclose(drawn, again, atol=1e-5)
            count += 1
    assert count >= 4


def changed(generator, path, array, group, value):
    """An array with a value for what makes, or is, the first channel of a group."""
    array, offset = np.array(array), 0
    for name in channels.names(generator.axes[path][-1]):
        if name == group:
            array[..., offset] = value
        offset += generator.widths[name]
    return array


def test_some_of_them_have_channels_to_leave_out():
    found = [own(*network(seed, length=3), PICTURES).widths for seed in range(8)]
    assert sum(map(len, found)) >= 8
