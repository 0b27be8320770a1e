"""What an ONNX file says of the model in it."""

from collections.abc import Mapping
from typing import Any

from ganc.channels import read_widths
from ganc.export.onnx.network import Network
from ganc.models.families import family_of
from ganc.models.flat import params_sha256
from ganc.types import Model


def metadata(model: Model, built: Network, about: Mapping[str, Any]) -> dict[str, Any]:
    """What a file says of itself."""
    generator, ports = model.generator, (*built.inputs, built.output)
    return {
        "family": family_of(generator.spec),
        "spec": str(generator.spec),
        "architecture": "_".join(map(str, model.arch or ())),
        "widths": dict(read_widths(model.params, generator.axes)),
        "params_sha256": params_sha256(model.params),
        "ports": {port.name: [port.dtype, *port.shape] for port in ports},
        "divisor": str(generator.divisor),
        "minimum": str(generator.minimum),
        "about": dict(about),
    }
