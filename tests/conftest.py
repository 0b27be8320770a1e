from pathlib import Path

import jax
import numpy as np
import pytest

# Before anything is computed: the number of devices cannot change afterwards.
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_compilation_cache_dir", str(Path(__file__).parents[1] / ".cache" / "jax"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def pytest_configure(config):
    # A cache entry that a killed run left half written is compiled again.
    config.addinivalue_line(
        "filterwarnings", "ignore:Error (reading|writing) persistent compilation cache:UserWarning"
    )


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture
def random_params():
    """Parameters like those of `model.init`, with biases that are not zero; nothing compiles."""

    def draw(model, seed=0, scale=0.1):
        rng = np.random.default_rng(seed)
        shapes = jax.eval_shape(model.init, jax.random.key(0))
        return jax.tree.map(
            lambda leaf: np.float32(rng.normal(0, scale, leaf.shape)),
            shapes,
        )

    return draw
