import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganc import channels
from ganc.errors import UserError
from ganc.metrics import cost
from ganc.models import resnet, store
from ganc.models.kernels import each_input, kernels_of
from ganc.models.quantised import Quantisation, bake, quantised, ranges, split, with_ranges
from ganc.models.render import render
from ganc.scores.row import Row, measure
from ganc.translate import translate
from ganc.types import Model

GENERATOR = resnet.generator(resnet.Spec(4, 3, norm="slimming"))


@pytest.fixture
def pictures():
    return np.random.default_rng(1).uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32)


def test_layers_are_found_in_their_order():
    found = {kernel.path: kernel for kernel in kernels_of(GENERATOR)}
    assert list(found)[:4] == ["stem", "down1", "down2", "block0/conv1"]
    assert found["stem"].source is None and found["head"].source == "up2"
    bordered = {path for path, kernel in found.items() if kernel.bordered}
    assert bordered == {"down1", "down2", "up1", "up2"}
    mobile = resnet.generator(resnet.Spec(4, 3, separable=True))
    assert sum(kernel.depthwise for kernel in kernels_of(mobile)) == 6


def test_the_published_scheme_by_hand(toy, pictures, random_params):
    plain = toy(2)
    params = random_params(plain, scale=1.0)
    made = quantised(plain, Quantisation("paper"))
    rounded = bake(params, made.quantisation)

    # The head is 1x1: its input is the body's, clipped to 4 and in steps of 1/64.
    seen = {}

    def body(x):
        seen["x"] = x
        return jnp.round(jnp.clip(x, 0, 4) * 64) / 64

    with each_input(lambda layer, x: x if layer.name == "stem" else body(x)):
        wanted = plain.apply(rounded, pictures).image
    assert seen["x"].max() > 4
    np.testing.assert_allclose(render(Model(made, params), pictures), wanted, atol=1e-4)
    assert np.abs(render(Model(plain, params), pictures) - wanted).max() > 1e-3


def test_a_signed_input_keeps_its_negative_half(pictures, random_params):
    params = random_params(GENERATOR)
    found = ranges(GENERATOR, params, [pictures])
    made, clipped = with_ranges(GENERATOR, params, found)
    signed = set(made.quantisation.signed)
    # Behind a ReLU nothing is negative; the trunk is, from the first sum on.
    assert {"block1/conv1", "up1"} <= signed
    assert not {"down1", "down2", "block0/conv1", "block0/conv2", "up2", "head"} & signed
    paper = Model(quantised(GENERATOR, Quantisation("paper")), params)
    plain = render(Model(GENERATOR, params), pictures)
    images = [render(model, pictures) for model in (Model(made, clipped), paper)]
    errors = [np.abs(image - plain).mean() for image in images]
    assert errors[0] < errors[1] / 2
    assert split(clipped)[1].keys() == {k.path for k in kernels_of(GENERATOR)} - {"stem"}


def test_it_is_sliced_stored_and_applied_like_any_other(tmp_path, pictures, random_params):
    params = random_params(GENERATOR)
    made, params = with_ranges(GENERATOR, params, ranges(GENERATOR, params, [pictures]))
    keep = {"stem": np.array([0, 2]), "block1": np.array([3])}
    params = bake(channels.slice_params(params, made.axes, keep), made.quantisation)
    model = Model(made, params)
    store.save(tmp_path / "student", model, {})
    again = store.load(tmp_path / "student")
    assert again.generator.quantisation == made.quantisation
    for ours, theirs in zip(
        flatten_dict(params).values(), flatten_dict(again.params).values(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(render(model, pictures), render(again, pictures))
    assert translate(again, np.zeros((7, 5, 3), np.uint8)).shape == (7, 5, 3)

    with np.load(tmp_path / "student" / "params.npz") as arrays:
        kinds = {name: array.dtype for name, array in arrays.items()}
        total = sum(array.nbytes for array in arrays.values())
    assert kinds["block0/conv1/kernel"] == np.int8 and kinds["block0/conv1/bias"] == np.float32
    row = measure("student", model, (16, 16), {}, {})
    assert row.bytes == total == Row.from_json(row.to_json()).bytes
    plain = measure("teacher", Model(GENERATOR, random_params(GENERATOR)), (16, 16), {}, {})
    assert plain.bytes == 4 * plain.params  # it has no running statistics


def test_damage_is_named(tmp_path, random_params):
    made = quantised(GENERATOR, Quantisation("paper"))
    place = tmp_path / "student"
    store.save(place, Model(made, random_params(GENERATOR)), {})
    with np.load(place / "params.npz") as arrays:
        flat = dict(arrays)
    np.savez(place / "params.npz", **{k: v for k, v in flat.items() if k != "head/kernel_scale"})
    with pytest.raises(UserError, match="head/kernel is int8 .*, expected int8 codes with"):
        store.load(place)
    model = json.loads((place / "model.json").read_text())
    model["quantisation"] = {"scheme": "none"}
    (place / "model.json").write_text(json.dumps(model))
    with pytest.raises(UserError, match="scheme must be paper or deployable, got 'none'"):
        store.load(place)


def test_sizes_are_those_that_the_publication_prints():
    """Wang et al. 2020: four bytes, or one, for each weight of two axes or more, over 2^20."""
    dense = resnet.generator(resnet.Spec(norm="slimming"))
    half = dataclasses.replace(dense.spec, ngf=32)
    counts = [int(cost.weights(g)(g.widths)) for g in (dense, resnet.generator(half))]
    assert counts == [11_372_928, 2_847_936]
    assert [f"{4 * count / 2**20:.2f}" for count in counts] == ["43.38", "10.86"]
