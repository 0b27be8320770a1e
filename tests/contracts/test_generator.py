import functools
from collections import Counter

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized
from cases import CASES, COSTS, built
from page import PAGE, page

from ganc import channels
from ganc.metrics import cost
from ganc.models.families import FAMILIES, family_of
from ganc.models.flat import flatten
from ganc.nn import conv
from ganc.search.space import Space

FIRST = list({family_of(case.spec): case for case in reversed(CASES)}.values())
every_case = pytest.mark.parametrize("case", CASES, ids=str)
first_cases = pytest.mark.parametrize("case", FIRST, ids=str)


def generator_of(case):
    return built(case.spec)


@functools.cache
def applied(case):
    """The generator's two calls, compiled once for all tests of a case."""
    apply = generator_of(case).apply
    return (
        jax.jit(lambda params, x: apply(params, x)),
        jax.jit(lambda params, x, masks: apply(params, x, masks=masks)),
    )


def pictures(case, count=2):
    shape = (count, *case.size, generator_of(case).channels_in)
    return np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)


def half(width):
    return width // 2 + 1


def prefixes(generator):
    return channels.prefix({group: half(width) for group, width in generator.widths.items()})


def subsets(generator, seed=0):
    rng = np.random.default_rng(seed)
    return {
        group: np.sort(rng.choice(width, half(width), replace=False))
        for group, width in generator.widths.items()
    }


def places(generator, kept, group):
    """Where the kept channels of a group, or of several that are concatenated, lie."""
    return np.flatnonzero(channels.mask_of(group, channels.masks(kept, generator.widths)))


KEEPS = {"prefixes": prefixes, "subsets": subsets}
every_keep = pytest.mark.parametrize("keep", KEEPS)


@every_case
def test_the_tables_describe_the_generator(case, random_params):
    generator = generator_of(case)
    params = random_params(generator)
    assert channels.read_widths(params, generator.axes) == generator.widths
    assert hash(generator.widths) == hash(channels.read_widths(params, generator.axes))
    driven = [group for slot in generator.slots for group in slot.groups]
    assert sorted(driven) == sorted(generator.widths)
    taps = jax.eval_shape(generator.apply, params, pictures(case)).taps
    widths = {name: tap.shape[-1] for name, tap in taps.items()}
    assert widths == {
        name: channels.count(group, generator.widths) for name, group in generator.taps.items()
    }


@every_case
def test_the_full_mask_changes_nothing(case, random_params):
    plain, masked = applied(case)
    generator = generator_of(case)
    params = random_params(generator)
    masks = channels.masks(channels.prefix(generator.widths), generator.widths)
    expected = plain(params, pictures(case))
    assert np.std(expected.image) > 0.01  # a saturated picture would hide any difference
    chex.assert_trees_all_close(masked(params, pictures(case), masks), expected, atol=1e-5)


@every_case
@every_keep
def test_masked_equals_sliced(case, keep, random_params):
    plain, masked = applied(case)
    generator = generator_of(case)
    params, kept = random_params(generator), KEEPS[keep](generator)
    sliced = plain(channels.slice_params(params, generator.axes, kept), pictures(case))
    wide = masked(params, pictures(case), channels.masks(kept, generator.widths))
    assert np.std(sliced.image) > 0.01
    np.testing.assert_allclose(wide.image, sliced.image, atol=1e-5)
    for name, group in generator.taps.items():
        inside = wide.taps[name][..., places(generator, kept, group)]
        np.testing.assert_allclose(inside, sliced.taps[name], atol=1e-5)


@every_case
@every_keep
def test_inactive_channels_are_exactly_zero(case, keep, random_params):
    generator = generator_of(case)
    kept = KEEPS[keep](generator)
    masks = channels.masks(kept, generator.widths)
    taps = applied(case)[1](random_params(generator), pictures(case), masks).taps
    for name, group in generator.taps.items():
        active = places(generator, kept, group)
        inactive = np.delete(taps[name], active, axis=-1)
        left = {each: width - half(width) for each, width in generator.widths.items()}
        assert inactive.shape[-1] == channels.count(group, left)
        np.testing.assert_array_equal(inactive, 0)
        # A rectifier may shut a channel by itself, but not most of them.
        assert (np.abs(taps[name][..., active]).max(axis=(0, 1, 2)) > 0).mean() > 0.5


def inside(generator, masks, params):
    """The tree of `params` with ones where all axes of an array are kept and zeros elsewhere."""

    def ones(names, array):
        result = np.ones(array.shape, np.float32)
        for axis, name in enumerate(names):
            if name is not None:
                mask = np.asarray(channels.mask_of(name, masks))
                result *= mask.reshape([-1 if i == axis else 1 for i in range(array.ndim)])
        return result

    return channels.map_axes(ones, generator.axes, params)


