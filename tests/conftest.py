from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.models.build import build
from ganc.nn.layers import Conv, gate
from ganc.types import Output, Slot

# Before anything is computed: the number of devices cannot change afterwards.
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_compilation_cache_dir", str(Path(__file__).parents[1] / ".cache" / "jax"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


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


class Toy(nn.Module):
    """Three convolutions, the least that has channels to leave out."""

    widths: dict

    @nn.compact
    def __call__(self, x, masks=None, momentum=None):
        x = Conv(self.widths["stem"], (None, "stem"), pad=1, name="stem")(x)
        x = gate(nn.relu(x), masks, "stem")
        taps = {"middle": x}
        x = Conv(self.widths["body"], ("stem", "body"), pad=1, name="body")(x)
        x = gate(nn.relu(x), masks, "body")
        return Output(jnp.tanh(Conv(3, ("body", None), size=1, name="head")(x)), taps)


@pytest.fixture(scope="session")
def toy():
    """`toy(width)`: a generator of no family, for what works with any; it compiles at once."""

    def make(width):
        return build(
            Toy,
            slots=(Slot.of("stem", 1), Slot.of("body", 2)),
            base=width,
            taps={"middle": "stem"},
            divisor=2,
            minimum=2,
            spec=width,
        )

    return make
