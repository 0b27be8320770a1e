import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganc import channels
from ganc.models import dcgan, munit, resnet, spade, srgan, unet
from ganc.pruning.pruner import pruner
from ganc.pruning.units import UNITS, lowest, prunable

SPEC = resnet.Spec(8, 3, norm="affine")


def zeros(params, paths):
    flat = flatten_dict(params, sep="/")
    return {path: float(np.mean(np.asarray(flat[path]) == 0)) for path in paths}


def test_the_smallest_weights_go_first():
    w = np.array([0.1, -0.2, 0.3, -0.4, 0.5, 0.6, -0.05, 0.02])
    gone = {0.25: {6, 7}, 0.5: {0, 1, 6, 7}, 0.75: {0, 1, 2, 3, 6, 7}, 0.9: set(range(8)) - {5}}
    for share, places in gone.items():
        (going,) = lowest({"w": np.abs(w)}, {"w": 1}, share, spare=True).values()
        assert set(np.flatnonzero(going)) == places, share


def test_filters_go_by_their_mean_and_never_all():
    means = np.array([0.15, 0.35, 0.55, 0.035])
    for share, count in {0.25: 1, 0.5: 2, 0.75: 3, 0.9: 3, 1.0: 3}.items():
        (going,) = lowest({"f": means}, {"f": 9}, share, spare=True).values()
        assert going.sum() == count and not going[2]


def test_a_share_of_nothing_prunes_nothing_and_decimals_are_exact():
    scores = {"w": np.arange(100.0)}
    assert not lowest(scores, {"w": 1}, 0.0, spare=True)["w"].any()
    assert lowest(scores, {"w": 1}, 0.29, spare=True)["w"].sum() == 29
    assert lowest({"w": np.ones(10)}, {"w": 1}, 0.5, spare=True)["w"].sum() == 5  # equal scores


@pytest.mark.parametrize("granularity", ["element", "vector", "kernel", "2:4"])
def test_every_layer_is_as_sparse_as_asked_and_masks_are_nested(granularity, random_params):
    generator = resnet.generator(SPEC)
    how, params = pruner(generator, granularity), random_params(generator)
    masks, paths = how.init(), prunable(generator, granularity)
    before = None
    for sparsity in (0.05, 0.3, 0.5):
        masks = how.tighten(params, masks, sparsity)
        params = how.apply(params, masks)
        flat = {path: np.asarray(mask) for path, mask in flatten_dict(masks, sep="/").items()}
        for path, share in zeros(params, paths).items():
            units = UNITS[granularity].scores(np.ones(flat[path].shape))
            step = UNITS[granularity].most / units.size
            assert sparsity - step < share <= sparsity + 1e-6, (path, share)
        if before is not None:
            assert all((flat[path] <= before[path]).all() for path in paths)
        before = flat
        # Whatever an update makes of them, they come back as zeros and stay pruned.
        params = jax.tree.map(lambda leaf: leaf + 1.0, params)
        params = how.apply(params, masks)
        assert all(
            (np.asarray(flatten_dict(params, sep="/")[p])[~flat[p]] == 0).all() for p in paths
        )


def test_what_is_no_convolution_stays_dense(random_params):
    generator = munit.generator(munit.Spec(4, downs=1, blocks=2, mlp_dim=16))
    paths = prunable(generator, "element")
    shapes = flatten_dict(jax.eval_shape(generator.init, jax.random.key(0)), sep="/")
    assert paths and all(len(shapes[path].shape) == 4 for path in paths)
    how, params = pruner(generator, "element"), random_params(generator)
    after = how.apply(params, how.tighten(params, how.init(), 0.5))
    others = {path for path in shapes if path not in paths}
    assert {path for path in others if path.endswith("kernel")}  # matrices
    assert not any(zeros(after, others).values())


def test_two_of_every_four_along_the_input_channels(random_params):
    generator = resnet.generator(SPEC)
    how, params = pruner(generator, "2:4"), random_params(generator)
    flat = flatten_dict(how.tighten(params, how.init(), 0.5), sep="/")
    assert "stem/kernel" not in flat  # three input channels
    for path, mask in flat.items():
        h, w, i, o = mask.shape
        assert (mask.reshape(h, w, i // 4, 4, o).sum(axis=3) == 2).all()
        kernel = np.abs(np.asarray(flatten_dict(params, sep="/")[path]))
        fours = np.where(mask, kernel, 0).reshape(h, w, i // 4, 4, o).sum(axis=3)
        best = np.sort(kernel.reshape(h, w, i // 4, 4, o), axis=3)[:, :, :, 2:].sum(axis=3)
        np.testing.assert_allclose(fours, best, rtol=1e-6)
    with pytest.raises(ValueError, match="at most 50%"):
        how.tighten(params, how.init(), 0.6)


@pytest.mark.parametrize("granularity", ["element", "filter"])
def test_over_all_layers_the_weakest_go(granularity, random_params):
    generator = resnet.generator(SPEC)
    params = random_params(generator)
    params["stem"]["kernel"] = params["stem"]["kernel"] * 1e-3
    how = pruner(generator, granularity, "global")
    masks = how.tighten(params, how.init(), 0.25)
    if granularity == "filter":
        # All but the best of the weak layer's, so the network stays whole.
        assert np.asarray(masks["stem"]).sum() == 1
        return
    flat = flatten_dict(masks, sep="/")
    assert (~flat["stem/kernel"]).sum() == flat["stem/kernel"].size - 1
    total = sum(mask.size for mask in flat.values())
    assert sum((~mask).sum() for mask in flat.values()) == int(0.25 * total)


@pytest.mark.parametrize(
    ("family", "spec"),
    [
        (resnet, resnet.Spec(8, 3)),
        (resnet, resnet.Spec(8, 3, separable=True, norm="batch")),
        (unet, unet.Spec(2, 5)),
        (dcgan, dcgan.Spec(4, 8, 32)),
        (srgan, srgan.Spec(6, 3)),
        (spade, spade.Spec(4, labels=5, upsampling="normal")),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_masked_filters_compute_what_is_left_when_they_are_cut_out(family, spec, random_params):
    generator = family.generator(spec)
    how, params = pruner(generator, "filter"), random_params(generator)
    masks = how.tighten(params, how.init(), 0.5)
    masked, keep = how.apply(params, masks), how.keep(masks)
    for group, width in generator.widths.items():
        assert len(keep[group]) == width - width // 2
    side = max(generator.divisor, 32)
    x = np.random.default_rng(1).uniform(-1, 1, (1, side, side, generator.channels_in))
    whole = generator.apply(masked, jnp.asarray(x, jnp.float32)).image
    sliced = channels.slice_params(masked, generator.axes, keep)
    small = generator.apply(sliced, jnp.asarray(x, jnp.float32)).image
    np.testing.assert_allclose(whole, small, atol=1e-5)
    full = generator.apply(params, jnp.asarray(x, jnp.float32)).image
    assert np.abs(full - small).max() > 1e-3
