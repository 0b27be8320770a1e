"""A dense network enters slimming: its norms get scales of one and shifts of zero."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc import channels
from ganc.models.families import generator
from ganc.types import Model


def with_scales(model: Model, *, trunk: bool = False) -> Model:
    """`model` with affine norms where its family can have them; it draws what it drew.

    A ResNet gets GAN Slimming's 13 sites, or as many as it has blocks and stages; with `trunk` all
    its norms get scales. A network whose norms have scales, and one of a family that has no such
    norms, is returned as it is.
    """
    spec = model.generator.spec
    if getattr(spec, "norm", None) != "instance":
        return model
    for norm in ("affine",) if trunk else ("slimming", "affine"):
        try:
            made = generator(dataclasses.replace(spec, norm=norm))
        except ValueError:  # the family has no such norm
            continue
        break
    else:
        return model
    flat: dict[str, Any] = flatten_dict(model.params, sep="/")
    widths = channels.read_widths(model.params, model.generator.axes)
    axes: dict[str, Any] = flatten_dict(made.axes, sep="/")
    for path in sorted(axes.keys() - flat.keys()):
        fill = jnp.ones if path.endswith("/scale") else jnp.zeros
        flat[path] = fill(tuple(channels.count(group, widths) for group in axes[path]))
    return Model(made, unflatten_dict(jax.tree.map(jnp.asarray, flat), sep="/"), model.arch)
