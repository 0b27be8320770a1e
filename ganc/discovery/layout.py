"""How the arrays of any tree lie in nested dicts."""

from typing import Any

import jax
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc.discovery.groups import parts
from ganc.errors import UserError
from ganc.types import Params


class Layout:
    """Between someone's tree of arrays and nested dicts."""

    def __init__(self, params: Any) -> None:
        found, self._tree = jax.tree.flatten_with_path(params)
        self._paths = [tuple(parts(path)) for path, _ in found]
        if len(set(self._paths)) < len(self._paths):
            raise UserError("two parameters have the same path; give the parts of the tree names")

    def named(self, params: Any) -> Params:
        """Someone's tree as nested dicts."""
        leaves = self._tree.flatten_up_to(params)
        return unflatten_dict(dict(zip(self._paths, leaves, strict=True)))

    def users(self, params: Params) -> Any:
        """Nested dicts as someone's tree."""
        flat: Any = flatten_dict(params)
        return self._tree.unflatten([flat[path] for path in self._paths])
