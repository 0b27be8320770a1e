import pytest

from ganc.errors import UserError
from ganc.metrics.protocol import HIGHER, LOWER, Protocol, comparable, direction

KID = "kid[lite0@128,report215-vs-real215]"


@pytest.mark.parametrize(
    "text", [KID, "l1[report9-vs-truth]", "kid[lite0@8,subsets9x10,seed0,a70-vs-b70,seed0]"]
)
def test_the_string_is_the_protocol(text):
    assert str(Protocol.parse(text)) == text
    parsed = Protocol.parse(KID)
    assert parsed == Protocol("kid", "report215", "real215", ("lite0@128",))


@pytest.mark.parametrize("text", ["kid", "kid[lite0@128]", "[a-vs-b]", KID + "x"])
def test_what_is_no_protocol(text):
    with pytest.raises(UserError, match="is no protocol"):
        Protocol.parse(text)


def test_one_protocol_is_one_row():
    fd, other = KID.replace("kid", "fd"), KID.replace("128", "64")
    rows = comparable({"x": {KID: 1.0, fd: 9.0, other: 3.0}, "y": {KID: 2.0}, "z": {fd: 8.0}})
    assert rows == {KID: {"x": 1.0, "y": 2.0}, fd: {"x": 9.0, "z": 8.0}, other: {"x": 3.0}}


def test_different_protocols_are_refused():
    other = KID.replace("128", "64")
    with pytest.raises(UserError) as error:
        comparable({"x": {KID: 1.0}, "both": {KID: 1.0, other: 3.0}, "y": {other: 2.0}})
    message = f"kid of x and of y cannot be compared: {KID} is not {other}"
    assert str(error.value) == message
    assert comparable({}) == {}


def test_which_values_are_better():
    assert (direction("kid"), direction("ssim"), direction("beauty")) == ("lower", "higher", None)
    assert not LOWER & HIGHER
