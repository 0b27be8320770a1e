import functools

import jax
import jax.numpy as jnp
import numpy as np
import peers
import pytest
from flax.traverse_util import flatten_dict

from ganc.export.layouts import Layer
from ganc.models import discriminators
from ganc.models.discriminators import BranchedSpec, PatchSpec, PixelSpec
from ganc.models.flat import flatten

# Ren et al. 2021 (arXiv 2108.06908), measured with their released code: all parameters, and those
# of a branch.
BRANCHED = {
    BranchedSpec(128, norm="batch", shared=5): (22_084_866, 11_042_433),
    BranchedSpec(128, norm="instance", shared=3): (22_081_282, 19_446_658),
    BranchedSpec(128, norm="instance", shared=4): (22_081_282, 11_057_026),
    BranchedSpec(96, norm="batch", shared=5): (12_434_882, 6_217_441),
    BranchedSpec(96, norm="instance", shared=3): (12_432_194, 10_947_746),
}
# gan-compression's (Li et al. 2020, arXiv 2003.08936) and OMGD's, the last one GAN Slimming's (Wang
# et al. 2020, arXiv 2008.11062), measured with their released code.
SINGLE = {
    PatchSpec(ndf=128, channels_in=6): (11_040_641, 30),
    PatchSpec(ndf=128, channels_in=6, norm="batch"): (11_042_433, 30),
    PatchSpec(): (2_764_737, 30),
    PatchSpec(channels_in=6): (2_767_809, 30),
    PixelSpec(): (8_705, 256),
    PixelSpec(ndf=128, channels_in=6): (34_177, 256),
    PatchSpec(norm="affine", pooled=True): (2_766_529, 1),
}
PICTURES = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 6)).astype(np.float32)
SMALL = BranchedSpec(ndf=2, shared=2)


def size(params, statistics):
    flat = flatten_dict(params, sep="/")
    return sum(leaf.size for name, leaf in flat.items() if name not in statistics)


@pytest.mark.parametrize("spec", SINGLE, ids=str)
def test_published_sizes(spec):
    make = discriminators.pixel if isinstance(spec, PixelSpec) else discriminators.patch
    judge, (params, side) = make(spec), SINGLE[spec]
    shapes = jax.eval_shape(judge.init, jax.random.key(0))
    assert size(shapes, judge.statistics) == params
    x = jax.ShapeDtypeStruct((1, 256, 256, spec.channels_in), jnp.float32)
    assert jax.eval_shape(judge.apply, shapes, x).logits.shape == (1, side, side, 1)


def test_a_pixel_is_judged_by_itself_but_for_the_norm(random_params):
    judge = discriminators.pixel(PixelSpec(ndf=4, norm="batch"))
    params = random_params(judge, scale=0.5)
    call = jax.jit(lambda x: judge.apply(params, x).logits)
    x = PICTURES[:1, :8, :8, :3]
    changed = x.copy()
    changed[0, 3, 5] = -x[0, 3, 5]
    moved = np.abs(call(changed) - call(x))[0, :, :, 0] > 1e-6
    assert moved[3, 5] and moved.sum() == 1


def test_the_pooled_logit_is_the_mean_of_the_patches(random_params):
    single = discriminators.patch(PatchSpec(ndf=2, norm="affine"))
    pooled = discriminators.patch(PatchSpec(ndf=2, norm="affine", pooled=True))
    params, x = random_params(single), PICTURES[..., :3]
    each, mean = (jax.jit(lambda x, j=j: j.apply(params, x).logits)(x) for j in (single, pooled))
    assert each.shape == (2, 2, 2, 1) and np.std(each) > 0.01
    np.testing.assert_allclose(mean[:, 0, 0, 0], each.mean(axis=(1, 2, 3)), atol=1e-6)


@pytest.mark.parametrize("spec", BRANCHED, ids=str)
def test_two_branches_have_the_published_sizes(spec):
    judge = discriminators.branched(spec)
    params = jax.eval_shape(judge.init, jax.random.key(0))
    used = discriminators.used_params(spec, params)
    assert (size(params, judge.statistics), size(used, judge.statistics)) == BRANCHED[spec]
    x = jax.ShapeDtypeStruct((1, 256, 256, 6), jnp.float32)
    for branch in (0, 1):
        apply = functools.partial(judge.apply, branch=branch)
        assert jax.eval_shape(apply, params, x).logits.shape == (1, 30, 30, 1)


@functools.cache
def branched(spec):
    judge = discriminators.branched(spec)

    def call(params, x, branch):
        return judge.apply(params, x, momentum=0.1, branch=branch)

    return judge, jax.jit(call, static_argnames="branch")


