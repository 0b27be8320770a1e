import itertools
from math import prod

import numpy as np
import pytest

from ganc.search.classes import ShapeClasses, shape_classes
from ganc.search.space import Space
from ganc.types import slot

SPACE = Space(
    tuple(slot(f"slot{i}", 1, f"g{i}") for i in range(4)),
    ((8, 6, 4, 3, 2),) * 4,
)


def cost(widths):
    """A chain of layers: what makes narrow slots beside narrow slots cheap."""
    chain = [widths[f"g{i}"] for i in range(4)]
    return sum(one * other for one, other in itertools.pairwise(chain))


def sample(count=60, seed=0):
    rng = np.random.default_rng(seed)
    return [SPACE.sample(rng) for _ in range(count)]


def waste(classes, archs):
    return sum(
        cost(SPACE.widths(classes.containing(arch))) - cost(SPACE.widths(arch)) for arch in archs
    )


def contains(shape, arch):
    return all(entry <= limit for entry, limit in zip(arch, shape, strict=True))


@pytest.mark.parametrize("limit", [1, 2, 5, 16, 100])
@pytest.mark.parametrize("compile_cost", [0.0, 30.0, np.inf])
def test_every_architecture_has_its_cheapest_class(limit, compile_cost):
    classes = shape_classes(SPACE, sample(), cost, compile_cost, limit)
    assert len(classes.classes) <= limit + 1
    assert classes.classes[-1] == SPACE.largest
    costs = [cost(SPACE.widths(shape)) for shape in classes.classes]
    assert costs == sorted(costs)
    for arch in SPACE:
        shape = classes.containing(arch)
        assert contains(shape, arch)
        fitting = [cost(SPACE.widths(s)) for s in classes.classes if contains(s, arch)]
        assert cost(SPACE.widths(shape)) == min(fitting)


def test_more_classes_waste_less():
    archs = sample()
    limits = [1, 2, 4, 8, 16, 32, 60]
    wastes = [waste(shape_classes(SPACE, archs, cost, 0.0, limit), archs) for limit in limits]
    assert wastes == sorted(wastes, reverse=True)
    assert wastes[0] > 2 * wastes[3] > 0
    assert wastes[-1] == 0


def test_dearer_compilations_make_fewer_classes():
    counts = [
        len(shape_classes(SPACE, sample(), cost, dear, 100).classes) for dear in (0, 20, 100, 1e9)
    ]
    assert counts == sorted(set(counts), reverse=True)
    assert counts[-1] == 1


def test_free_compilations_make_a_class_per_architecture():
    archs = sample(10)
    classes = shape_classes(SPACE, archs, cost, -1.0)
    assert set(classes.classes) == {*archs, SPACE.largest}


def test_unaffordable_compilations_make_the_tightest_single_class():
    archs = [(2, 3, 2, 4), (3, 2, 2, 2)]
    classes = shape_classes(SPACE, archs, cost, np.inf)
    assert classes.classes == ((3, 3, 2, 4), SPACE.largest)


def test_what_comes_often_weighs_more():
    # Merging wastes 14 a run on the small one; seen once that is worth a compilation, seen ten
    # times it is not.
    small, large = (2, 2, 2, 2), (3, 3, 3, 3)
    added = cost(SPACE.widths(large)) - cost(SPACE.widths(small))
    once = shape_classes(SPACE, [small, large], cost, added + 1)
    often = shape_classes(SPACE, [small] * 10 + [large], cost, added + 1)
    assert once.classes == (large, SPACE.largest)
    assert often.classes == (small, large, SPACE.largest)


def test_the_same_arguments_give_the_same_classes():
    one, other = (shape_classes(SPACE, sample(), cost, 5.0, 12) for _ in range(2))
    assert one == other
    shuffled = [sample()[i] for i in np.random.default_rng(1).permutation(60)]
    assert shape_classes(SPACE, shuffled, cost, 5.0, 12) == one


def test_nothing_to_run_leaves_the_largest():
    assert shape_classes(SPACE, [], cost, 0.0).classes == (SPACE.largest,)


def test_what_lies_outside_the_space_has_no_class():
    with pytest.raises(ValueError, match="wider than the space"):
        ShapeClasses(SPACE, (SPACE.largest,)).containing((9, 2, 2, 2))


def test_the_sample_is_smaller_than_the_space():
    assert len(set(sample())) < prod(map(len, SPACE.choices)) == SPACE.size
