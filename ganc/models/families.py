"""Every family of networks, by name.

A family of generators is a module with a frozen dataclass `Spec` and a function `generator(spec)`.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from ganc.discovery.fingerprint import Own
from ganc.models import (
    cartoon,
    dcgan,
    deep_resnet,
    detail_discriminator,
    discriminators,
    munit,
    munit_discriminator,
    resnet,
    spade,
    spade_discriminator,
    srgan,
    stargan,
    unet,
)
from ganc.types import Discriminator, Generator, Model

FAMILIES: dict[str, ModuleType] = {
    "resnet": resnet,
    "cartoon": cartoon,
    "deep_resnet": deep_resnet,
    "munit": munit,
    "spade": spade,
    "unet": unet,
    "dcgan": dcgan,
    "srgan": srgan,
    "stargan": stargan,
}
"""Generators: name -> module."""

DISCRIMINATORS: dict[str, tuple[type, Callable[[Any], Discriminator]]] = {
    "patch": (discriminators.PatchSpec, discriminators.patch),
    "pixel": (discriminators.PixelSpec, discriminators.pixel),
    "branched": (discriminators.BranchedSpec, discriminators.branched),
    "detail": (detail_discriminator.DetailSpec, detail_discriminator.detail_patch),
    "dcgan_picture": (dcgan.DiscriminatorSpec, dcgan.discriminator),
    "srgan_picture": (srgan.DiscriminatorSpec, srgan.discriminator),
    "stargan_attributes": (stargan.DiscriminatorSpec, stargan.discriminator),
    "munit_scales": (munit_discriminator.MultiScaleSpec, munit_discriminator.multi_scale),
    "spade_scales": (spade_discriminator.MultiScaleSpec, spade_discriminator.multi_scale),
}
"""Discriminators: name -> specification and what builds it."""


OWN = "own"
"""What stands for a family where a network is someone's own."""


def family_of(spec: Any) -> str:
    """The name of the family that `spec` belongs to; `OWN` where it is that of no family."""
    if isinstance(spec, Own):
        return OWN
    for name, module in FAMILIES.items():
        if type(spec) is module.Spec:
            return name
    for name, (kind, _) in DISCRIMINATORS.items():
        if type(spec) is kind:
            return name
    raise TypeError(f"{spec!r} is a specification of no family")


def generator(spec: Any) -> Generator:
    """The generator of `spec`, whatever its family."""
    return FAMILIES[family_of(spec)].generator(spec)


def fold(model: Model) -> Model:
    """`model` without what serves its training alone: spectral norms, which are baked in."""
    spec = model.generator.spec
    if not getattr(spec, "spectral", False):
        return model
    params, plain = FAMILIES[family_of(spec)].fold(model.params, spec)
    return Model(generator(plain), params, model.arch)