@pytest.mark.parametrize("shared", [0, 2, 5])
def test_a_branch_is_the_patchgan_of_its_copies(shared, random_params):
    judge, call = branched(BranchedSpec(ndf=2, shared=shared))
    single = discriminators.patch(PatchSpec(ndf=2, channels_in=6, norm="batch"))
    alone = jax.jit(lambda params, x: single.apply(params, x, momentum=0.1))
    params = random_params(judge)
    for branch in (0, 1):
        copies = {f"conv{i}": 1 if i < shared else branch for i in range(5)}
        own = {name: params[f"{name}_{copy}"] for name, copy in copies.items()}
        own |= {
            f"{name}_norm": params[f"{name}_{copy}_norm"]
            for name, copy in copies.items()
            if name not in ("conv0", "conv4")
        }
        found, expected = call(params, PICTURES, branch), alone(own, PICTURES)
        np.testing.assert_array_equal(found.logits, expected.logits)
        # Its norms have measured, and those of the other copies are as they were.
        moved, before = flatten(found.statistics), flatten(params)
        after = {name: array for name, array in before.items() if name in moved}
        for name, array in flatten(expected.statistics).items():
            norm, leaf = name.split("/")
            stage = norm.removesuffix("_norm")
            after[f"{stage}_{copies[stage]}_norm/{leaf}"] = array
        assert len(moved) == 2 * 2 * 3
        for name, array in after.items():
            np.testing.assert_array_equal(moved[name], array)


def test_nobody_learns_the_copies_that_are_not_used(random_params):
    judge, call = branched(SMALL)
    params = random_params(judge)

    def loss(params):
        return sum(jnp.sum(call(params, PICTURES, branch).logits ** 2) for branch in (0, 1))

    gradients = jax.jit(jax.grad(loss))(params)
    used = discriminators.used_params(SMALL, params)
    assert set(params) - set(used) == {"conv0_0", "conv1_0", "conv1_0_norm"}
    for name, gradient in flatten(gradients).items():
        learned = name.split("/")[0] in used and name not in judge.statistics
        assert np.any(gradient != 0) == learned, name


@pytest.mark.parametrize("train", [False, True])
def test_batch_norms_equal_pytorch(train, random_params):
    nn = peers.pytorch().nn
    judge = discriminators.patch(PatchSpec(ndf=2, channels_in=6, norm="batch"))
    conv = functools.partial(nn.Conv2d, kernel_size=4, padding=1)
    net = nn.Sequential(
        *(conv(6, 2, stride=2), nn.LeakyReLU(0.2)),
        *(conv(2, 4, stride=2, bias=False), nn.BatchNorm2d(4), nn.LeakyReLU(0.2)),
        *(conv(4, 8, stride=2, bias=False), nn.BatchNorm2d(8), nn.LeakyReLU(0.2)),
        *(conv(8, 16, bias=False), nn.BatchNorm2d(16), nn.LeakyReLU(0.2), conv(16, 1)),
    )
    params = random_params(judge, scale=0.3)
    layers = [Layer(f"conv{i}", str(place)) for i, place in enumerate((0, 2, 5, 8, 11))]
    layers += [Layer(f"conv{i}_norm", str(3 * i), "norm") for i in (1, 2, 3)]
    peers.load(net, params, layers)
    momentum = 0.1 if train else None
    verdict = jax.jit(lambda p, x: judge.apply(p, x, momentum=momentum))(params, PICTURES)
    np.testing.assert_allclose(verdict.logits, peers.apply(net, PICTURES, train), atol=1e-4)
    if train:
        expected = peers.statistics(net, layers)
        for name, array in flatten(verdict.statistics).items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BranchedSpec(shared=6), "shared must be 0 to 5, got 6"),
        (lambda: PatchSpec(norm="layer"), "norm must be batch, instance or affine, got 'layer'"),
        (
            lambda: branched(SMALL)[0].apply({}, PICTURES, branch=2),
            "branch must be 0 or 1, got 2",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_branch_by_itself(random_params):
    both = discriminators.branched(BranchedSpec(ndf=4, layers=1, shared=1))
    params, x = random_params(both), np.ones((2, 16, 16, 6), np.float32)
    for index in (0, 1):
        alone = discriminators.branch(both, index).apply(params, x, momentum=0.1)
        expected = both.apply(params, x, momentum=0.1, branch=index)
        np.testing.assert_array_equal(alone.logits, expected.logits)
    assert discriminators.branch(both, 1).spec == both.spec
