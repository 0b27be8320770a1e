import json

import numpy as np
import pytest

from ganc.errors import UserError
from ganc.metrics.protocol import Protocol, Value, comparison

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


def test_equal_protocols_are_compared():
    protocol, values = comparison("kid", {"x": {KID: 1.0, "fd[a-vs-b]": 9.0}, "y": {KID: 2.0}})
    assert (str(protocol), values) == (KID, {"x": 1.0, "y": 2.0})


def test_different_protocols_are_refused():
    other = KID.replace("128", "64")
    with pytest.raises(UserError) as error:
        comparison("kid", {"x": {KID: 1.0}, "y": {other: 2.0}})
    assert KID in str(error.value) and other in str(error.value)
    for scores in ({}, {"x": {}}, {"x": {KID: 1.0, other: 2.0}}):
        with pytest.raises(UserError):
            comparison("kid", scores)


def test_what_json_lacks_is_null():
    value = Value(np.inf, (3,), (1.0, 2.0), "bootstrap95x10,seed0").to_json()
    assert json.loads(json.dumps(value, allow_nan=False)) == {
        "value": None,
        "interval": [1.0, 2.0],
        "interval_protocol": "bootstrap95x10,seed0",
        "n": [3],
        "floor": None,
    }
    assert Value(np.nan, (3,)).to_json()["value"] is None
