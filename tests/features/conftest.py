import math

import numpy as np
import pytest


@pytest.fixture(scope="session")
def draw():
    """Random tensors of given shapes, under which activations neither vanish nor explode."""

    def tensor(rng, name, shape):
        part = name.rpartition(".")[2]
        if len(shape) > 1:
            scale = np.float32(math.sqrt(2 / math.prod(shape[1:])))
            return scale * rng.standard_normal(shape, np.float32)
        if part in ("weight", "running_var"):  # of a batch norm
            return rng.uniform(0.5, 1.5, shape).astype(np.float32)
        return rng.normal(0, 0.1, shape).astype(np.float32)

    def state_dict(shapes, seed=0):
        rng = np.random.default_rng(seed)
        return {name: tensor(rng, name, shape) for name, shape in shapes.items()}

    return state_dict


@pytest.fixture
def waves():
    """A picture (1 h w 3) in [-1, 1] with detail at many scales."""

    def picture(height, width, seed=0):
        rng = np.random.default_rng(seed)
        row, column, channel = np.meshgrid(
            np.arange(height), np.arange(width), np.arange(3), indexing="ij"
        )
        smooth = np.sin(0.2 * row + 0.05 * column * (channel + 1))
        return np.float32(0.7 * smooth + 0.3 * rng.uniform(-1, 1, smooth.shape))[None]

    return picture
