"""The groups that families declare are those that their computation shows, and so is the cost."""

import time

import flax.linen as nn
import jax
import numpy as np
import pytest
from cases import CASES, built
from flax.traverse_util import flatten_dict

from ganc import channels
from ganc.discovery.gates import plan
from ganc.discovery.generator import own
from ganc.discovery.groups import analyse
from ganc.discovery.scales import scaled_groups
from ganc.methods.sites import find_sites
from ganc.metrics import cost
from ganc.models import cartoon, munit, resnet, unet
from ganc.models.families import family_of
from ganc.nn import conv
from ganc.nn.call import Gate

FIRST = list({family_of(case.spec): case for case in reversed(CASES)}.values())
every_case = pytest.mark.parametrize("case", CASES, ids=str)
first_cases = pytest.mark.parametrize("case", FIRST, ids=str)

KEPT = {"munit": {"mlp/linear0", "mlp/linear1", "style/head"}}
"""Groups that a family declares fixed, though nothing in it demands that: the published MUNIT keeps
the widths of its MLP, and a style has always as many numbers."""

TIED = {"spade": {"hidden", "up"}}
"""Groups that a family declares as one, though they are apart: an entry of GauGAN's architectures
drives the widths inside all norms of a block, and those inside and behind an up block."""


MORE = {"munit": 7}
"""Gates beyond those that were placed by hand: for the three groups that it keeps, and two in each
of its two layer norms, which by hand multiply their sums instead."""

FROZEN = {"dcgan": {("stage0/kernel", 4)}, "stargan": {("stem/kernel", 2)}}
"""Axes that cannot be narrowed, and are none of a group in the family either, as path and size: the
rows and columns of the kernel that becomes DCGAN's first picture, which it mirrors; StarGAN's
attributes, which its stem sees beside the picture."""


def as_tuple(group):
    return group if isinstance(group, tuple) else (group,)


