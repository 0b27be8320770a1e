import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = 10
FLOORS = {
    "ganc": 0,
    "ganc.types": 0,
    "ganc.errors": 0,
    "ganc.memory": 0,
    "ganc.ranges": 1,
    "ganc.pickle_scan": 0,
    "ganc.channels": 1,
    "ganc.batching": 1,
    "ganc.array_file": 1,
    "ganc.torch_file": 1,
    "ganc.cli": 2,
    "ganc.runs": 2,
    "ganc.nn": 2,
    "ganc.discovery": 2,
    "ganc.hosts": 3,
    "ganc.models": 3,
    "ganc.features": 3,
    "ganc.data": 3,
    "ganc.losses": 3,
    "ganc.metrics": 3,
    "ganc.pruning": 3,
    "ganc.search": 4,
    "ganc.tasks": 4,
    "ganc.methods": 5,
    "ganc.train": 6,
    "ganc.export": 6,
    "ganc.report": 7,
    "ganc.scores": 7,
    "ganc.compression": 8,
    "ganc.recipes": 9,
    "ganc.discovery.__main__": TOP,
    "ganc.metrics.__main__": TOP,
    "ganc.__main__": TOP,
    "ganc.export.onnx.__main__": TOP,
    "ganc.api": TOP,
    "ganc.export.web.__main__": TOP,
    "ganc.serve": TOP,
    "ganc.notebook": TOP,
    "ganc.info": TOP,
    "ganc.translate": TOP,
    "ganc.translation": TOP,
    "ganc.compare": TOP,
    "ganc.pick": TOP,
}
NAMELESS = {"utils", "util", "common", "misc", "base", "helpers"}
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "ganc").rglob("*.py"))
}


def imports(module, path):
    """The modules that a file imports, of `ganc` and of `experiments`, by their full names."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            start = ".".join(above) if node.level else ""
            start = ".".join(part for part in (start, node.module) if part)
            names = [f"{start}.{alias.name}" for alias in node.names]
            names = [name if name in FILES else start for name in names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in ("ganc", "experiments"))


def room(module):
    """The folder, or the single file, that the floors are given to; what is started is a file."""
    return module if module.endswith(".__main__") else ".".join(module.split(".")[:2])


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_from_lower_floors_and_its_own_folder(module):
    assert room(module) in FLOORS, f"{module} has no floor"
    for name in imports(module, FILES[module]):
        assert name.startswith("ganc"), f"{module} imports {name}"
        assert name in FILES, f"{module} imports {name}, which is no module"
        lower = FLOORS[room(name)] < FLOORS[room(module)]
        assert lower or room(name) == room(module) or (FLOORS[room(module)] == TOP), (
            f"{module} (floor {FLOORS[room(module)]}) imports {name} (floor {FLOORS[room(name)]})"
        )


def test_every_floor_exists():
    assert set(FLOORS) == {room(module) for module in FILES}


def test_every_name_is_a_noun():
    parts = {part for module in FILES for part in module.split(".")}
    assert not parts & NAMELESS


def test_imports_are_found(tmp_path):
    path = tmp_path / "sample.py"
    path.write_text(
        "import jax\nimport ganc.types\nfrom ganc import channels\n"
        "from ganc.nn.conv import conv2d\n"
        "from . import evolution\nfrom .space import Space\nfrom ..nn import norm\n"
        "def f():\n    from experiments import toy\n"
    )
    assert sorted(imports("ganc.search.sample", path)) == [
        "experiments",
        "ganc.channels",
        "ganc.nn.conv",
        "ganc.nn.norm",
        "ganc.search.evolution",
        "ganc.search.space",
        "ganc.types",
    ]
