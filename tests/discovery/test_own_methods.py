"""Every method takes networks of one's own, as teacher and as student."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.core import FrozenDict
from networks import NETWORKS

from ganc import channels
from ganc.discovery.generator import own
from ganc.errors import UserError
from ganc.features.perceptual import Perceptual
from ganc.losses.channel_distillation import ChannelDistil
from ganc.losses.distillation import Distil
from ganc.losses.imitation import Imitation
from ganc.methods import omgd, omgd_step, slimming
from ganc.methods import once_for_all as ofa
from ganc.methods.extraction import extract
from ganc.methods.sites import find_sites
from ganc.models import store
from ganc.models.discriminators import PatchSpec, patch
from ganc.models.kernels import kernels_of
from ganc.models.render import compiled
from ganc.pruning.gone import without_gone
from ganc.pruning.pruner import pruner
from ganc.search.classes import ShapeClasses
from ganc.search.space import Space
from ganc.search.supernet import Supernet
from ganc.tasks import cyclegan
from ganc.types import Model, Output

TASK = cyclegan.task(patch(PatchSpec(ndf=2, layers=1, norm="instance")), reconstruction=1.0)
PICTURES = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32)
BATCH = {"a": PICTURES, "b": -PICTURES}
ROLES = ("generator", "teacher", "discriminator")
PERCEPTUAL = Perceptual("pictures", FrozenDict(), lambda _, x: (x, x, x, x), content=0)


def generator_of(network):
    """A network with its given parameters; noise becomes a picture of one pixel."""
    module, params, example = network.make(network.width), network.params(), network.example()
    if example.ndim == 2:
        apply = lambda p, x: module.apply(p, x[:, 0, 0])  # noqa: E731
        return own(apply, params, example[:, None, None])
    return own(module.apply, params, example)


@pytest.mark.parametrize("name", NETWORKS)
def test_once_for_all(name):
    """A step moves a supernet, and what is cut out of it draws what its mask drew."""
    network = NETWORKS[name]
    generator, x = generator_of(network), network.example()
    x = x if x.ndim == 4 else x[:, None, None]
    slot = generator.slots[0]
    base = generator.widths[slot.name] // slot.groups[slot.name]
    space = Space(generator.slots, ((base, base // 2),) * len(generator.slots))
    method = ofa.OnceForAll(TASK, generator, generator, Distil(0.0))
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.sgd(1e-1))
    start = jax.device_get(generator.init(jax.random.key(0)))
    state = ofa.init(method, jax.random.key(0, impl="rbg"), optimizers, start=start)
    real = np.asarray(compiled(generator)(start, x))
    step = ofa.make_step(method, optimizers, start, ShapeClasses(space, (space.largest,)))
    state, scalars = step(state, {"a": x, "b": real[::-1]}, 0)
    assert all(np.isfinite(value) for value in scalars.values())
    trained = state.params["generator"]["student"]
    assert any(np.any(a != b) for a, b in zip(*map(jax.tree.leaves, (start, trained)), strict=True))
    supernet = Supernet(generator, space, x.shape[1:])
    assert supernet.macs(space.smallest) < supernet.macs(space.largest)
    assert supernet.masked_minus_sliced(trained, space.smallest, x[:1]) < 1e-5


def convolve(x, kernel, layout="HWIO"):
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", layout, "NHWC")
    )


def plain(params, x):
    """A norm in two groups; a sigmoid, of which a dead channel would leave a half."""
    y = convolve(x, params["enter"]["kernel"])
    groups = y.reshape(*y.shape[:-1], 2, y.shape[-1] // 2)
    y = (
        (groups - groups.mean((1, 2, 4), keepdims=True))
        / (groups.std((1, 2, 4), keepdims=True) + 0.1)
    ).reshape(y.shape)
    y = y * params["norm"]["gain"] + params["norm"]["offset"]
    tap = jax.nn.sigmoid(y)
    return Output(convolve(tap, params["leave"], "OIHW"), {"middle": tap})


def plain_params(width=8, seed=0):
    rng = np.random.default_rng(seed)
    normal = lambda *size: np.float32(rng.normal(0, 0.3, size))  # noqa: E731
    norm = {"gain": 1 + normal(width), "offset": normal(width)}
    return {
        "enter": {"kernel": normal(3, 3, 3, width)},
        "leave": normal(3, width, 3, 3),
        "norm": norm,
    }


@pytest.fixture(scope="module")
def small():
    return own(plain, plain_params(), PICTURES)


def test_sites_of_a_network_of_ones_own(small):
    (site,) = find_sites(small)
    assert (site.group, site.scales, site.biases) == ("enter", ("norm/gain",), ("norm/offset",))
    assert site.times == 2 and small.widths == {"enter": 4}
    with pytest.raises(UserError, match="no residual trunk"):
        find_sites(small, trunk=True)
    bare = own(
        lambda p, x: x @ p["a"] @ p["b"], {"a": np.ones((3, 4)), "b": np.ones((4, 3))}, PICTURES
    )
    with pytest.raises(UserError, match="nothing to slim"):
        find_sites(bare)


@pytest.mark.parametrize(
    ("name", "trunk", "expected"),
    [
        ("attention U-Net", False, {"Conv_0": ["GroupNorm_0"]}),
        ("DCGAN", False, {"Dense_0": ["BatchNorm_0"], "ConvTranspose_0": ["BatchNorm_1"]}),
        (
            "residual net with group norms",
            False,
            {"Conv_1": ["GroupNorm_1"], "Conv_3": ["GroupNorm_3"]},
        ),
        (
            "residual net with group norms",
            True,
            {"Conv_1": ["GroupNorm_1"], "Conv_3": ["GroupNorm_3"]},
        ),
        ("ConvNeXt", True, {"Conv_0": ["LayerNorm_1", "LayerNorm_2", "LayerNorm_3"]}),
    ],
)
def test_sites_of_foreign_networks(name, trunk, expected):
    """Only where every layer that takes the channels takes them scaled: `Conv_0` of the residual
    net is pooled, and goes on to its end, as it is."""
    if trunk and name != "ConvNeXt":
        with pytest.raises(UserError, match="no residual trunk"):
            find_sites(generator_of(NETWORKS[name]), trunk=True)
        return
    found = find_sites(generator_of(NETWORKS[name]), trunk=trunk)
    paths = {group: [f"params/{norm}/scale" for norm in norms] for group, norms in expected.items()}
    assert {site.group: list(site.scales) for site in found} == paths


def test_slimming(small):
    """What is left of a network draws what it drew while its dead channels were masked."""
    method = slimming.Slimming(TASK, small, small, find_sites(small), PERCEPTUAL, pool=2)
    players = {
        "generator": slimming.by_kind(
            method.sites, optax.sgd(1e-2), slimming.momentum(lambda _: 0.1, 0.5)
        ),
        "discriminator": optax.sgd(1e-2),
    }
    start = jax.tree.map(jnp.asarray, plain_params())
    start["norm"]["gain"] = jnp.float32([1, 0.1, 1, 0.1, 1, 0.1, 1, 1])  # channel 1 will die
    judge = TASK.discriminator.init(jax.random.key(1, impl="rbg"))
    state = slimming.init(method, players, start, judge, (8, 8, 3))
    step = jax.jit(slimming.make_step(method, players, jax.random.key(0), threshold=lambda _: 0.3))
    frozen = slimming.freeze(method, start)
    for index in range(2):
        state, scalars = step(state, frozen, BATCH, index)
    slimmed = slimming.student_of(method, state)
    masks = slimming.alive(small, slimmed.params, method.sites)
    assert masks["enter"].tolist() == [1, 0, 1, 1] and scalars["channels"] == 3
    assert slimmed.params["norm"]["offset"][jnp.array([1, 5])].tolist() == [0, 0]
    left = extract(small, slimmed.params, method.sites)
    assert left.params["leave"].shape == (3, 6, 3, 3)
    drawn = jax.jit(lambda p: small.apply(p, PICTURES, masks=masks).image)(slimmed.params)
    cut = jax.jit(lambda p: small.apply(p, PICTURES).image)(left.params)
    np.testing.assert_allclose(drawn, cut, atol=1e-5)


def test_online_distillation(small):
    wide = own(plain, plain_params(12, 1), PICTURES, init=lambda key: plain_params(12, 1))
    method = omgd.Omgd(
        task=TASK,
        student=small,
        teachers={"wider": wide},
        perceptual=PERCEPTUAL,
        imitation=Imitation(ssim=0.0, style=0.0, features=1.0, variation=0.0),
        channels=ChannelDistil(5.0),
    )
    optimizers = {"generator": optax.sgd(0.1)}
    state = omgd.init(method, jax.random.key(0, impl="rbg"), optimizers, (8, 8, 3))
    before = jax.device_get(state.params["generator"])
    assert before["adaptors"]["middle"]["kernel"].shape[-2:] == (8, 12)
    parts = omgd_step.compiled(omgd_step.make_parts(method, optimizers))
    frozen = omgd.freeze(method, {"wider": plain_params(12, 1)})
    step = omgd_step.make_step(method, parts, frozen, jax.random.key(1))
    state, terms = step(state, BATCH, 0)
    assert terms["channels"] > 0 and terms["features"] > 0
    after = state.params["generator"]
    assert jnp.abs(after["student"]["leave"] - before["student"]["leave"]).max() > 0
    assert (
        jnp.abs(
            after["adaptors"]["middle"]["kernel"] - before["adaptors"]["middle"]["kernel"]
        ).max()
        > 0
    )


@pytest.mark.parametrize("granularity", ["element", "vector", "kernel", "filter", "2:4"])
def test_kernels_are_pruned_however_they_lie(small, granularity):
    """As a network whose kernels lie like ours, which is otherwise the same."""
    params = plain_params()
    turned = params | {"leave": params["leave"].transpose(2, 3, 1, 0)}

    def straight(p, x):
        return plain(p | {"leave": p["leave"].transpose(3, 2, 0, 1)}, x)

    hows = (pruner(small, granularity), pruner(own(straight, turned, PICTURES), granularity))
    first, second = (
        how.apply(p, how.tighten(p, how.init(), 0.5))
        for how, p in zip(hows, (params, turned), strict=True)
    )
    np.testing.assert_array_equal(first["leave"].transpose(2, 3, 1, 0), second["leave"])
    np.testing.assert_array_equal(first["enter"]["kernel"], second["enter"]["kernel"])
    if granularity == "filter":
        (keep,) = hows[0].keep(hows[0].tighten(params, hows[0].init(), 0.5)).values()
        assert len(keep) == 2
    else:
        assert 0.4 < np.mean(first["leave"] == 0) <= 0.5


def test_pruned_filters_are_masked(small):
    """Zeros alone would count in its norm, and each leave a half behind its sigmoid."""
    how, params = pruner(small, "filter"), plain_params()
    masks = how.tighten(params, how.init(), 0.5)
    params, keep = how.apply(params, masks), how.keep(masks)
    cut = channels.slice_params(params, small.axes, keep)
    whole = jax.jit(lambda p: without_gone(small).apply(p, PICTURES).image)(params)
    left = jax.jit(lambda p: small.apply(p, PICTURES).image)(cut)
    np.testing.assert_allclose(whole, left, atol=1e-5)
    assert jnp.abs(plain(params, PICTURES).image - left).max() > 1e-2


def test_what_is_said_of_a_stored_one_later(small, tmp_path):
    store.save(tmp_path / "model", Model(small, plain_params()), {"note": "a"})
    store.describe(tmp_path / "model", small, scores={"kid": 1.0})
    assert store.read_about(tmp_path / "model") == {"note": "a", "scores": {"kid": 1.0}}


def test_eight_bits_are_for_families(small):
    with pytest.raises(UserError, match="rounded to eight bits"):
        kernels_of(small)
