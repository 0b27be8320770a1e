"""What a call binds for all layers of a network at once: its masks and its momentum.

They lie at the root of the module, in a collection of variables of their own that nothing writes:

    module.apply({"params": params, **bind(masks, momentum)}, x)

No layer passes them on; a `Layer` reads them there. To `jit`, `grad` and `vmap` around `apply` they
are arguments like the parameters. A lifted transformation of Flax (`nn.remat`, `nn.scan`) starts a
root of its own, which would not see them: there is none here.
"""

from typing import Any

import flax.linen as nn
import jax

from ganc import channels
from ganc.types import Group, Masks

_COLLECTION = "call"


def bind(masks: Masks | None = None, momentum: float | None = None) -> dict[str, dict[str, Any]]:
    """The variables of one call, to stand beside the others; see `Generator.apply`."""
    given = {"masks": masks, "momentum": momentum}
    return {_COLLECTION: {name: value for name, value in given.items() if value is not None}}


class Layer(nn.Module):
    """A module that reads what its call binds; while parameters are made, nothing is bound."""

    @property
    def masks(self) -> Masks | None:
        """Channel group -> 0/1 vector; None where all channels are active."""
        return self._bound("masks")

    @property
    def momentum(self) -> float | None:
        """How far running statistics move towards the batch's; None in evaluation."""
        return self._bound("momentum")

    @nn.nowrap
    def mask(self, group: Group) -> jax.Array | None:
        """The 0/1 vector of `group`; None where all its channels are active."""
        if self.masks is None or group is None:
            return None
        return channels.mask_of(group, self.masks)

    @nn.nowrap
    def _bound(self, name: str) -> Any:
        assert self.scope is not None, "a layer is read inside init or apply"
        return self.scope.root.get_variable(_COLLECTION, name)


class Gate(Layer):
    """Sets the inactive channels of a group, or of several, to exactly zero."""

    group: Group

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(... c) to the same shape."""
        mask = self.mask(self.group)
        return x if mask is None else x * mask.astype(x.dtype)
