import hashlib
import io
import json
import shutil
import struct
import zipfile
from pathlib import Path

import jax
import numpy as np
import pytest

from ganc import channels
from ganc.errors import UserError
from ganc.models import discriminators, resnet, store
from ganc.models.flat import flatten, params_sha256, unflatten
from ganc.types import Model

SPEC = resnet.Spec(ngf=4, blocks=3, separable=True)
FULL = resnet.generator(SPEC)


def random_params(generator):
    """Like `generator.init`, without its compilations."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(generator.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: rng.normal(0, 0.1, leaf.shape).astype(np.float32), shapes)


PARAMS = random_params(FULL)
ARCH = (2, 2, 4)


def sliced():
    widths = {group: width - 1 for group, width in FULL.widths.items()}
    return channels.slice_params(PARAMS, FULL.axes, channels.prefix(widths))


def save(directory, params=PARAMS, **options):
    store.save(directory, Model(FULL, params, **options), {"kid": 0.5})


@pytest.mark.parametrize("params", [PARAMS, sliced()], ids=["full", "sliced"])
def test_round_trip(tmp_path, params):
    save(tmp_path / "deep" / "model", params, arch=ARCH)
    stored = store.load(tmp_path / "deep" / "model")
    assert stored.arch == ARCH
    assert store.read_about(tmp_path / "deep" / "model") == {"kid": 0.5}
    assert stored.generator.spec == SPEC
    widths = channels.read_widths(params, FULL.axes)
    assert channels.read_widths(stored.params, FULL.axes) == widths
    x = jax.random.uniform(jax.random.key(1), (1, 8, 12, 3), minval=-1)
    apply = jax.jit(FULL.apply)
    assert np.array_equal(apply(stored.params, x).image, apply(params, x).image)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]


def test_discriminators_are_stored_too(tmp_path):
    judge = discriminators.branched(discriminators.BranchedSpec(ndf=2, layers=1, shared=1))
    params = random_params(judge)
    store.save_discriminator(tmp_path / "judge", judge, params, {"of": "b"})
    found, back = store.load_discriminator(tmp_path / "judge")
    assert found.spec == judge.spec and params_sha256(back) == params_sha256(params)
    assert store.read_about(tmp_path / "judge") == {"of": "b"}
    with pytest.raises(UserError, match="judge holds a discriminator, expected a generator"):
        store.load(tmp_path / "judge")
    save(tmp_path / "model")
    with pytest.raises(UserError, match="model holds a generator, expected a discriminator"):
        store.load_discriminator(tmp_path / "model")


def test_float16_is_read_as_float32(tmp_path):
    half = jax.tree.map(lambda leaf: np.asarray(leaf, np.float16), PARAMS)
    save(tmp_path / "half", half)
    save(tmp_path / "full")
    sizes = [(tmp_path / name / "params.npz").stat().st_size for name in ("half", "full")]
    assert sizes[0] < sizes[1]
    params = store.load(tmp_path / "half").params
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(params))
    assert params_sha256(params) == params_sha256(half) != params_sha256(PARAMS)


def test_the_hash_is_canonical():
    one = {"b": {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}, "a": np.float32([1])}
    other = {"a": np.array([1], ">f4"), "b": {"x": np.asfortranarray(one["b"]["x"])}}
    text = b"a <f4 (1,)\n" + struct.pack("<f", 1)
    text += b"b/x <f4 (2, 3)\n" + struct.pack("<6f", *range(6))
    assert params_sha256(one) == params_sha256(other) == hashlib.sha256(text).hexdigest()
    assert params_sha256({**one, "a": np.float32([[1]])}) != params_sha256(one)
    assert params_sha256({"c": one["a"], "b": one["b"]}) != params_sha256(one)


def test_replacing_a_model(tmp_path):
    save(tmp_path / "model", arch=(1,))
    save(tmp_path / "model", sliced(), arch=(2,))
    assert store.load(tmp_path / "model").arch == (2,)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_save_that_fails_leaves_the_model_that_was_there(tmp_path, monkeypatch):
    save(tmp_path / "model", arch=(1,))

    def full_disk(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(np, "savez", full_disk)
        save(tmp_path / "model", arch=(2,))
    rename = Path.rename
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(
            Path,
            "rename",
            lambda path, to: full_disk() if path.suffix == ".partial" else rename(path, to),
        )
        save(tmp_path / "model", arch=(2,))
    assert store.load(tmp_path / "model").arch == (1,)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_kill_between_the_renames_loses_nothing(tmp_path):
    save(tmp_path / "model", arch=(1,))
    (tmp_path / "model").rename(tmp_path / ".model.old")
    assert store.load(tmp_path / "model").arch == (1,)
    save(tmp_path / "model", arch=(2,))
    assert store.load(tmp_path / "model").arch == (2,)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_other_files_are_never_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"holds other things too \(thesis\.tex\)"):
        save(tmp_path)
    with pytest.raises(UserError, match="it is a file"):
        save(tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def changed(**changes):
    flat = flatten(PARAMS)
    for name, value in changes.items():
        name = name.replace("__", "/")
        if value is None:
            del flat[name]
        else:
            flat[name] = value
    return unflatten(flat)


@pytest.mark.parametrize(
    "params, message",
    [
        (changed(head__bias=None), "params: parameter head/bias is missing for Spec"),
        (changed(extra__bias=np.zeros(3, np.float32)), "parameter extra/bias is unexpected"),
        (changed(head__bias=np.zeros(3)), "head/bias is float64, expected float16 or float32"),
        (changed(head__bias=np.zeros((1, 3), "f4")), r"shape \(1, 3\), expected 1 axes"),
        (changed(head__bias=np.zeros(4, "f4")), r"shape \(4,\), expected \(3,\)"),
        (changed(up1__bias=np.zeros(2, "f4")), r"up1/.*has shape \(.*\), expected \(.*\)"),
    ],
)
def test_params_that_do_not_fit(tmp_path, params, message):
    with pytest.raises(UserError, match=message):
        save(tmp_path / "model", params)
    assert list(tmp_path.iterdir()) == []


def test_params_wider_than_the_spec(tmp_path):
    wide = resnet.generator(resnet.Spec(ngf=5, blocks=3, separable=True))
    with pytest.raises(UserError, match=r"group 'block0' is 20 wide, expected 1 to 16"):
        save(tmp_path / "model", random_params(wide))


@pytest.fixture
def model(tmp_path):
    save(tmp_path / "model", sliced())
    return tmp_path / "model"


def edit(model, **changes):
    path = model / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def refused(model, message):
    with pytest.raises(UserError, match=message) as caught:
        store.load(model)
    assert "\n" not in str(caught.value)


def test_missing_files(model):
    refused(model.parent / "nothing", r"nothing holds no model: .*No such file")
    shutil.copytree(model, model.parent / "half")
    (model.parent / "half" / "params.npz").unlink()
    refused(model.parent / "half", r"holds no weights: there is no params\.npz")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"version": 3}, "has version 3; this ganc reads versions 1 and 2"),
        ({"family": "unheard"}, "unknown family 'unheard'; known are .*resnet"),
        ({"spec": {"ngf": 4, "blocks": 4}}, "bad spec: blocks must be a positive multiple of 3"),
        ({"spec": {"depth": 4}}, "bad spec: .*unexpected keyword argument 'depth'"),
        ({"spec": {"ngf": 4, "blocks": 6, "separable": True}}, "block3/.* is missing"),
        ({"spec": {"ngf": 2, "blocks": 3, "separable": True}}, "is 15 wide, expected 1 to 8"),
        ({"widths": {}}, r"group 'block0' is 15 wide, model\.json says None"),
        ({"params_sha256": "0"}, r"damaged: its weights hash to \w{64}, model\.json says 0"),
    ],
)
def test_a_model_file_that_disagrees(model, changes, message):
    edit(model, **changes)
    refused(model, message)


def test_a_damaged_model_file(model):
    for text in ("", "{", "[]", '{"version": 1}', "\xff"):
        (model / "model.json").write_text(text, encoding="latin-1")
        refused(model, r"model\.json (is damaged|has version None)")


def test_damaged_weights(model):
    path = model / "params.npz"
    whole = path.read_bytes()
    for data in (b"", b"hello", whole[:1000], whole[:2000] + b"\x00\x01" + whole[2002:]):
        path.write_bytes(data)
        refused(model, r"params\.npz.* is damaged")


def test_pickles_are_not_read(model):
    flat = flatten(sliced())
    flat["head/bias"] = np.array([{}, 1, 2], object)
    np.savez(model / "params.npz", **flat)
    refused(model, r"params\.npz is damaged: head/bias.* claims to hold object")


HOSTILE = {
    "family list": ("family", ["resnet"], "its family is a list"),
    "family dict": ("family", {"a": 1}, "its family is a dict"),
    "widths": ("widths", {"stem": "8"}, "a width is no whole number"),
    "arch": ("arch", "8_8", "its arch is a str"),
    "about": ("about", [], "its about is a list"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_model_file_of_other_kinds_is_refused(model, name):
    key, value, message = HOSTILE[name]
    about = json.loads((model / "model.json").read_text()) | {key: value}
    (model / "model.json").write_text(json.dumps(about))
    refused(model, message)


@pytest.mark.parametrize("key", ["blocks", "ngf"])
def test_a_network_without_end_is_refused(model, key):
    about = json.loads((model / "model.json").read_text())
    about["spec"][key] = 3 * 10**9
    (model / "model.json").write_text(json.dumps(about))
    refused(model, f"bad spec: {key} must be at most")


def test_a_file_without_end_is_refused(model):
    (model / "model.json").write_text("[" * 100_000)
    refused(model, "damaged")


def test_names_in_files_stay_on_one_line(model):
    file = io.BytesIO()
    np.save(file, np.zeros(1, np.float32))
    with zipfile.ZipFile(model / "params.npz", "a") as archive:
        archive.writestr("a\nb\x1b[2J" + "c" * 60_000 + ".npy", file.getvalue())
    with pytest.raises(UserError) as caught:
        store.load(model)
    assert str(caught.value).isprintable() and len(str(caught.value)) <= 1000


def test_weights_without_end_are_refused_unread(model):
    with zipfile.ZipFile(model / "params.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("head/bias.npy", "w") as file:
            for _ in range(40):
                file.write(bytes(10**6))
    refused(model, r"claims 1 arrays of 40,000,000 bytes")
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f4", "fortran_order": False, "shape": (2**40,)}
    )
    with zipfile.ZipFile(model / "params.npz", "w") as archive:
        archive.writestr("head/bias.npy", file.getvalue())
    refused(model, r"claims to hold float32 \(1099511627776,\)")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(model, value, tmp_path):
    flat = flatten(sliced())
    flat["head/bias"] = np.full_like(flat["head/bias"], value)
    np.savez(model / "params.npz", **flat)
    refused(model, "head/bias holds values that are not finite")


def test_places_may_be_strings(model, tmp_path):
    loaded = store.load(str(model))
    store.save(str(tmp_path / "copy"), loaded, store.read_about(str(model)))
