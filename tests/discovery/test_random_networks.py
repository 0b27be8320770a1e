"""Whatever a network is made of: masked == sliced, or its channels stay and the report says so."""

import jax
import numpy as np
import pytest
from random_networks import network

from ganc import channels
from ganc.discovery.generator import own

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


def test_some_of_them_have_channels_to_leave_out():
    found = [own(*network(seed, length=3), PICTURES).widths for seed in range(8)]
    assert sum(map(len, found)) >= 8
