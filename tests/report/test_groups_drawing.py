from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import pytest

from ganc.discovery.__main__ import main
from ganc.discovery.groups import analyse
from ganc.errors import UserError
from ganc.report.groups import draw


def network():
    """What `python -m ganc.discovery` is given."""
    sizes = {"a": (3, 9), "b": (9, 4), "c": (4, 3)}
    shapes = {name: jax.ShapeDtypeStruct(size, jnp.float32) for name, size in sizes.items()}

    def apply(params, x):
        return jax.nn.softmax(jnp.tanh(x @ params["a"]) @ params["b"]) @ params["c"]

    return apply, shapes, jax.ShapeDtypeStruct((2, 3), jnp.float32)


def test_groups_are_drawn_with_what_was_frozen():
    root = ElementTree.fromstring(draw(analyse(*network())))
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in root.iter(f"{space}text")]
    assert texts[:6] == ["input", "a", "9", "picture", "b and 1 more", "4"]
    assert texts[6].startswith("frozen: reduce_max over channels")
    assert len(list(root.iter(f"{space}path"))) == 2  # into a, and out of it


def test_the_command_prints_and_draws(tmp_path, capsys):
    main(f"{__name__}:network", tmp_path / "groups.svg")
    assert capsys.readouterr().out.startswith("a: 9 channels\nfrozen: 4 channels of b, c: ")
    assert (tmp_path / "groups.svg").read_text().startswith("<svg")
    with pytest.raises(UserError, match="no network that can be imported"):
        main("nowhere:network")
