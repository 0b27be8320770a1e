"""An ONNX file: the model that the library `onnx` makes of a graph."""

import importlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ganc.errors import UserError
from ganc.export.onnx.network import Network, Port
from ganc.export.onnx.phases import in_phases

OPSET = 17
"""Of 2022: the first with every operator that is needed in its present form, and old enough for
every runtime that is still in use."""

IR = 8
"""The version of the file format that came with it."""


def library(name: str) -> Any:
    """The module `name`, which is no requirement of this project.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"ONNX files need {name}: pip install 'ganc[onnx]'") from error


def model_proto(network: Network, metadata: Mapping[str, Any], *, float16: bool = False) -> Any:
    """The `onnx.ModelProto` of `network`, checked.

    Args:
        network: see there.
        metadata: what the file says of itself; values that are no text are written as JSON.
        float16: weights are kept as float16, in half the bytes. They are cast when the file is
            loaded and the arithmetic stays as it is.
    """
    onnx = library("onnx")
    graph, helper = in_phases(network.graph), library("onnx").helper
    nodes, weights = [], []
    for name, array in graph.constants.items():
        half = float16 and array.dtype == np.float32 and array.size > 1 and abs(array).max() < 6e4
        stored = f"{name}_half" if half else name
        values = np.ascontiguousarray(array.astype(np.float16) if half else array)
        weights.append(onnx.numpy_helper.from_array(values.reshape(array.shape), stored))
        if half:
            nodes.append(helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT))
    renamed = {graph.outputs[0]: network.output.name}
    for node in graph.nodes:
        output = renamed.get(node.output, node.output)
        inputs = [renamed.get(name, name) for name in node.inputs]
        nodes.append(
            helper.make_node(node.op, inputs, [output], name=node.output, **node.attributes)
        )
    made = helper.make_graph(
        nodes, "generator", [_info(p) for p in network.inputs], [_info(network.output)], weights
    )
    opset = helper.make_opsetid("", OPSET)
    proto = helper.make_model(made, opset_imports=[opset], ir_version=IR, producer_name="ganc")
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()}
    helper.set_model_props(proto, texts)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _info(port: Port) -> Any:
    onnx = library("onnx")
    kinds = {"uint8": onnx.TensorProto.UINT8, "float32": onnx.TensorProto.FLOAT}
    return onnx.helper.make_tensor_value_info(port.name, kinds[port.dtype], list(port.shape))