def traced(case):
    generator = built(case.spec)
    shapes = jax.eval_shape(generator.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((2, *case.size, generator.channels_in), np.float32)
    return generator, analyse(lambda params, x: generator.apply(params, x).image, shapes, x)


def matched(generator, axes):
    """Pairs of groups, declared and discovered, that stand in the same places."""
    declared, discovered = (flatten_dict(tree, sep="/") for tree in (generator.axes, axes))
    assert declared.keys() == discovered.keys()
    return {
        pair
        for path in declared
        for ours, theirs in zip(declared[path], discovered[path], strict=True)
        for pair in zip(as_tuple(ours), as_tuple(theirs), strict=True)
    }


@every_case
def test_discovered_groups_are_the_declared_ones(case):
    generator, found = traced(case)
    family, pairs = family_of(case.spec), matched(generator, found.axes)
    more = {theirs for ours, theirs in pairs if ours is None} - {None}
    assert more == KEPT.get(family, set())
    assert {ours for ours, theirs in pairs if theirs is None} == {None}
    frozen = {(one.parameters[0], one.size) for one in found.frozen}
    assert frozen == FROZEN.get(family, set()), found.report()
    pairs = {(ours, theirs) for ours, theirs in pairs if None not in (ours, theirs)}
    assert len(pairs) == len({theirs for _, theirs in pairs}), "a group of theirs is one of ours"
    for group in generator.widths:
        several = sum(ours == group for ours, _ in pairs)
        tied = any(word in group for word in TIED.get(family, ()))
        assert several == 1 or (several > 1 and tied), group


@first_cases
def test_the_forms_of_an_accelerator_have_the_same_groups(case, monkeypatch):
    _, cpu = traced(case)
    monkeypatch.setattr(conv, "_on_cpu", lambda form: False)
    _, plain = traced(case)
    assert plain.axes == cpu.axes
    assert len(plain.program.everything()) != len(cpu.program.everything())


@first_cases
def test_the_cost_that_is_read_off_is_the_declared_one(case, monkeypatch, random_params):
    monkeypatch.setattr(conv, "_on_cpu", lambda form: False)  # where convolutions are just that
    ours, params = built(case.spec), random_params(built(case.spec))
    x = np.zeros((1, *case.size, ours.channels_in), np.float32)
    theirs = own(lambda params, x: ours.apply(params, x), params, x)
    half = {group: width // 2 + 1 for group, width in ours.widths.items()}
    pairs = matched(ours, theirs.axes)
    named = {name: half.get(group, theirs.widths.get(name)) for group, name in pairs if name}
    for convention in cost._COUNTED:
        counts = cost.macs(ours, *case.size, convention)(half)
        read = cost.macs(theirs, *case.size, convention)(named)
        assert read - counts == uncounted(case, convention, half)


@pytest.mark.parametrize(
    ("spec", "trunk"),
    [
        (resnet.Spec(4, 3, norm="slimming"), False),
        (resnet.Spec(4, 3, norm="affine", separable=True), True),
        (cartoon.Spec(4, 3), False),
        (unet.Spec(3, 5), False),
        (munit.Spec(4), False),
    ],
    ids=str,
)
def test_discovered_scales_are_those_of_the_sites(spec, trunk):
    generator = built(spec)
    shapes = jax.eval_shape(generator.init, jax.random.key(0))
    side = -(-max(generator.minimum, 8) // generator.divisor) * generator.divisor
    x = jax.ShapeDtypeStruct((1, side, side, 3), np.float32)
    found = analyse(lambda params, x: generator.apply(params, x).image, shapes, x)
    groups = scaled_groups(found, generator.statistics)
    theirs = {frozenset(g.scales): set(g.shifts) for g in groups if trunk or g.makers == 1}
    ours = {frozenset(site.scales): set(site.biases) for site in find_sites(generator, trunk=trunk)}
    assert theirs.keys() == ours.keys()
    for scales, shifts in theirs.items():
        # What a depthwise convolution adds behind a norm is a shift of the same channels.
        assert {path for path in shifts if "depthwise" not in path} == ours[scales]


def uncounted(case, convention, widths):
    """What is read off beyond what is declared.

    MUNIT: its adaptive norms, which nobody counts, a norm and a product by a scale. DCGAN: its
    first layer is a product of matrices, which conventions that count a transposed one at its
    output take for sixteen times as much, one for each pixel of that.
    """
    family, spec = family_of(case.spec), case.spec
    if family == "dcgan":
        product = 16 * spec.noise * widths["stage0"]
        times = {"published": -15, "torchprofile-0.0.3": -15, "convolutions": -16}
        return times.get(convention, 0) * product
    if family != "munit":
        return 0
    times = {"published": 2, "torchprofile-0.0.3": 1}.get(convention, 0)
    pixels = case.size[0] * case.size[1] // 4**spec.downs
    blocks = spec.blocks_of("decoder")
    return times * pixels * sum(widths[block] + widths["trunk"] for block in blocks)


@first_cases
def test_no_more_gates_than_by_hand(case):
    generator, found = traced(case)
    masks = channels.masks(channels.prefix(generator.widths), generator.widths)
    placed = []

    def record(call, args, kwargs, context):
        if isinstance(context.module, Gate) and context.module.group is not None:
            placed.append(context.module.group)
        return call(*args, **kwargs)

    x = jax.ShapeDtypeStruct((2, *case.size, generator.channels_in), np.float32)
    shapes = jax.eval_shape(generator.init, jax.random.key(0))
    with nn.intercept_methods(record):
        jax.eval_shape(lambda p, x: generator.apply(p, x, masks=masks), shapes, x)
    assert len(plan(found).gates) <= len(placed) + MORE.get(family_of(case.spec), 0)


def test_a_thousand_steps_are_traced_and_followed_in_two_seconds():
    generator = built(resnet.Spec(ngf=64, separable=True))
    shapes = jax.eval_shape(generator.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((1, 256, 256, 3), np.float32)
    start = time.process_time()
    found = analyse(lambda params, x: generator.apply(params, x).image, shapes, x)
    assert time.process_time() - start < 2
    assert len(found.program.everything()) > 900


def test_a_slice_is_that_of_the_family(random_params):
    case = CASES[0]
    ours, params = built(case.spec), random_params(built(case.spec))
    x = np.random.default_rng(0).uniform(-1, 1, (2, *case.size, 3)).astype(np.float32)
    theirs = own(lambda params, x: ours.apply(params, x), params, x)
    keep = channels.prefix({group: width // 2 for group, width in ours.widths.items()})
    renamed = {name: keep[group] for group, name in matched(ours, theirs.axes) if name}
    sliced = channels.slice_params(params, ours.axes, keep)
    other = channels.slice_params(params, theirs.axes, renamed)
    jax.tree.map(np.testing.assert_array_equal, sliced, other)
    one = jax.jit(lambda params: ours.apply(params, x).image)(sliced)
    two = jax.jit(lambda params: theirs.apply(params, x).image)(sliced)
    np.testing.assert_allclose(one, two, atol=1e-5)
