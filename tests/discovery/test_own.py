"""What a generator of one's own can do like any other."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from networks import NETWORKS

from ganc import channels
from ganc.discovery.generator import own
from ganc.discovery.groups import discover
from ganc.errors import UserError
from ganc.losses.distillation import Distil
from ganc.methods import once_for_all as ofa
from ganc.metrics import cost
from ganc.models import discriminators, store
from ganc.models.flat import flatten
from ganc.search.candidates import make_generate
from ganc.search.classes import ShapeClasses
from ganc.search.space import Space
from ganc.search.supernet import Supernet
from ganc.tasks import pix2pix
from ganc.types import Model, Output


def dense(params, x):
    y = jnp.tanh(x @ params["enter"]["w"] + params["enter"]["b"])
    return Output(y @ params["leave"]["w"], {"middle": y, "input": x})


def dense_params(width=6):
    rng = np.random.default_rng(0)
    sizes = {"enter": {"w": (3, width), "b": (width,)}, "leave": {"w": (width, 3)}}
    draw = lambda size: np.float32(rng.normal(0, 0.3, size))  # noqa: E731
    return jax.tree.map(draw, sizes, is_leaf=lambda node: isinstance(node, tuple))


PICTURES = np.random.default_rng(1).uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32)


def test_the_tables_of_a_generator():
    generator = own(dense, dense_params(), PICTURES, divisor=2, minimum=4)
    assert generator.widths == {"enter": 6}
    assert generator.taps == {"middle": "enter"}  # the input has no channels to leave out
    assert [(slot.name, dict(slot.groups)) for slot in generator.slots] == [("enter", {"enter": 1})]
    assert generator.channels_in == 3
    params = generator.init(jax.random.key(0))
    assert channels.read_widths(params, generator.axes) == generator.widths
    assert generator.init(jax.random.key(0), {"enter": 4})["leave"]["w"].shape == (4, 3)


def test_any_tree_becomes_nested_dicts():
    inner = dense_params()
    tree = [{"net/~/enter": inner["enter"]["w"]}, (inner["enter"]["b"],), inner["leave"]["w"]]
    network = lambda p, x: jnp.tanh(x @ p[0]["net/~/enter"] + p[1][0]) @ p[2]  # noqa: E731
    generator = own(network, tree, PICTURES)
    params = generator.init(jax.random.key(0))
    assert sorted(flatten(params)) == ["0/net/~/enter", "1/0", "2"]
    assert generator.axes["2"] == ("0/net/~", None)
    image = generator.apply(params, PICTURES).image
    np.testing.assert_allclose(image, network(tree, PICTURES), atol=1e-6)


def test_a_network_of_nnx():
    class Net(nnx.Module):
        def __init__(self, rngs):
            self.enter = nnx.Conv(3, 8, (1, 1), rngs=rngs)
            self.blocks = nnx.List([nnx.Linear(8, 8, rngs=rngs) for _ in range(2)])
            self.leave = nnx.Conv(8, 3, (1, 1), rngs=rngs)

        def __call__(self, x):
            x = self.enter(x)
            for block in self.blocks:
                x = x + jnp.tanh(block(x))
            return self.leave(x)

    graph, state = nnx.split(nnx.eval_shape(lambda: Net(nnx.Rngs(0))))
    axes = discover(lambda state, x: nnx.merge(graph, state)(x), state, PICTURES)
    assert jax.tree.leaves(axes, is_leaf=lambda node: isinstance(node, tuple)) == [
        *(("enter",), ("enter", "enter")) * 2,
        *(("enter",), (None, None, None, "enter")),
        *((None,), (None, None, "enter", None)),
    ]


def test_an_nnx_network_is_a_generator():
    class Net(nnx.Module):
        def __init__(self, rngs):
            self.enter = nnx.Conv(3, 8, (3, 3), rngs=rngs)
            self.norm = nnx.LayerNorm(8, rngs=rngs)
            self.attend = nnx.Linear(8, 8, rngs=rngs)
            self.leave = nnx.ConvTranspose(8, 3, (3, 3), rngs=rngs)

        def __call__(self, x):
            x = nnx.gelu(self.norm(self.enter(x)))
            return self.leave(x * nnx.sigmoid(self.attend(x.mean((1, 2), keepdims=True))))

    graph, state = nnx.split(Net(nnx.Rngs(0)))
    check_half(lambda state, x: nnx.merge(graph, state)(x), state, groups=1)


def test_a_network_in_the_style_of_haiku_is_a_generator():
    """Modules by their path, with `w`, `b`, `scale` and `offset`, and kernels of any shape."""
    rng = np.random.default_rng(0)
    draw = lambda *size: np.float32(rng.normal(0, 0.3, size))  # noqa: E731
    params = {
        "net/~/conv2_d": {"w": draw(3, 3, 3, 8), "b": draw(8)},
        "net/~/instance_norm": {"scale": 1 + draw(1, 1, 1, 8), "offset": draw(1, 1, 1, 8)},
        "net/~/multi_head/linear": {"w": draw(8, 2 * 3)},
        "net/~/out": {"w": draw(2, 3, 3)},
    }

    def network(params, x):
        get = lambda name: params[f"net/~/{name}"]  # noqa: E731
        x = jax.lax.conv_general_dilated(
            x, get("conv2_d")["w"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = x + get("conv2_d")["b"]
        x = (x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True)
        x = jnp.tanh(x * get("instance_norm")["scale"] + get("instance_norm")["offset"])
        heads = (x @ get("multi_head/linear")["w"]).reshape(*x.shape[:-1], 2, 3)
        return jnp.einsum("bhwnd,ndo->bhwo", jax.nn.relu(heads), get("out")["w"])

    check_half(network, params, groups=2)


def check_half(network, params, groups):
    """Half of the channels, any: masked == sliced, and with all of them it is the network."""
    generator = own(network, params, PICTURES)
    assert len(generator.widths) == groups
    named = generator.init(jax.random.key(0))
    keep = {group: np.arange(width)[::-2] for group, width in generator.widths.items()}
    draw = jax.jit(lambda p, m: generator.apply(p, PICTURES, masks=m).image)
    sliced = channels.slice_params(named, generator.axes, keep)
    np.testing.assert_allclose(
        draw(named, channels.masks(keep, generator.widths)),
        jax.jit(lambda p: generator.apply(p, PICTURES).image)(sliced),
        atol=1e-5,
    )
    whole = channels.masks(channels.prefix(generator.widths), generator.widths)
    np.testing.assert_allclose(draw(named, whole), jax.jit(network)(params, PICTURES), atol=1e-5)


def test_what_is_refused():
    generator = own(dense, dense_params(), PICTURES, divisor=2, minimum=4)
    params = generator.init(jax.random.key(0))
    for shape in ((1, 9, 8, 3), (1, 2, 2, 3), (1, 8, 8, 4)):
        with pytest.raises(UserError):
            generator.apply(params, np.zeros(shape, np.float32))
    with pytest.raises(UserError, match="6 wide, no multiple of base 4"):
        own(dense, dense_params(), PICTURES, base=4)
    with pytest.raises(UserError, match="needs init too"):
        own(dense, jax.eval_shape(dense_params), PICTURES)
    with pytest.raises(UserError, match="the same path"):
        own(dense, {"a/b": 1.0, "a": {"b": 2.0}}, PICTURES)


def test_it_takes_other_sizes_and_more_inputs():
    def network(params, x, shift):
        return dense(params, x + shift).image

    generator = own(network, dense_params(), PICTURES, shift=np.float32(0))
    masks = {"enter": np.float32([1, 1, 1, 0, 0, 0])}
    params = generator.init(jax.random.key(0))
    sliced = channels.slice_params(params, generator.axes, channels.prefix({"enter": 3}))
    for x in (PICTURES, PICTURES[:1, :4, :6]):
        masked = generator.apply(params, x, masks=masks, shift=np.float32(0.5)).image
        np.testing.assert_allclose(masked, network(sliced, x, 0.5), atol=1e-6)


def test_its_cost_follows_the_widths():
    network = NETWORKS["DCGAN"]
    generator = own(network.make(8).apply, network.params(), network.example())
    first, second = generator.widths
    widths = {first: np.array([16, 4]), second: np.array([8, 2])}
    macs = cost.macs(generator, 1, 1, "true")(widths)
    dense, up, last = 6 * 16 * widths[first], 16 * 16 * widths[first], 64 * 16 * 3
    np.testing.assert_array_equal(macs, dense + up * widths[second] + last * widths[second])
    parameters = sum(leaf.size for leaf in jax.tree.leaves(network.params()))
    assert cost.params(generator)(generator.widths) == parameters


def test_a_stored_model_is_recognised(tmp_path):
    generator = own(dense, dense_params(), PICTURES, name="mine")
    keep = channels.prefix({"enter": 4})
    params = channels.slice_params(generator.init(jax.random.key(0)), generator.axes, keep)
    store.save(tmp_path / "model", Model(generator, params, (4,)), {"note": "small"})
    model = store.load(tmp_path / "model", own(dense, dense_params(), PICTURES))
    jax.tree.map(np.testing.assert_array_equal, model.params, params)
    assert model.arch == (4,)
    with pytest.raises(UserError, match="'mine' is a network of one's own"):
        store.load(tmp_path / "model")
    other = own(lambda p, x: dense(p, x).image, dense_params(), PICTURES)
    with pytest.raises(UserError, match="computes something else"):
        store.load(tmp_path / "model", other)
    wider = own(dense, dense_params(8), PICTURES)
    with pytest.raises(UserError, match="computes something else"):
        store.load(tmp_path / "model", wider)


def test_two_steps_of_once_for_all_and_a_search():
    network = NETWORKS["pixel shuffle"]

    def tapped(params, x):  # Flax hands out what its modules give
        image, state = network.make(8).apply(params, x[:, ::2, ::2], capture_intermediates=True)
        return Output(image, {"trunk": state["intermediates"]["PReLU_0"]["__call__"][0]})

    generator = own(tapped, network.params(), PICTURES)
    assert generator.taps == {"trunk": "Conv_0"}
    judge = discriminators.PatchSpec(ndf=4, layers=1, channels_in=6, norm="instance")
    method = ofa.OnceForAll(
        pix2pix.task(discriminators.patch(judge)), generator, generator, Distil()
    )
    space = Space(generator.slots, ((8, 4), (8, 4)))
    classes = ShapeClasses(space, ((8, 8),))
    optimizers = {"generator": optax.adam(1e-2), "discriminator": optax.adam(1e-2)}
    start = generator.init(jax.random.key(0))
    state = ofa.init(method, jax.random.key(0), optimizers)
    step = ofa.make_step(method, optimizers, start, classes)
    batch = {"a": PICTURES, "b": -PICTURES}
    for index in range(2):
        state, scalars = step(state, batch, index)
        assert all(np.isfinite(value) for value in scalars.values())
    trained = state.params["generator"]["student"]
    assert any(np.any(a != b) for a, b in zip(*map(jax.tree.leaves, (start, trained)), strict=True))
    supernet = Supernet(generator, space, (8, 8, 3))
    assert supernet.macs((4, 4)) < supernet.macs((8, 4)) < supernet.macs((8, 8))
    assert supernet.masked_minus_sliced(trained, (4, 4), PICTURES[:1]) < 1e-5
    traces = []

    def counted(*args, **options):
        traces.append(options)
        return generator.apply(*args, **options)

    generate = make_generate(dataclasses.replace(generator, apply=counted), classes, batch=4)
    found = dict(generate(trained, PICTURES, [(4, 4), (8, 4)]))
    found |= dict(generate(trained, PICTURES, [(4, 8), (8, 8)]))
    assert len(traces) == 1  # one class, whatever the architectures
    np.testing.assert_allclose(
        found[4, 4][:1],
        generator.apply(supernet.cut(trained, (4, 4)).params, PICTURES[:1]).image,
        atol=1e-5,
    )
