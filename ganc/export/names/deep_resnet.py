"""The names of OMGD's deeper ResNet, which are not known here: it was published without weights."""

from collections.abc import Mapping
from typing import NoReturn

from ganc.errors import UserError
from ganc.export.layouts import Layer
from ganc.models.deep_resnet import Spec


def layers(spec: Spec) -> NoReturn:
    """Raises: UserError, always."""
    raise UserError(f"a deeper ResNet has no known names in PyTorch, {spec} cannot be exchanged")


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Spec, list[Layer]] | None:
    """None: no state dict is known to hold a member of the family."""
    del shapes
    return None
