from xml.etree import ElementTree

from ganc.report.widths import widths


def test_every_slot_says_what_is_kept():
    svg = ElementTree.fromstring(widths([8, 16], [32, 16]))
    assert [e.text for e in svg.iter("title")] == ["slot 1: 8 of 32", "slot 2: 16 of 16"]
    assert [e.text for e in svg.iter("text")] == ["8", "16"]


def test_many_slots_have_no_numbers():
    assert "<text" not in widths([8] * 17, [8] * 17)
