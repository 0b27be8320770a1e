"""Operations that exchange formats have a word for, which stay whole while a network is traced.

A trace of `jax.numpy` sees a reflecting pad as slices and concatenations, an instance norm as sums
and a root. A function marked here is one equation instead, inside `whole()`; everywhere else it is
itself.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, TypeVar, cast

import jax
import numpy as np
from flax.core import FrozenDict
from jax.extend.core import Primitive
from jax.interpreters import mlir

Function = TypeVar("Function", bound=Callable[..., Any])

_whole = ContextVar("whole", default=False)

operation_p = Primitive("operation")
"""An equation of it has the parameters `name`, `function` and `options`, a mapping."""


@contextmanager
def whole() -> Iterator[None]:
    """Inside, marked functions are traced as one equation each, and convolutions in plain form."""
    token = _whole.set(True)
    try:
        yield
    finally:
        _whole.reset(token)


def traced_whole() -> bool:
    """Whether this is inside `whole()`."""
    return _whole.get()


def operation(function: Function) -> Function:
    """Marks a function of arrays, and of options that can be hashed, with one array as result."""
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not _whole.get():
            return function(*args, **kwargs)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        arrays = {k: v for k, v in given.items() if isinstance(v, jax.Array | np.ndarray)}
        options = FrozenDict({k: v for k, v in given.items() if k not in arrays})
        named = partial(_named, function, tuple(arrays))
        return operation_p.bind(
            *arrays.values(), name=function.__name__, function=named, options=options
        )

    return cast(Function, call)


def _named(function: Callable[..., Any], names: tuple[str, ...], *arrays: Any, **options: Any):
    return function(**dict(zip(names, arrays, strict=True)), **options)


def _shape(*arrays: Any, name: str, function: Callable[..., Any], options: Any) -> Any:
    del name
    shapes = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays]
    found = jax.eval_shape(partial(function, **options), *shapes)
    return arrays[0].update(shape=found.shape, dtype=found.dtype)


operation_p.def_abstract_eval(_shape)


def _run(*arrays: Any, name: str, function: Callable[..., Any], options: Any) -> Any:
    del name
    return function(*arrays, **options)


operation_p.def_impl(_run)
mlir.register_lowering(operation_p, mlir.lower_fun(_run, multiple_results=False))
