"""Networks that were not written for us: their groups, and masked == sliced."""

import re

import jax
import numpy as np
import pytest
from networks import NETWORKS

from ganc import channels
from ganc.discovery.generator import own
from ganc.discovery.groups import analyse
from ganc.methods.inherit import rank_everywhere
from ganc.types import Model

every_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


@every_network
def test_channel_groups_are_found_and_nothing_is_refused(network):
    found = analyse(network.make(network.width).apply, network.shapes(), network.example())
    assert found.frozen == (), found.report()
    assert len(found.widths) == network.groups, found.report()


@every_network
def test_masked_is_sliced(network):
    module, params, x = network.make(network.width), network.params(), network.example()
    generator = own(module.apply, params, x)
    half = {group: width // 2 for group, width in generator.widths.items()}
    keep = rank_everywhere(Model(generator, params), half)
    apply = jax.jit(lambda params, masks: generator.apply(params, x, masks=masks).image)
    masked = apply(params, channels.masks(keep, generator.widths))
    sliced = channels.slice_params(params, generator.axes, keep)
    assert channels.read_widths(sliced, generator.axes) == {g: len(k) for g, k in keep.items()}
    image = jax.jit(lambda params: generator.apply(params, x).image)(sliced)
    np.testing.assert_allclose(masked, image, atol=1e-5)
    whole = jax.jit(lambda params: generator.apply(params, x).image)(params)
    ones = channels.masks(channels.prefix(generator.widths), generator.widths)
    np.testing.assert_allclose(apply(params, ones), whole, atol=1e-5)
    assert np.abs(masked - whole).max() > 1e-3


@every_network
def test_a_slice_is_the_network_made_narrower(network):
    module, params, x = network.make(network.width), network.params(), network.example()
    generator = own(module.apply, params, x)
    # The heads of the attention have a length of their own.
    narrow = {
        group: width if group.startswith("MultiHead") else width // 2
        for group, width in generator.widths.items()
    }
    sliced = channels.slice_params(params, generator.axes, channels.prefix(narrow))
    smaller = network.make(network.width // 2)
    assert jax.tree.map(np.shape, sliced) == jax.tree.map(np.shape, network.shapes(smaller.width))
    image = jax.jit(lambda params: generator.apply(params, x).image)(sliced)
    np.testing.assert_allclose(image, jax.jit(smaller.apply)(sliced, x), atol=1e-5)


def test_candidates_share_kernels_and_a_mask_has_no_gradient_outside():
    network = NETWORKS["residual net with group norms"]
    params, x = network.params(), network.example()
    generator = own(network.make(network.width).apply, params, x)
    narrow = channels.prefix({group: width // 2 for group, width in generator.widths.items()})
    masks = channels.masks(narrow, generator.widths)

    def apply(params, masks):
        return generator.apply(params, x, masks=masks).image

    several = jax.tree.map(lambda mask: np.stack([mask, np.ones_like(mask)]), masks)
    program = str(jax.make_jaxpr(jax.vmap(apply, (None, 0)))(params, several))
    assert set(re.findall(r"feature_group_count=(\d+)", program)) == {"1"}

    gradients = jax.jit(jax.grad(lambda params: (apply(params, masks) ** 2).sum()))(params)
    kept = channels.slice_params(gradients, generator.axes, narrow)
    total, inside = (
        sum(np.abs(leaf).sum() for leaf in jax.tree.leaves(tree)) for tree in (gradients, kept)
    )
    assert total == pytest.approx(inside, rel=1e-5) and inside > 0
