import os
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import install_import_hook

# Every module whose functions say the shapes of arrays; here they are checked at every call.
SHAPED = [
    "ganc.batching",
    "ganc.features.drn",
    "ganc.features.layers",
    "ganc.features.lite0",
    "ganc.features.lpips",
    "ganc.features.vgg",
    "ganc.features.weights",
    "ganc.losses",
    "ganc.metrics",
    "ganc.models.munit",
    "ganc.models.render",
    "ganc.nn.conv",
    "ganc.nn.fake_quant",
    "ganc.nn.norm",
    "ganc.scores",
]
install_import_hook(SHAPED, "beartype.beartype")

from ganc import memory
from ganc.export import layouts
from ganc.models.build import build
from ganc.nn.call import Gate
from ganc.nn.layers import Conv
from ganc.nn.norm import norm_layer
from ganc.types import Output, slot

# Tests of command lines run in this process, which should shrink again.
os.environ[memory.VARIABLE] = "0"

# Before anything is computed: the number of devices cannot change afterwards.
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_compilation_cache_dir", str(Path(__file__).parents[1] / ".cache" / "jax"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
# Programs run once or twice here, on tiny networks: compiling them is what takes the time.
jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(scope="module", autouse=True)
def forget():
    """What a file compiled is dropped after it: one process that keeps all grows to seven GB."""
    yield
    jax.clear_caches()


@pytest.fixture
def key():
    return jax.random.key(0, impl="rbg")  # compiles in a fifth of the time of the default


@pytest.fixture
def random_params():
    """Parameters like those of `model.init`, with biases that are not zero; nothing compiles."""

    def draw(model, seed=0, scale=0.1):
        rng = np.random.default_rng(seed)
        shapes = jax.eval_shape(model.init, jax.random.key(0))

        def leaf(path, shape):
            values = np.float32(rng.normal(0, scale, shape.shape))
            # Scales near 1 and variances above 0, or nothing would get through.
            return {"scale": 1 + values, "var": 1 + np.abs(values)}.get(path[-1].key, values)

        return jax.tree_util.tree_map_with_path(leaf, shapes)

    return draw


@pytest.fixture(scope="session")
def check_normal():
    """`check(params)`: weights are drawn from N(0, 0.02), biases are 0."""

    def check(params):
        for path, array in flatten_dict(params, sep="/").items():
            if path.endswith("bias"):
                np.testing.assert_array_equal(array, 0)
            else:
                error = 5 / np.sqrt(array.size)  # five standard errors
                assert abs(array.mean()) < 0.02 * error, path
                assert abs(array.std() / 0.02 - 1) < error, path

    return check


@pytest.fixture(scope="session")
def published_fill():
    """`fill(layers, shapes)`: parameters by the rule of the forward fixtures of published networks.

    The rule counts PyTorch's arrays in its order of registration, weight before bias, and their
    elements in its layouts: s sin(1.7 (t + 1) + 0.9 k + (0.013 k^2 mod 2 pi)) with s the inverse
    root of the fan in for arrays of two axes or more, else 0.1. Statistics are 0 and 1.
    """

    def fill(layers, shapes):
        zeros = {path: np.zeros(leaf.shape) for path, leaf in flatten_dict(shapes, sep="/").items()}
        arrays, t = layouts.to_torch(zeros, layers), 0
        assert len(arrays) == len(zeros), zeros.keys() - layouts.from_torch(arrays, layers).keys()
        for name, array in arrays.items():
            if name.endswith(("running_mean", "running_var")):
                arrays[name] = np.full(array.shape, name.endswith("var"), np.float32)
                continue
            k, size = np.arange(array.size), array.size
            scale = np.sqrt(array.shape[0] / size) if array.ndim > 1 else 0.1
            phase = (0.013 * k * k) % 6.283185307179586
            values = scale * np.sin(1.7 * (t + 1) + 0.9 * k + phase)
            arrays[name], t = values.astype(np.float32).reshape(array.shape), t + 1
        return unflatten_dict(layouts.from_torch(arrays, layers), sep="/")

    return fill


@pytest.fixture(scope="session")
def published_picture():
    """`picture(channels, height, width)`: the input of the forward fixtures, channels last."""

    def picture(channels, height, width):
        k = np.arange(channels * height * width)
        x = np.sin(0.37 * k + (0.0011 * k * k) % 6.283185307179586).astype(np.float32)
        return x.reshape(1, channels, height, width).transpose(0, 2, 3, 1)

    return picture


@pytest.fixture(scope="session")
def check_published():
    """`check(array, moments, first, last)`: compares with a forward fixture, to its 1e-4."""

    def check(array, moments, first, last=()):
        flat = np.asarray(array, np.float64)
        flat = (flat.transpose(0, 3, 1, 2) if flat.ndim == 4 else flat).ravel()
        np.testing.assert_allclose((flat.mean(), flat.std()), moments, atol=1e-4)
        np.testing.assert_allclose(flat[: len(first)], first, atol=1e-4)
        np.testing.assert_allclose(flat[len(flat) - len(last) :], last, atol=1e-4)

    return check


class Toy(nn.Module):
    """Three convolutions, the least that has channels to leave out."""

    widths: dict
    norm: bool = False

    @nn.compact
    def __call__(self, x):
        def after(x, group):
            if self.norm:
                x = norm_layer("batch", group, f"{group}_norm")(x)
            return Gate(group)(nn.relu(x))

        x = after(Conv(self.widths["stem"], (None, "stem"), pad=1, name="stem")(x), "stem")
        taps = {"middle": x}
        x = after(Conv(self.widths["body"], ("stem", "body"), pad=1, name="body")(x), "body")
        return Output(jnp.tanh(Conv(3, ("body", None), size=1, name="head")(x)), taps)


@pytest.fixture(scope="session")
def toy():
    """`toy(width)`: a generator of no family, for what works with any; it compiles at once.

    With `norm`, a batch norm follows each convolution but the last.
    """

    def make(width, norm=False):
        return build(
            lambda widths: Toy(widths, norm),
            slots=(slot("stem", 1), slot("body", 2)),
            base=width,
            taps={"middle": "stem"},
            divisor=2,
            minimum=2,
            spec=width,
        )

    return make
