import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganc import channels
from ganc.export import layouts
from ganc.export.names import munit as names
from ganc.models import munit
from ganc.models.flat import flatten
from ganc.models.munit_layers import LayerNorm, adaptive_norm
from ganc.nn.call import bind

# Outputs of gan-compression's PyTorch networks (commit 111093f), run on a CPU with torch 2.13 on
# parameters and a picture of the fixtures' rule: mean, standard deviation, the first four and
# the last three values of the flattened NCHW output.
FIXTURES = {
    "image": (
        (0.084198, 0.047540),
        (0.11087, 0.10070, 0.12535, 0.14561),
        (0.10431, 0.12031, 0.11430),
    ),
    "content": (
        (0.394361, 2.544488),
        (-0.41323, 0.16476, -4.23262, 2.86101),
        (1.33972, -0.05098, 1.67540),
    ),
    "style": (
        (0.005871, 0.077061),
        (0.08243, 0.04608, -0.05426, -0.10315),
        (0.03071, 0.08187, 0.07373),
    ),
}
# Parameters of the four networks, counted in gan-compression.
PARTS = {
    "dense": {"style": 2_764_936, "content": 5_385_856, "decoder": 5_754_627, "mlp": 1_120_768},
    "fast": {"style": 175_144, "content": 180_992, "decoder": 149_779, "mlp": 594_432},
}
SMALL = munit.Spec(4, separable=True, blocks=2, mlp_dim=8)


@functools.cache
def generator_of(spec):
    return munit.generator(spec)


@functools.cache
def shapes_of(spec):
    return jax.eval_shape(generator_of(spec).init, jax.random.key(0))


def zeros(spec, entries=None):
    """Parameters of no size in memory, at the widths of an architecture."""
    generator = generator_of(spec)
    full = jax.tree.map(lambda leaf: np.broadcast_to(np.float32(0), leaf.shape), shapes_of(spec))
    if entries is None:
        return full
    widths = {
        group: entry * times
        for slot, entry in zip(generator.slots, entries, strict=True)
        for group, times in slot.groups.items()
    }
    return channels.slice_params(full, generator.axes, channels.prefix(widths))


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_the_published_network(published_fill, published_picture, check_published):
    spec = munit.Spec(ngf=2, mlp_dim=16)
    generator = generator_of(spec)
    params = published_fill(names.layers(spec), shapes_of(spec))
    assert (len(jax.tree.leaves(params)), count(params)) == (66, 17_283)

    @jax.jit
    def apply(params, x):
        output = generator.apply(params, x)
        style = munit.encode_style(generator, params, x)
        return {"image": output.image, "content": output.taps["content"], "style": style}

    for name, found in apply(params, published_picture(3, 64, 64)).items():
        check_published(found, *FIXTURES[name])


def test_the_parts_of_the_published_models():
    fast = (16, 16, 16, 24, 56, 16, 40, 40, 32, 24)
    found = {
        "dense": shapes_of(munit.Spec()),
        "fast": zeros(munit.Spec(separable=True), fast),
    }
    assert {
        model: {part: count(tree) for part, tree in params.items()}
        for model, params in found.items()
    } == PARTS


def test_initial_weights(key):
    spec = munit.Spec(4, separable=True, downs=1, blocks=2, mlp_dim=8)
    params = jax.jit(generator_of(spec).init)(key)
    for path, array in flatten_dict(params, sep="/").items():
        error = 5 / np.sqrt(array.size)  # five standard errors, of a normal distribution
        if path.endswith("bias"):
            np.testing.assert_array_equal(array, 0)
        elif path.endswith("scale"):
            assert (0 <= array.min()) and (array.max() < 1), path
            assert abs(array.mean() - 0.5) < error / np.sqrt(12), path
        else:
            deviation = np.sqrt(2 / np.prod(array.shape[:-1]))  # of depthwise kernels too
            assert abs(array.mean()) < deviation * error, path
            assert abs(array.std() / deviation - 1) < error, path


