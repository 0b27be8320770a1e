"""The tools that the field scores with, and how far we are from them."""

import importlib
import importlib.util
import sys

import pytest

TOLERANCE = 1e-4


def tool(name):
    """A module of pytorch-fid, clean-fid or torch-fidelity; skips where it is not installed.

    All of them import torchvision. Beside a build of PyTorch without CUDA its compiled part does
    not load; its plain Python, all that they use, asks for two operators of that part.
    """
    torch = pytest.importorskip("torch", reason="PyTorch is installed on Python 3.11 alone")
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        pytest.skip(f"{name} is installed on Python 3.11 alone")
    if "torchvision" not in sys.modules:
        try:
            importlib.import_module("torchvision")
        except RuntimeError:
            for operator in ("nms", "qnms"):
                schema = "(Tensor boxes, Tensor scores, float threshold) -> Tensor"
                torch.library.define(f"torchvision::{operator}", schema)
            for module in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
                del sys.modules[module]
    return importlib.import_module(name)


def assert_close(capsys, what, ours, theirs):
    """Prints the relative difference, also of a test that passes, and holds it below 1e-4."""
    difference = abs(ours - theirs) / abs(theirs)
    with capsys.disabled():
        print(f"\n{what}: ours {ours:.8g}, theirs {theirs:.8g}, apart {difference:.1e}", end="")
    assert difference < TOLERANCE
