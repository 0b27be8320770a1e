from contextlib import nullcontext
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.compression import teacher
from ganc.compression.settings import Teaching
from ganc.compression.teacher import load_teacher
from ganc.data.pictures import to_float
from ganc.errors import UserError
from ganc.models import dcgan, resnet, store
from ganc.recipes import munit_ofa, munit_teacher
from ganc.types import Model

WHOLE = SimpleNamespace(crop=(64, 64))
EARTH = SimpleNamespace(name="earth:satellite-relief", augmentation=WHOLE)


def task(name):
    return SimpleNamespace(name=name)


def test_the_shipped_teacher_of_a_task_is_loaded():
    model = load_teacher("shipped", task("cyclegan"), EARTH, (64, 64, 3))
    assert model.generator.spec.ngf == 24


def test_pairs_have_a_shipped_teacher_of_each_size():
    for side, norm in ((64, "instance"), (128, "batch")):
        model = load_teacher("shipped", task("pix2pix"), EARTH, (side, side, 3))
        assert model.generator.spec.norm == norm


def test_of_several_the_one_for_pictures_nearest_in_size_is_loaded(tmp_path, monkeypatch):
    for size, ngf in ((64, 2), (128, 3)):
        network = resnet.generator(resnet.Spec(ngf, 3))
        model = Model(network, network.init(jax.random.key(0)))
        about = {"task": "cyclegan", "data": EARTH.name, "size": size}
        store.save(tmp_path / "teacher_pack" / str(size), model, about)
    resources = SimpleNamespace(files=lambda package: tmp_path, as_file=nullcontext)
    monkeypatch.setattr(teacher, "resources", resources)
    for side, ngf in ((32, 2), (64, 2), (112, 3), (256, 3)):
        model = load_teacher("shipped", task("cyclegan"), EARTH, (side, side, 3))
        assert model.generator.spec.ngf == ngf


def test_the_shipped_teacher_of_styles_is_the_one_that_its_preset_describes():
    """Or students would take other styles than it, and have other contents."""
    config = munit_ofa.EARTH64
    data = SimpleNamespace(name=config.data, augmentation=WHOLE)
    spec = load_teacher(config.teacher, task("munit"), data, (64, 64, 3)).generator.spec
    assert spec == munit_teacher.spec(config.train_teacher, config.train_teacher.ngf)


@pytest.mark.parametrize(("name", "data"), [("munit", EARTH.name), ("cyclegan", "folder:x")])
def test_what_is_not_shipped_is_said_beside_what_is(name, data):
    with pytest.raises(UserError, match=f"no teacher of {name} of {data} .* cyclegan of earth"):
        load_teacher("shipped", task(name), SimpleNamespace(name=data), (64, 64, 3))


def test_pictures_of_a_size_that_it_cannot_take():
    with pytest.raises(UserError, match="multiples of 4"):
        load_teacher("shipped", task("cyclegan"), EARTH, (66, 64, 3))


def test_an_average_of_weights_is_kept_with_statistics_of_its_own(random_params):
    """Those that were averaged beside it are of weights whose activations vary more."""
    generator = dcgan.generator(dcgan.Spec(2, 4, side=16))
    noise = jnp.asarray(np.random.default_rng(0).standard_normal((8, 4), np.float32))
    data = SimpleNamespace(train_a=[np.zeros((16, 16, 3), np.uint8)] * 8, encode=to_float)
    drawing = SimpleNamespace(styled=lambda count: {"noise": noise[:count]})
    params, empty = random_params(generator), jnp.zeros((8, 16, 16, 3))

    def kept(average):
        config = Teaching(size=16, average=average)
        return teacher._kept(config, drawing, generator, data, params).params

    wanted = generator.apply(params, empty, momentum=1.0, noise=noise).image
    drawn = generator.apply(kept(0.9), empty, noise=noise).image
    # Of variances one is biased, and one is not.
    np.testing.assert_allclose(drawn, wanted, atol=0.02)
    assert np.abs(generator.apply(params, empty, noise=noise).image - wanted).max() > 0.1
    assert kept(0.0) is params
