"""A slimmed network and what is extracted of it draw the same, families and borders whatever."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc import channels
from ganc.methods import slimming
from ganc.methods.extraction import extract
from ganc.methods.shrinkage import bury
from ganc.methods.sites import find_sites
from ganc.models import munit, resnet, unet
from ganc.models.quantised import Quantisation, quantised


def slimmed(params, sites, whole=()):
    """Kills about half of all channels, in groups of `whole` all."""
    flat, rng = flatten_dict(params, sep="/"), np.random.default_rng(1)
    for site in sites:
        alive = rng.random(len(flat[site.scales[0]])) > 0.5
        alive[0] = True
        for path in site.scales:
            flat[path] = flat[path] * (alive & (site.group not in whole))
    return unflatten_dict(flat, sep="/")


def gap(generator, params, small, side):
    x = np.random.default_rng(5).uniform(-1, 1, (1, side, side, 3)).astype(np.float32)
    images = [jax.jit(lambda p: generator.apply(p, x).image)(p) for p in (params, small)]
    return float(np.abs(images[0] - images[1]).max())


CASES = {
    "resnet": (resnet.generator(resnet.Spec(6, 3, norm="slimming")), {}, ("block1",)),
    "mobile": (
        resnet.generator(resnet.Spec(4, 3, norm="affine", separable=True)),
        {"trunk": True},
        (),
    ),
    "unet": (unet.generator(unet.Spec(3, 5)), {}, ()),
}


@pytest.mark.parametrize("name", CASES)
def test_nothing_changes(name, random_params):
    generator, options, whole = CASES[name]
    sites = find_sites(generator, **options)
    params = slimmed(random_params(generator), sites, whole)
    found = extract(generator, params, sites)
    assert gap(generator, params, found.params, max(16, generator.minimum)) < 1e-5
    widths = channels.read_widths(found.params, generator.axes)
    assert all(widths[site.group] < generator.widths[site.group] for site in sites)
    assert all(widths[group] == 1 for group in whole)
    assert gap(generator, params, found.whole, max(16, generator.minimum)) < 1e-5
    # A carrier where zeros lie beyond the border; elsewhere the bias says it all.
    assert found.carriers and not {"block0", "up2"} & set(found.carriers)


@pytest.mark.parametrize("scheme", ["paper", "deployable"])
def test_a_rounded_network_is_cut_as_exactly(scheme, random_params):
    plain, options, whole = CASES["mobile"]
    generator = quantised(plain, Quantisation(scheme))
    sites = find_sites(plain, **options)
    params = slimmed(random_params(generator), sites, whole)
    found = extract(generator, params, sites)
    assert gap(generator, found.whole, found.params, 16) < 1e-5
    shapes = [[leaf.shape for leaf in jax.tree.leaves(tree)] for tree in (found.whole, params)]
    assert shapes[0] == shapes[1]


def test_norms_over_channels_do_not_count_what_is_gone(random_params):
    generator = munit.generator(munit.Spec(2))
    sites = find_sites(generator)
    method: Any = partial(slimming.Slimming, None, perceptual=None)
    assert method(generator, generator, sites).silent
    plain, *_ = CASES["resnet"]
    assert not method(plain, plain, find_sites(plain)).silent
    params = slimmed(random_params(generator), sites)
    params = bury(params, params, sites)
    masks = slimming.alive(generator, params, sites)
    found = extract(generator, params, sites)
    x = np.random.default_rng(5).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    whole, cut = (
        jax.jit(lambda p, m=m: generator.apply(p, x, masks=m).image)(p)
        for p, m in ((params, masks), (found.params, None))
    )
    assert np.abs(whole - cut).max() < 1e-5


def test_channels_without_a_shift_leave_nothing_behind(random_params):
    generator = CASES["resnet"][0]
    sites = find_sites(generator)
    params = slimmed(random_params(generator), sites)
    flat = flatten_dict(params, sep="/")
    for site in sites:
        for scale, bias in zip(site.scales, site.biases, strict=True):
            flat[bias] = flat[bias] * (flat[scale] != 0)
    params = unflatten_dict(flat, sep="/")
    found = extract(generator, params, sites)
    assert not found.carriers
    cut = channels.slice_params(params, generator.axes, found.keep)
    for ours, theirs in zip(jax.tree.leaves(found.params), jax.tree.leaves(cut), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
