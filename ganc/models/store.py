"""A directory that holds one network: `model.json` says what it is, `params.npz` its weights.

model.json   {"version", "family", "spec", "widths", "arch", "params_sha256", "about"}
params.npz   one array per parameter, named by its path: "block0/conv1_depthwise/kernel"; pruned
             ones are stored sparse, see `ganc.models.sparse`, and make the version 2
README.md    of generators, the same for people: see `ganc.models.card`

Of a quantised generator `model.json` has "quantisation" too, kernels are int8 codes, and their
scales stand beside them: "block0/conv1/kernel_scale".
"""

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from ganc import array_file
from ganc.discovery.fingerprint import recognise
from ganc.errors import UserError
from ganc.models.card import card
from ganc.models.codes import decode, encode, rounded
from ganc.models.families import DISCRIMINATORS, FAMILIES, OWN, family_of
from ganc.models.flat import check_fit, flatten, full_shapes, params_sha256, unflatten
from ganc.models.quantised import Quantisation, bake
from ganc.models.sparse import pack, unpack
from ganc.models.whole_directory import check_replaceable, replaced, sync, whole
from ganc.types import Arch, Discriminator, Generator, Model, Params

Place: TypeAlias = str | os.PathLike[str]

VERSION = 1
PACKED_VERSION = 2
_MODEL, _PARAMS, _CARD = "model.json", "params.npz", "README.md"
_KINDS = {
    "family": str,
    "spec": dict,
    "widths": dict,
    "arch": list | None,
    "params_sha256": str,
    "about": dict,
}
_MOST = 2**24
"""Bytes of a `model.json`."""
_BYTES = 16
"""For each parameter of the full network: twice what float32 and an index take."""


def save(directory: Place, model: Model, about: Mapping[str, Any]) -> None:
    """Writes a model directory, in place of the model that is there, if one is.

    It is complete or invisible, see `ganc.models.whole_directory`.

    Args:
        directory: where; its parents are made.
        model: its parameters are float32 or float16.
        about: where it comes from, what it scored: plain values that JSON can hold.

    Raises:
        UserError: if `directory` holds anything but a model, or the parameters do not fit the
            generator.
        OSError: if the disk is full or not writable; a model that was there stays.
    """
    _save(directory, model.generator, model.params, model.arch, about)


def save_discriminator(
    directory: Place, discriminator: Discriminator, params: Params, about: Mapping[str, Any]
) -> None:
    """Writes a discriminator with its weights; see `save`."""
    _save(directory, discriminator, params, None, about)


def _save(
    directory: Place,
    network: Generator | Discriminator,
    params: Params,
    arch: Arch | None,
    about: Mapping[str, Any],
) -> None:
    directory = Path(directory).resolve()
    check_replaceable(directory, (_MODEL, _PARAMS, _CARD))
    how = getattr(network, "quantisation", None)
    params = params if how is None else bake(params, how)
    flat = flatten(params)
    widths = dict(check_fit(flat, network, "params"))
    packed = _packed(flat, how)
    model = {
        "version": VERSION if packed.keys() == flat.keys() else PACKED_VERSION,
        "family": family_of(network.spec),
        "spec": dataclasses.asdict(network.spec),
        "widths": widths,
        "arch": None if arch is None else [int(entry) for entry in arch],
        "params_sha256": params_sha256(params),
        "about": dict(about),
    }
    if how is not None:
        model["quantisation"] = dataclasses.asdict(how)
    text = json.dumps(model, indent=2) + "\n"  # before anything is written: it may raise

    with replaced(directory) as place:
        with (place / _MODEL).open("wb") as file:
            file.write(text.encode())
            sync(file)
        with (place / _PARAMS).open("wb") as file:
            np.savez(file, **packed)  # pyright: ignore[reportArgumentType]
            sync(file)
        if isinstance(network, Generator):
            text = card(Model(network, params, arch), about)
            (place / _CARD).write_text(text, encoding="utf-8")


def stored_bytes(model: Model) -> int:
    """What the arrays of `model` take as `save` writes them: sparse, or as codes and scales."""
    how = model.generator.quantisation
    flat = flatten(model.params if how is None else bake(model.params, how))
    return sum(array.nbytes for array in _packed(flat, how).values())


def _packed(flat: Mapping[str, np.ndarray], how: Quantisation | None) -> dict[str, np.ndarray]:
    return pack(flat) if how is None else encode(flat, how)


def describe(directory: Place, own: Generator | None = None, **more: Any) -> None:
    """Adds to what is stored along with a generator, and to its card; its weights stay.

    `own` is the generator, where it is of a network of one's own.

    Raises:
        UserError: see `load` and `save`.
    """
    save(directory, load(directory, own), read_about(directory) | more)


