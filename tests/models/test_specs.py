from dataclasses import dataclass
from typing import Literal

import pytest

from ganc.models.specs import check_spec


@dataclass(frozen=True)
class Spec:
    width: int = 1
    blocks: int = 6
    kind: Literal["a", "b", "c"] = "a"
    entries: Literal[6, 8] = 8

    def __post_init__(self):
        check_spec(self, least={"width": 1}, multiples={"blocks": 3})


def test_what_can_be_passes():
    Spec(9, 3, "c", 6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"blocks": 0}, "blocks must be a positive multiple of 3, got 0"),
        ({"blocks": -3}, "blocks must be a positive multiple of 3, got -3"),
        ({"blocks": 4}, "blocks must be a positive multiple of 3, got 4"),
        ({"kind": "d"}, "kind must be a, b or c, got 'd'"),
        ({"entries": 7}, "entries must be 6 or 8, got 7"),
        ({"kind": []}, r"kind must be a, b or c, got \[\]"),
        ({"width": 2.0}, "width must be of type int, got 2.0"),
        ({"width": "2"}, "width must be of type int, got '2'"),
        ({"width": True}, "width must be of type int, got True"),
        ({"width": 10**9}, "width must be at most 65536, got 1000000000"),
        ({"blocks": 3 * 10**9}, "blocks must be at most 64, got 3000000000"),
    ],
)
def test_what_cannot_be_is_named(wrong, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Spec(**wrong)
