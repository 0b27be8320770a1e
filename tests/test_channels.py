import numpy as np
import pytest

from ganc import channels

AXES = {
    "first": {"kernel": (None, None, None, "a"), "bias": ("a",)},
    "second": {"kernel": (None, None, "a", "b"), "bias": ("b",)},
    "joined": {"kernel": (None, None, ("b", "a"), None), "bias": (None,)},
}
WIDTHS = {"a": 3, "b": 2}


def tree():
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.normal(size=shape).astype(np.float32)

    return {
        "first": {"kernel": draw(1, 1, 3, 3), "bias": draw(3)},
        "second": {"kernel": draw(1, 1, 3, 2), "bias": draw(2)},
        "joined": {"kernel": draw(1, 1, 5, 1), "bias": draw(1)},
    }


def test_widths_are_read_off_the_shapes():
    widths = channels.read_widths(tree(), AXES)
    assert dict(widths) == WIDTHS
    assert hash(widths) == hash(channels.read_widths(tree(), AXES))


def test_widths_that_disagree_name_the_group_and_the_place():
    params = tree()
    params["second"]["bias"] = np.zeros(4, np.float32)
    with pytest.raises(ValueError, match=r"'b' is .* wide elsewhere, .* at \['second'\]"):
        channels.read_widths(params, AXES)


def test_prefix():
    keep = channels.prefix({"a": 2, "b": 0})
    np.testing.assert_array_equal(keep["a"], [0, 1])
    assert len(keep["b"]) == 0


@pytest.mark.parametrize(
    ("group", "names", "count", "mask"),
    [
        ("a", ("a",), 3, [1, 0, 1]),
        (("b", "a"), ("b", "a"), 5, [0, 1, 1, 0, 1]),
        (("a", "a"), ("a", "a"), 6, [1, 0, 1, 1, 0, 1]),
    ],
)
def test_groups_may_be_concatenated(group, names, count, mask):
    assert channels.names(group) == names
    assert channels.count(group, WIDTHS) == count
    masks = channels.masks({"a": np.array([0, 2]), "b": np.array([1])}, WIDTHS)
    np.testing.assert_array_equal(channels.mask_of(group, masks), mask)


def test_an_axis_without_a_group_has_no_names():
    assert channels.names(None) == ()
    assert channels.count(None, WIDTHS) == 0


def test_masks():
    masks = channels.masks({"a": np.array([0, 2]), "b": np.array([1])}, WIDTHS)
    np.testing.assert_array_equal(masks["a"], [1, 0, 1])
    np.testing.assert_array_equal(masks["b"], [0, 1])
    assert masks["a"].dtype == np.float32


@pytest.mark.parametrize("a", [[0, 1], [0, 2], [2]], ids=["prefix", "gather", "last"])
@pytest.mark.parametrize("b", [[0], [1], [0, 1]], ids=["prefix", "gather", "all"])
def test_slices_every_axis_of_a_group(a, b):
    params = tree()
    sliced = channels.slice_params(params, AXES, {"a": np.array(a), "b": np.array(b)})
    first, second, joined = (params[name]["kernel"] for name in ("first", "second", "joined"))
    np.testing.assert_array_equal(sliced["first"]["kernel"], first[..., a])
    np.testing.assert_array_equal(sliced["first"]["bias"], params["first"]["bias"][a])
    np.testing.assert_array_equal(sliced["second"]["kernel"], second[:, :, a][..., b])
    rows = b + [len(WIDTHS) + i for i in a]  # b stands first on the joined axis, two wide
    np.testing.assert_array_equal(sliced["joined"]["kernel"], joined[:, :, rows])
    np.testing.assert_array_equal(sliced["joined"]["bias"], params["joined"]["bias"])


def test_groups_that_are_not_named_stay_whole():
    params = tree()
    sliced = channels.slice_params(params, AXES, {"b": np.array([1])})
    np.testing.assert_array_equal(sliced["first"]["kernel"], params["first"]["kernel"])
    np.testing.assert_array_equal(
        sliced["joined"]["kernel"], params["joined"]["kernel"][:, :, [1, 2, 3, 4]]
    )


def test_a_slice_keeps_the_order_that_it_is_given():
    params = tree()
    sliced = channels.slice_params(params, AXES, {"a": np.array([2, 0])})
    np.testing.assert_array_equal(sliced["first"]["bias"], params["first"]["bias"][[2, 0]])
    np.testing.assert_array_equal(
        sliced["joined"]["kernel"], params["joined"]["kernel"][:, :, [0, 1, 4, 2]]
    )


def test_a_group_that_stands_only_beside_itself_or_others_has_a_width():
    axes = {"a": (None, ("g", "g")), "b": (("g", "g", "h"), "i"), "c": ("i", None)}
    params = {"a": np.zeros((3, 8)), "b": np.zeros((13, 6)), "c": np.zeros((6, 3))}
    assert channels.read_widths(params, axes) == {"g": 4, "h": 5, "i": 6}
    sliced = channels.slice_params(params, axes, {"g": np.array([1, 2]), "h": np.array([4])})
    assert {name: array.shape for name, array in sliced.items()} == {
        "a": (3, 4),
        "b": (5, 6),
        "c": (6, 3),
    }
