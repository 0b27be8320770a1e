"""A once-for-all student that is slimmed further: what runs after what, with which settings."""

import dataclasses

import pytest

from ganc.errors import UserError
from ganc.recipes import cyclegan_ofa, cyclegan_ofa_slimming, cyclegan_slimming

SMOKE = cyclegan_ofa_slimming.PRESETS["smoke"]


def test_a_student_is_searched_and_then_slimmed(tmp_path):
    config = dataclasses.replace(SMOKE, seed=3, crop=32, data="earth:season", teacher="train")
    found = cyclegan_ofa_slimming.variants(config, tmp_path)
    assert list(found) == ["once_for_all", "slimmed"]
    searched, slimmed = (variant.config for variant in found.values())
    assert found["once_for_all"].run is cyclegan_ofa.run
    assert found["slimmed"].run is cyclegan_slimming.run
    for one in (searched, slimmed):
        assert (one.seed, one.crop, one.data, one.teacher) == (3, 32, "earth:season", "train")
    assert slimmed.student == str(tmp_path / "once_for_all")
    assert slimmed.quantise == "deployable" and slimmed.budget < searched.search.budget
    assert (
        dataclasses.replace(searched, seed=0, crop=0, data="earth", teacher="shipped")
        == cyclegan_ofa.SMOKE
    )


def test_a_student_that_is_there_is_not_searched_again(tmp_path):
    config = dataclasses.replace(SMOKE, student="runs/mine")
    found = cyclegan_ofa_slimming.variants(config, tmp_path)
    assert list(found) == ["slimmed"] and found["slimmed"].config.student == "runs/mine"
    with pytest.raises(UserError, match="--student random is one of cyclegan_slimming"):
        cyclegan_ofa_slimming.variants(dataclasses.replace(SMOKE, student="random"), tmp_path)
