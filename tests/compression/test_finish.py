"""What a report is given of two networks."""

import jax
import numpy as np

from ganc import channels
from ganc.compression import finish
from ganc.models import resnet
from ganc.types import Model


def test_channels_of_student_and_teacher_where_their_groups_are_the_same(random_params):
    generator = resnet.generator(resnet.Spec(2, 3))
    teacher = Model(generator, random_params(generator))
    keep = {"stem": np.array([1]), "block1": np.array([0, 3, 5])}
    params = channels.slice_params(jax.device_get(teacher.params), generator.axes, keep)
    student = Model(generator, params)
    found = finish._kept({"teacher": teacher, "student": student})
    assert list(found) == list(generator.widths)
    assert found["stem"] == (1, 2) and found["block1"] == (3, 8) and found["trunk"] == (8, 8)
    # An architecture is drawn beside its search; nothing pruned is nothing to draw.
    searched = student._replace(arch=(1,) * 8)
    deeper = resnet.generator(resnet.Spec(2, 6))
    for other in (searched, teacher, Model(deeper, random_params(deeper))):
        assert finish._kept({"teacher": teacher, "student": other}) == {}
    assert finish._kept({"teacher": teacher}) == {}
