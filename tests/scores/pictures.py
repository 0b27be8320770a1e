"""Folders of small pictures."""

import numpy as np
from PIL import Image


def write(directory, names, shape=(16, 20, 3), seed=0, shift=0):
    """Pictures that differ from seed to seed by noise alone; `shift` in levels."""
    directory.mkdir(exist_ok=True)
    for i, name in enumerate(names):
        scene = np.random.default_rng(i).integers(40, 200, shape)
        noise = np.random.default_rng([seed, i]).integers(0, 9, shape)
        Image.fromarray((scene + noise + shift).clip(0, 255).astype(np.uint8)).save(
            directory / name
        )
    return directory


def names(count, ending="png"):
    return [f"{i:03d}.{ending}" for i in range(count)]