def load(directory: Place, own: Generator | None = None) -> Model:
    """Reads a model directory, and checks that its weights are whole and fit its specification.

    Args:
        directory: what `save` wrote.
        own: the generator, where it is of a network of one's own: nothing in the directory says
            what that computes, only by what it is recognised.

    Raises:
        UserError: if a file is missing, damaged, of a newer version or of an unknown family, or if
            names, shapes or the hash of the weights disagree with `model.json`; or if it holds a
            discriminator; or if it holds another network than `own`.
    """
    network, params, arch = _load(directory, own)
    if not isinstance(network, Generator):
        raise UserError(f"{directory} holds a discriminator, expected a generator")
    return Model(network, params, arch)


def load_discriminator(directory: Place) -> tuple[Discriminator, Params]:
    """Reads what `save_discriminator` wrote; see `load`."""
    network, params, _ = _load(directory)
    if not isinstance(network, Discriminator):
        raise UserError(f"{directory} holds a generator, expected a discriminator")
    return network, params


def read_family(directory: Place) -> str:
    """The family of a stored network, or "own".

    Raises:
        UserError: see `load`.
    """
    return _read_model(whole(directory) / _MODEL)["family"]


def read_about(directory: Place) -> dict[str, Any]:
    """What was stored along with a network: where it comes from, what it scored.

    Raises:
        UserError: see `load`.
    """
    return _read_model(whole(directory) / _MODEL)["about"]


def _load(
    directory: Place, own: Generator | None = None
) -> tuple[Generator | Discriminator, Params, Arch | None]:
    directory = whole(directory)
    model = _read_model(directory / _MODEL)
    network = _network(model, directory / _MODEL, own)
    path = directory / _PARAMS
    flat = _read_params(path, network)
    if "quantisation" in model:
        network = rounded(network, model["quantisation"], directory / _MODEL)
        flat = decode(flat, path)
    found = check_fit(flat, network, str(path))
    if dict(found) != model["widths"]:
        group = min(g for g in found if found[g] != model["widths"].get(g))
        raise UserError(
            f"{path}: channel group {group!r} is {found[group]} wide, "
            f"{_MODEL} says {model['widths'].get(group)}"
        )
    params = unflatten({name: jnp.asarray(array, jnp.float32) for name, array in flat.items()})
    if (digest := params_sha256(params)) != model["params_sha256"]:
        raise UserError(
            f"{path} is damaged: its weights hash to {digest}, "
            f"{_MODEL} says {model['params_sha256']}"
        )
    return network, params, None if model["arch"] is None else tuple(model["arch"])


def _read_model(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST:
            raise UserError(f"{path} is damaged: it has more than {_MOST:,} bytes")
        model = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path.parent} holds no model: {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {error}") from error
    version = model.get("version") if isinstance(model, dict) else None
    if version not in (VERSION, PACKED_VERSION):
        raise UserError(
            f"{path} has version {version!r}; this ganc reads versions {VERSION} and "
            f"{PACKED_VERSION}"
        )
    missing = [key for key in _KINDS if key not in model]
    if missing:
        raise UserError(f"{path} is damaged: it lacks {', '.join(missing)}")
    for key, kind in _KINDS.items():
        if not isinstance(model[key], kind):
            raise UserError(f"{path} is damaged: its {key} is a {type(model[key]).__name__}")
    if not all(
        isinstance(width, int) for width in [*model["widths"].values(), *(model["arch"] or [])]
    ):
        raise UserError(f"{path} is damaged: a width is no whole number")
    return model


def _network(
    model: Mapping[str, Any], path: Path, own: Generator | None
) -> Generator | Discriminator:
    if model["family"] == OWN:
        return recognise(own, model["spec"], str(path))
    builders = {name: (family.Spec, family.generator) for name, family in FAMILIES.items()}
    builders |= DISCRIMINATORS
    if model["family"] not in builders:
        raise UserError(
            f"{path}: unknown family {model['family']!r}; known are {', '.join(sorted(builders))}"
        )
    kind, build = builders[model["family"]]
    try:
        return build(kind(**model["spec"]))
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: bad spec: {error}") from error


def _read_params(path: Path, network: Generator | Discriminator) -> dict[str, np.ndarray]:
    count = sum(math.prod(shape) for shape in full_shapes(network).values())
    try:
        return unpack(array_file.read(path, most=_BYTES * count))
    except FileNotFoundError as error:
        raise UserError(f"{path.parent} holds no weights: there is no {path.name}") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error}") from error