@first_cases
def test_gradients_are_exactly_zero_outside_the_kept_channels(case, random_params):
    generator = generator_of(case)
    params = random_params(generator)

    @jax.jit
    def gradient(params, masks):
        def loss(params):
            output = generator.apply(params, pictures(case), masks=masks)
            return jnp.sum(jnp.sin(output.image)) + sum(
                jnp.sum(jnp.square(tap)) for tap in output.taps.values()
            )

        return jax.grad(loss)(params)

    for choose in KEEPS.values():
        masks = channels.masks(choose(generator), generator.widths)
        gradients, within = gradient(params, masks), inside(generator, masks, params)
        outside = jax.tree.map(lambda g, ones: np.asarray(g)[ones == 0], gradients, within)
        chex.assert_trees_all_equal(outside, jax.tree.map(np.zeros_like, outside))
        for path, g in jax.tree_util.tree_leaves_with_path(gradients):
            # Most biases are followed by a norm and have next to no gradient; kernels have one.
            assert "bias" in str(path) or np.abs(g).max() > 1e-3, path


@every_case
def test_axes_agree_with_the_shapes_when_groups_are_wider(case):
    generator, x = generator_of(case), pictures(case, 1)
    # Every group grows by a number of its own, so that a growth says which group it is of.
    growth = {group: (i + 1) ** 2 for i, group in enumerate(generator.widths)}
    wider = {group: width + growth[group] for group, width in generator.widths.items()}

    def shapes(widths):
        params = jax.eval_shape(lambda: generator.init(jax.random.key(0), widths))
        apply = functools.partial(generator.apply, widths=widths)
        return params, jax.eval_shape(apply, params, x)

    (before, _), (after, output) = shapes(generator.widths), shapes(wider)
    chex.assert_shape(output.image, (*x.shape[:3], 3))
    for name, tap in output.taps.items():
        assert tap.shape[-1] == channels.count(generator.taps[name], wider)
    touched = Counter()

    def check(names, old, new):
        for name, least, most in zip(names, old.shape, new.shape, strict=True):
            groups = channels.names(name)
            assert most - least == sum(growth[group] for group in groups), (names, old, new)
            touched.update(groups)

    channels.map_axes(check, generator.axes, before, after)
    for group in generator.widths:
        assert touched[group] >= 2, f"{group} has no producer or no consumer"