def test_the_layer_norm_by_hand():
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (2, 3, 4, 5)).astype(np.float32)
    scale, bias = rng.normal(size=(2, 5)).astype(np.float32)
    norm, params = LayerNorm("all"), {"params": {"scale": scale, "bias": bias}}
    expected = [(p - p.mean()) / (p.std(ddof=1) + 1e-5) * scale + bias for p in x]
    np.testing.assert_allclose(norm.apply(params, x), expected, atol=1e-5)

    keep = [0, 3]  # the statistics are those of the active channels, whatever the others hold
    masks = {"all": jnp.zeros(5).at[jnp.array(keep)].set(1)}
    expected = [
        (p - p.mean()) / (p.std(ddof=1) + 1e-5) * scale[keep] + bias[keep] for p in x[..., keep]
    ]
    np.testing.assert_allclose(
        norm.apply({**params, **bind(masks)}, x)[..., keep], expected, atol=1e-5
    )


def test_the_layer_norm_of_a_constant_has_a_finite_gradient():
    params = {"params": {"scale": jnp.ones(2), "bias": jnp.zeros(2)}}

    @jax.jit
    @jax.grad
    def gradient(x):
        return jnp.sum(jnp.sin(LayerNorm("all").apply(params, x)))

    assert np.isfinite(gradient(jnp.full((1, 2, 2, 2), 3.0))).all()


def test_the_adaptive_norm_by_hand():
    x = np.random.default_rng(0).normal(3, 2, (2, 3, 4, 2)).astype(np.float32)
    shift, scale = np.float32([[1, 2], [3, 4]]), np.float32([[0, 1], [-1, 2]])
    y = adaptive_norm(x, shift, scale)
    np.testing.assert_allclose(np.mean(y, axis=(1, 2)), shift, atol=1e-5)
    np.testing.assert_allclose(np.std(y, axis=(1, 2)), np.abs(scale), atol=1e-4)
    np.testing.assert_allclose(y[1, :, :, 0].argmin(), x[1, :, :, 0].argmax())


def test_slices_gather_the_shifts_and_scales_of_the_channels_that_stay():
    """As gan-compression exports: rows [0, c) and [C, C + c) of the 2 C of each norm."""
    generator = generator_of(SMALL)
    params = zeros(SMALL)
    params["mlp"]["linear2"]["bias"] = np.arange(128)
    keep = channels.prefix({"decoder_block0": 5, "decoder_block1": 3, "trunk": 2})
    kept = channels.slice_params(params, generator.axes, keep)["mlp"]["linear2"]["bias"]
    starts = np.arange(0, 128, 16)
    expected = [
        np.arange(start, start + wide)
        for start, wide in zip(starts, (5, 5, 2, 2, 3, 3, 2, 2), strict=True)
    ]
    np.testing.assert_array_equal(kept, np.concatenate(expected))


@pytest.fixture(scope="module")
def two_pictures():
    return np.random.default_rng(1).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)


