import dataclasses

import numpy as np
import pytest
from PIL import Image

from ganc.compression.change import change, key
from ganc.errors import UserError
from ganc.metrics import cost
from ganc.models import munit, resnet, store, unet
from ganc.recipes import (
    cyclegan_ofa,
    cyclegan_omgd,
    cyclegan_slimming,
    munit_ofa,
    munit_teacher,
    self_supervised,
    self_supervised_table,
)
from ganc.recipes.following import follow, narrower
from ganc.search.space import parse_space
from ganc.search.supernet import Supernet
from ganc.types import Model

RESNET9 = Model(resnet.generator(resnet.Spec(64, 9)), None)
UNET = Model(unet.generator(unet.Spec(64, 8)), None)


def followed(preset, said, **brought):
    """The configuration, and what in it is neither the preset's nor said."""
    config = change(preset, said)
    found = follow(config, preset, frozenset(map(key, said)), **brought)
    changed = {
        field.name: getattr(found, field.name)
        for field in dataclasses.fields(config)
        if getattr(found, field.name) != getattr(config, field.name)
    }
    return found, changed


@pytest.fixture
def pictures(tmp_path):
    """300 x 270 px, 2,600 of A: most are links, one file costs enough."""
    for name, count in (("trainA", 2600), ("trainB", 5)):
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True)
        first = folder / "0.png"
        Image.fromarray(np.zeros((270, 300, 3), np.uint8)).save(first)
        for i in range(1, count):
            (folder / f"{i}.png").symlink_to(first)
    return f"folder:{tmp_path / 'pictures'}"


def test_a_teacher_of_the_presets_kind_changes_nothing():
    like = Model(resnet.generator(resnet.Spec(24, 6)), None)
    said = {"teacher": "own"}
    assert followed(cyclegan_ofa.EARTH64, said, teacher=like)[1] == {}
    assert followed(cyclegan_ofa.HORSE2ZEBRA, said, teacher=RESNET9)[1] == {}


def test_a_teacher_of_other_contents_and_styles():
    published = Model(munit.generator(munit.Spec()), None)
    config, _ = followed(munit_ofa.EARTH64, {"teacher": "own"}, teacher=published)
    student = munit_teacher.spec(config.teaching, config.ngf, separable=True)
    assert student == munit.Spec(separable=True)


def test_a_published_checkpoint_fits_the_preset_of_minutes(pictures, capsys):
    said = {"teacher": "own", "data": pictures}
    config, changed = followed(cyclegan_ofa.EARTH64, said, teacher=RESNET9)
    assert changed | {"supernet": 0, "pre_distillation": 0} == {
        "size": 256,
        "ngf": 64,
        "blocks": 9,
        "space": "64/52/44/32/20",
        "budget": "10x",
        "supernet": 0,
        "pre_distillation": 0,
    }
    # 600 steps of four pictures would not see all.
    assert (config.supernet.steps, config.supernet.batch) == (650, 4)
    assert config.fine_tune == cyclegan_ofa.EARTH64.fine_tune
    out = capsys.readouterr().out
    assert "plan: from task, teacher and pictures follow " in out and "budget 10x" in out
    student = resnet.generator(resnet.Spec(config.ngf, config.blocks, separable=True))
    net = Supernet(student, parse_space(config.space, student), (256, 256, 3))
    whole = int(cost.macs(RESNET9.generator, 256, 256)(RESNET9.generator.widths))
    assert net.macs(net.space.smallest) < whole / 10 < net.macs(net.space.largest)


def test_what_is_said_stays(pictures):
    said = {"teacher": "own", "data": pictures, "size": 128, "space": "48/16", "ngf": 48}
    said |= {"search.budget": 5e8, "supernet.constant-steps": 9}
    config, changed = followed(cyclegan_ofa.EARTH64, said, teacher=RESNET9)
    assert changed.keys() == {"blocks", "pre_distillation"} and config.supernet.constant_steps == 9
    config, _ = followed(cyclegan_ofa.EARTH64, {"teacher": "own", "ngf": 32}, teacher=RESNET9)
    assert (config.ngf, config.space) == (32, "32/26/22/16/10")


def test_other_families_and_methods(pictures):
    said = {"teacher": "own", "data": pictures}
    changed = followed(cyclegan_ofa.EARTH64, said, teacher=UNET)[1]
    assert (changed["size"], changed["budget"]) == (256, "10x") and "ngf" not in changed
    slim, changed = followed(cyclegan_slimming.EARTH64, said, teacher=RESNET9)
    assert (slim.budget, slim.size, "blocks" in changed) == ("10x", 256, False)
    published = followed(cyclegan_slimming.HORSE, said, teacher=RESNET9)[1]
    assert "budget" not in published  # it has none
    omgd = followed(cyclegan_omgd.SHIPPED64, said, teacher=RESNET9)[0]
    assert (omgd.ngf, omgd.blocks, omgd.budget) == (round(64 * 8 / 24), 9, "")
    sparse = followed(self_supervised.EARTH64, said, teacher=RESNET9)[1]
    assert sparse["size"] == 256


def test_a_stored_teacher_says_its_size(tmp_path, random_params):
    generator = resnet.generator(resnet.Spec(2, 3))
    store.save(
        tmp_path / "run" / "teacher", Model(generator, random_params(generator)), {"size": 96}
    )
    config, _ = followed(cyclegan_ofa.EARTH64, {"teacher": str(tmp_path / "run")})
    assert (config.size, config.ngf, config.blocks, config.space) == (96, 2, 3, "2/1")


def test_presets_of_seconds_stay_and_words_are_no_teachers():
    said = {"teacher": "own"}
    assert followed(cyclegan_ofa.SMOKE, said, teacher=RESNET9)[1] == {}
    assert followed(cyclegan_ofa.EARTH64, {"teacher": "train"})[1] == {}
    with pytest.raises(UserError, match="--teacher no/such: there is no such file"):
        followed(cyclegan_ofa.EARTH64, {"teacher": "no/such"})


def test_a_student_that_is_brought_has_a_space_of_its_own():
    student = resnet.generator(resnet.Spec(10, 3, separable=True))
    config, changed = followed(cyclegan_ofa.SMOKE, {}, student=student)
    assert changed == {"space": "10/8/7/5/3", "budget": "10x"}
    parse_space(config.space, student)
    blind = dataclasses.replace(student, taps={})
    assert followed(cyclegan_ofa.SMOKE, {}, student=blind)[0].distillation == 0
    assert followed(cyclegan_omgd.SMOKE, {}, student=blind)[0].channels == 0


def test_proportions():
    assert narrower(24) == "24/20/16/12/8" and narrower(1) == "1"
    assert narrower(32, "channels-64-cycleGAN", 64) == "32/24/16/12/8"


def test_a_task_of_several_has_settings_of_its_own():
    steps = {"train_teacher.constant-steps": 7}
    config, changed = followed(self_supervised.EARTH64, {"task": "dcgan"} | steps)
    assert changed.keys() == {"train_teacher"} and config.train_teacher.constant_steps == 7
    assert config.train_teacher.decay_steps > self_supervised.EARTH64.train_teacher.decay_steps
    for preset in (self_supervised.SMOKE, self_supervised.MAPS):  # they are nobody else's
        assert followed(preset, {"task": "dcgan"})[1] == {}
    table = self_supervised_table.PRESETS["failures64"]
    assert followed(table, {"task": "srgan"})[1].keys() == {"train_teacher"}