def convolution_groups(function, *arguments):
    """The group counts of all convolutions of a jaxpr."""
    found = []

    def visit(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "conv_general_dilated":
                found.append(
                    equation.params["feature_group_count"] * equation.params["batch_group_count"]
                )
            for inner in jax.tree.leaves(
                list(equation.params.values()), is_leaf=lambda p: hasattr(p, "eqns")
            ):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    visit(inner)

    visit(jax.make_jaxpr(function)(*arguments).jaxpr)
    return Counter(found)


def stacked_masks(generator, count=3):
    trees = [channels.masks(subsets(generator, seed), generator.widths) for seed in range(count)]
    return trees, jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


@every_case
@pytest.mark.parametrize("form", ["cpu", "plain"])
def test_vmap_over_masks_adds_no_grouped_convolution(case, form, monkeypatch, random_params):
    monkeypatch.setattr(conv, "_on_cpu", lambda _: form == "cpu")
    generator = generator_of(case)
    params, x = random_params(generator), pictures(case)

    def plain(params):
        return generator.apply(params, x).image

    def many(masks):
        return jax.vmap(lambda m: generator.apply(params, x, masks=m).image)(masks)

    alone = convolution_groups(plain, params)
    grouped = {count: times for count, times in alone.items() if count > 1}
    assert bool(grouped) == (form == "plain" and case.grouped)
    assert convolution_groups(many, stacked_masks(generator)[1]) == alone
    # What the rule avoids: weights that differ between candidates.
    weights = jax.tree.map(lambda p: jnp.stack([p, p]), params)
    avoided = convolution_groups(jax.vmap(plain), weights)
    # Transposed ones are products on a CPU; a network of nothing else has no convolution at all.
    assert sum(n for n, times in avoided.items() if n > 1) > sum(grouped) or not alone


@first_cases
def test_vmap_over_masks_equals_a_loop(case, random_params):
    generator = generator_of(case)
    params, (each, together) = random_params(generator), stacked_masks(generator)
    vmapped = jax.jit(
        jax.vmap(lambda p, x, m: generator.apply(p, x, masks=m), in_axes=(None, None, 0))
    )(params, pictures(case), together)
    for i, masks in enumerate(each):
        alone = applied(case)[1](params, pictures(case), masks)
        chex.assert_trees_all_close(jax.tree.map(lambda y, i=i: y[i], vmapped), alone, atol=1e-5)


class TestVariants(chex.TestCase):
    @pytest.fixture(autouse=True)
    def _draw(self, random_params):
        self.random_params = random_params

    # What they are compared with is compiled by `jit`.
    @chex.variants(without_jit=True, with_pmap=True)
    @parameterized.named_parameters((family_of(case.spec), case) for case in FIRST)
    def test_compiled_or_not_and_on_all_devices_it_computes_the_same(self, case):
        generator = generator_of(case)
        params, x = self.random_params(generator), pictures(case, 1)
        masks = channels.masks(prefixes(generator), generator.widths)
        apply = self.variant(lambda params, x, masks: generator.apply(params, x, masks=masks))
        output = apply(params, x, masks)
        chex.assert_shape(output.image, (1, *case.size, 3))
        expected = applied(case)[1](params, pictures(case), masks)
        first = jax.tree.map(lambda y: y[:1], expected)
        chex.assert_trees_all_close(output, first, atol=1e-5)


def space_of(generator):
    choices = tuple((4, 3, 2, 1) for _ in generator.slots)
    return Space(generator.slots, choices)


# What a compiled function is traced for, it is compiled for; the next two tests only trace.
@first_cases
def test_masked_is_traced_once_per_shape_class(case, random_params):
    generator = generator_of(case)
    space, params = space_of(generator), random_params(generator)
    traced = []

    @functools.partial(jax.jit, static_argnames="shape")
    def image(params, x, masks, shape):
        traced.append(shape)
        params = channels.slice_params(params, generator.axes, channels.prefix(shape))
        return generator.apply(params, x, widths=shape, masks=masks).image

    rng = np.random.default_rng(0)
    for limit in (4, 2):
        for _ in range(5):
            arch = tuple(int(rng.integers(1, limit + 1)) for _ in space.slots)
            shape = space.widths((limit,) * len(arch))
            masks = {group: mask[0] for group, mask in space.masks([arch], shape).items()}
            jax.eval_shape(functools.partial(image, shape=shape), params, pictures(case), masks)
    assert traced == [space.widths((4,) * len(space.slots)), space.widths((2,) * len(space.slots))]


@first_cases
def test_specialised_is_traced_once_per_architecture(case, random_params):
    generator = generator_of(case)
    space, params = space_of(generator), random_params(generator)
    traced = []

    @functools.partial(jax.jit, static_argnames="widths")
    def image(params, x, widths):
        traced.append(widths)
        return generator.apply(params, x, widths=widths).image

    archs = [space.largest, space.smallest, tuple(2 + i % 2 for i in range(len(space.slots)))]
    for arch in archs + archs[::-1]:
        widths = space.widths(arch)
        sliced = channels.slice_params(params, generator.axes, channels.prefix(widths))
        jax.eval_shape(functools.partial(image, widths=widths), sliced, pictures(case))
    assert traced == [space.widths(arch) for arch in archs]


@pytest.mark.parametrize("row", COSTS, ids=str)
def test_costs(row):
    assert row.count("parameters") == row.params
    assert {convention: row.count(convention) for convention in row.macs} == row.macs


@every_case
def test_costs_of_many_architectures_at_once(case):
    generator = generator_of(case)
    space = space_of(generator)
    rng = np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(5)]
    for count in (cost.params(generator), cost.macs(generator, *case.size)):
        together = count(space.widths(tuple(np.array(archs).T)))
        assert together.tolist() == [int(count(space.widths(arch))) for arch in archs]
    shapes = jax.eval_shape(generator.init, jax.random.key(0))
    sliced = channels.slice_params(
        jax.tree.map(lambda leaf: np.zeros(leaf.shape), shapes),
        generator.axes,
        channels.prefix(space.widths(archs[0])),
    )
    learned = {k: v for k, v in flatten(sliced).items() if k not in generator.statistics}
    size = sum(array.size for array in learned.values())
    assert cost.params(generator)(space.widths(archs[0])) == size


def test_every_case_and_family_has_a_row():
    full = {row.spec for row in COSTS if not (row.arch or row.widths)}
    assert {case.spec for case in CASES} <= full
    assert {family_of(case.spec) for case in CASES} == set(FAMILIES)


def test_the_page_of_models_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python tests/contracts/page.py"
