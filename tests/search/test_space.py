import pickle

import numpy as np
import pytest

from ganc.errors import UserError
from ganc.models import resnet
from ganc.search import space as spaces
from ganc.search.space import CHOICES, Space, decode_choices, encode, favour_small
from ganc.types import slot

SLOTS = resnet.generator(resnet.Spec(ngf=4, blocks=3)).slots
TOY = Space(
    (slot("first", 1, "a"), slot("second", 2, "b", "c")),
    ((4, 2, 1), (3, 1)),
)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("channels-48", 5_184),
        ("channels-32", 6_561),
        ("channels-64-cycleGAN", 390_625),
        ("channels-64-pix2pix", 5_764_801),
        ("munit-channels-64", 282_475_249),
        ("spade-channels-48", 15_552),
        ("spade-channels-64", 128_000),
        ("spade-channels-64-coco", 390_625),
        ("spade-channels-64_2", 5_764_801),
    ],
)
def test_sizes_of_the_published_spaces(name, size):
    slots = tuple(slot(f"c{i}", 1) for i in range(len(CHOICES[name])))
    space = Space(slots, CHOICES[name])
    assert space.size == size
    assert space.largest in space and space.smallest in space


def test_every_published_space_has_a_known_size():
    assert set(CHOICES) == {
        "channels-48",
        "channels-32",
        "channels-64-cycleGAN",
        "channels-64-pix2pix",
        "munit-channels-64",
        "spade-channels-48",
        "spade-channels-64",
        "spade-channels-64-coco",
        "spade-channels-64_2",
    }


def test_a_small_space():
    assert (TOY.largest, TOY.smallest, TOY.size) == ((4, 3), (1, 1), 6)
    archs = list(TOY)
    assert archs == [(4, 3), (4, 1), (2, 3), (2, 1), (1, 3), (1, 1)]
    assert all(arch in TOY for arch in archs)
    for stranger in ((4, 2), (4,), (4, 3, 1), [4, 3], "4_3", None):
        assert stranger not in TOY


def test_strings_go_both_ways():
    space = Space(SLOTS, CHOICES["channels-64-cycleGAN"])
    arch = (16, 16, 32, 16, 32, 32, 16, 16)
    assert encode(arch) == "16_16_32_16_32_32_16_16"
    assert space.decode("16_16_32_16_32_32_16_16") == arch


@pytest.mark.parametrize("text", ["", "4", "4_2", "4_3_1", "4_x", "4-3", "4_3_"])
def test_a_bad_string_names_what_is_valid(text):
    with pytest.raises(UserError, match=f"{text!r} is no .*: first in 4/2/1, second in 3/1$"):
        TOY.decode(text)


def test_widths_multiply_and_reach_every_group():
    widths = TOY.widths((2, 3))
    assert dict(widths) == {"a": 2, "b": 6, "c": 6}
    assert hash(widths) == hash(TOY.widths((2, 3)))
    many = TOY.widths((np.array([4, 1]), np.array([3, 1])))
    np.testing.assert_array_equal(many["c"], [6, 2])


def test_masks_are_prefixes():
    masks = TOY.masks([(2, 1), (4, 3)], {"a": 4, "b": 6, "c": 6})
    np.testing.assert_array_equal(masks["a"], [[1, 1, 0, 0], [1, 1, 1, 1]])
    np.testing.assert_array_equal(masks["b"], [[1, 1, 0, 0, 0, 0], [1] * 6])
    np.testing.assert_array_equal(masks["c"], masks["b"])
    narrower = TOY.masks([(2, 1)], {"a": 2, "b": 2, "c": 2})
    np.testing.assert_array_equal(narrower["b"], [[1, 1]])


def test_samples_are_uniform_independent_and_repeatable():
    archs = [TOY.sample(rng) for rng in [np.random.default_rng(0)] for _ in range(3000)]
    again = np.random.default_rng(0)
    assert archs[:10] == [TOY.sample(again) for _ in range(10)]
    assert all(type(entry) is int for entry in archs[0])
    counts = [archs.count(arch) for arch in TOY]
    np.testing.assert_allclose(counts, 500, atol=5 * np.sqrt(500))


def test_weighted_samples():
    rng, weights = np.random.default_rng(0), [np.array([0.1, 0.9, 0]), np.array([0.5, 0.5])]
    firsts = [TOY.sample(rng, weights)[0] for _ in range(1000)]
    assert set(firsts) == {4, 2}
    assert firsts.count(2) == pytest.approx(900, abs=5 * np.sqrt(90))


def weights_of(ratio, geometric=False):
    space = Space(SLOTS, CHOICES["channels-64-cycleGAN"])
    (weights, *others) = favour_small(space, ratio, geometric)
    assert len(others) == 7
    for other in others:
        np.testing.assert_array_equal(other, weights)
    assert weights.sum() == pytest.approx(1)
    return weights / weights[0]


def test_favour_small_rises_linearly_as_in_the_released_code():
    np.testing.assert_allclose(weights_of(2), np.array([4, 5, 6, 7, 8]) / 4)
    np.testing.assert_allclose(weights_of(5), [1, 2, 3, 4, 5])


def test_favour_small_rises_geometrically_as_in_the_released_code():
    np.testing.assert_allclose(weights_of(3, geometric=True), [1, 3, 9, 27, 81])


@pytest.mark.parametrize("geometric", [False, True])
def test_favour_small_of_one_is_uniform(geometric):
    np.testing.assert_allclose(weights_of(1, geometric), 1)


def test_favour_small_with_a_single_choice():
    single = Space(TOY.slots, ((4,), (3, 1)))
    for geometric in (False, True):
        first, second = favour_small(single, 2, geometric)
        np.testing.assert_allclose(first, [1])
        np.testing.assert_allclose(second, [1 / 3, 2 / 3])


def test_favour_small_refuses_to_favour_the_large():
    with pytest.raises(ValueError, match="ratio must be at least 1, got 0.5"):
        favour_small(TOY, 0.5)


def test_choices_from_text():
    assert decode_choices("16/32/24/32", 3, ["toy"]) == ((32, 24, 16),) * 3
    for text in ("", "channels-99", "16/x", "0/8", "-4"):
        with pytest.raises(UserError, match="is no search space; valid are toy, or widths"):
            decode_choices(text, 3, ["toy"])


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (((4,),), "2 slots but 1 lists"),
        (((4,), ()), "second must be distinct and descending"),
        (((4,), (1, 2)), "second must be distinct and descending"),
        (((4, 4), (1,)), "first must be distinct and descending"),
        (((4, 0), (1,)), "first must be positive"),
    ],
)
def test_spaces_that_cannot_be_are_refused(choices, message):
    with pytest.raises(ValueError, match=message):
        Space(TOY.slots, choices)


def test_a_space_is_a_value():
    assert pickle.loads(pickle.dumps(TOY)) == TOY
    assert hash(spaces.Space(TOY.slots, TOY.choices)) == hash(TOY)


def test_an_architecture_is_a_space_of_one():
    generator = resnet.generator(resnet.Spec(ngf=4, blocks=3, separable=True))
    space = spaces.parse_space("4_3_2_1_1_1_2_4", generator)
    assert list(space) == [(4, 3, 2, 1, 1, 1, 2, 4)]
    with pytest.raises(UserError, match="have 2 entries, those of the student 8"):
        spaces.parse_space("4_3", generator)
    with pytest.raises(UserError, match="reaches 5 channels"):
        spaces.parse_space("5_3_2_1_1_1_2_4", generator)
    with pytest.raises(UserError, match="no search space"):
        spaces.parse_space("4_x", generator)