def test_codes_and_masks(random_params, two_pictures):
    generator = generator_of(munit.Spec(4, blocks=2, mlp_dim=8))  # dense: it compiles sooner
    params = random_params(generator, scale=0.3)
    keep = {
        group: np.sort(np.random.default_rng(0).choice(width, width // 2, replace=False))
        for group, width in generator.widths.items()
    }

    @jax.jit
    def of_parts(params, x, masks):
        style = munit.encode_style(generator, params, x[:1], masks)
        content = munit.encode_content(generator, params, x[1:], masks)
        return style, content, munit.decode(generator, params, content, style, masks)

    @jax.jit
    def of_whole(params, x, style):
        output = generator.apply(params, x[1:], style=style)
        return munit.encode_style(generator, params, x[:1]), output.taps["content"], output.image

    masks = channels.masks(keep, generator.widths)
    style, content, image = of_parts(params, two_pictures, masks)
    sliced = channels.slice_params(params, generator.axes, keep)
    expected = of_whole(sliced, two_pictures, style)
    np.testing.assert_allclose(style, expected[0], atol=1e-5)
    np.testing.assert_allclose(content[..., keep["trunk"]], expected[1], atol=1e-5)
    np.testing.assert_allclose(image, expected[2], atol=5e-5)  # rounding alone came to 1.1e-5
    other = of_whole(sliced, two_pictures, style + 1)[2]
    assert np.abs(other - image).max() > 0.01


def test_smallest_size(random_params):
    generator = generator_of(SMALL)
    x = jnp.zeros((1, generator.minimum, generator.minimum + 4, 3))
    assert generator.minimum == 16
    assert jax.eval_shape(generator.apply, shapes_of(SMALL), x).image.shape == x.shape


@pytest.mark.parametrize("shape", [(1, 8), (2, 7), (2, 8, 1, 1), (8,)])
def test_what_is_no_style_is_refused(shape):
    generator = generator_of(SMALL)
    x = jnp.zeros((2, 16, 16, 3))
    with pytest.raises(ValueError, match=r"a style per picture is \(2, 8\), got"):
        jax.eval_shape(generator.apply, shapes_of(SMALL), x, style=jnp.zeros(shape))


@pytest.mark.parametrize(
    ("name", "value"),
    [("ngf", 0), ("downs", 0), ("blocks", 0), ("blocks", 3), ("style_dim", 0), ("mlp_dim", 0)],
)
def test_specs_that_cannot_be_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*, got {value}"):
        munit.Spec(**{name: value})


MEMBERS = [
    munit.Spec(3, True, downs=1, blocks=2, style_dim=5, mlp_dim=8),
    munit.Spec(2, downs=3, blocks=4, mlp_dim=16),
]


def torch_shapes(spec, entries=None):
    flat = flatten(zeros(spec, entries))
    arrays = layouts.to_torch(flat, names.layers(spec))
    assert len(arrays) == len(flat)
    return {name: array.shape for name, array in arrays.items()}


@pytest.mark.parametrize("spec", MEMBERS, ids=str)
def test_state_dicts_are_recognised(spec):
    expected = (spec, names.layers(spec))
    assert names.recognise(torch_shapes(spec)) == expected
    slots = len(generator_of(spec).slots)
    for slot in range(slots):  # any one entry decides the base width
        entries = (1,) * slot + (spec.ngf,) + (1,) * (slots - slot - 1)
        assert names.recognise(torch_shapes(spec, entries)) == expected, slot


def test_names_are_those_of_the_reference():
    dense, mobile = torch_shapes(munit.Spec()), torch_shapes(munit.Spec(separable=True))
    assert (len(dense), len(mobile)) == (66, 102)
    some = {
        "enc_style.model.6.weight": (8, 256, 1, 1),
        "enc_content.model.3.model.3.model.1.conv.bias": (256,),
        "dec.model.4.norm.gamma": (64,),
        "dec.model.5.conv.weight": (3, 64, 7, 7),
        "mlp.model.2.fc.weight": (4096, 256),
    }
    assert {name: dense[name] for name in some} == some
    some = {
        "enc_content.model.3.model.0.model.1.conv.conv.0.weight": (256, 1, 3, 3),
        "dec.model.0.model.2.model.0.conv.conv.2.weight": (256, 256, 1, 1),
        "dec.model.2.conv.conv.0.weight": (256, 1, 5, 5),
        "dec.model.2.conv.conv.2.weight": (128, 256, 1, 1),
    }
    assert {name: mobile[name] for name in some} == some


def test_strangers_are_not_recognised():
    assert names.recognise({}) is None
    assert names.recognise({"model.1.weight": (64, 3, 7, 7)}) is None
    assert names.recognise({"mlp.model.0.fc.weight": (4, 8)}) is None
    shapes = torch_shapes(SMALL)
    for name in shapes:  # what is missing or strange is for the reader to name; here nothing raises
        for edited in (
            {key: shapes[key] for key in shapes if key != name},
            *(shapes | {name: strange} for strange in ((), (0,), (7, 0, 2, 2, 2))),
        ):
            found = names.recognise(edited)
            assert found is None or type(found[0]) is munit.Spec
