"""The type of activations: float32, or bfloat16 where training is bound by memory or its products.

Parameters, norms and losses stay float32 whatever is asked for. Layers multiply and keep what
`lowered` gives, norms compute with what `raised` gives, and networks return float32.
"""

from contextlib import AbstractContextManager
from typing import Any, Literal

import jax
import jax.numpy as jnp

Precision = Literal["float32", "bf16"]

_precision = jax.make_user_context("float32")  # compiled functions are compiled for each value


def activations(precision: Precision) -> AbstractContextManager[None]:
    """In its body networks are traced with activations of that precision."""
    return _precision(precision)


def lowered(x: Any) -> Any:
    """`x` in the type of activations."""
    if _precision.value == "float32" or not hasattr(x, "dtype"):
        return x
    return x.astype(jnp.bfloat16)


def raised(x: Any) -> Any:
    """`x` in float32, where it is an activation of fewer bits."""
    return x.astype(jnp.float32) if getattr(x, "dtype", None) == jnp.bfloat16 else x
