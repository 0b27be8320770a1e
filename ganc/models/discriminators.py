"""The discriminators of the CycleGAN and pix2pix line: of patches, of pixels, with two branches."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import flax.linen as nn
import jax

from ganc.models.build import build_discriminator
from ganc.models.specs import check_spec
from ganc.nn.conv_norm import cyclegan_layer
from ganc.nn.layers import leaky
from ganc.nn.norm import Norm
from ganc.types import Discriminator, Params, Verdict


@dataclass(frozen=True)
class PatchSpec:
    """PatchGAN: `layers` strided 4x4 convolutions, then two of stride 1.

    Attributes:
        ndf: base width.
        layers: strided convolutions; 3 sees patches of 70 px.
        channels_in: 3, or 6 where the input picture is concatenated.
        norm: what follows all convolutions but the first and the last.
        pooled: one logit per picture, the mean of all. With `affine` norms, GAN Slimming's.

    Reference: Isola et al. 2017 (arXiv 1611.07004).
    """

    ndf: int = 64
    layers: int = 3
    channels_in: int = 3
    norm: Norm = "instance"
    pooled: bool = False

    def __post_init__(self) -> None:
        check_spec(self, least={"ndf": 1, "layers": 1, "channels_in": 1})


@dataclass(frozen=True)
class PixelSpec:
    """Three 1x1 convolutions that judge every pixel by itself.

    Attributes:
        ndf: base width.
        channels_in: as in `PatchSpec`.
        norm: what follows the second.

    Reference: Isola et al. 2017 (arXiv 1611.07004), the 1x1 PixelGAN.
    """

    ndf: int = 64
    channels_in: int = 3
    norm: Norm = "instance"

    def __post_init__(self) -> None:
        check_spec(self, least={"ndf": 1, "channels_in": 1})


@dataclass(frozen=True)
class BranchedSpec:
    """A PatchGAN with two branches that share their first stages: it judges two teachers at once.

    Attributes:
        ndf: base width.
        layers: strided convolutions, as in `PatchSpec`.
        channels_in: as in `PatchSpec`.
        norm: as in `PatchSpec`.
        shared: stages that both branches share, of `layers` + 2: with all of them, it is one
            PatchGAN.

    Reference: Ren et al. 2021 (arXiv 2108.06908), section 3.2.
    """

    ndf: int = 128
    layers: int = 3
    channels_in: int = 6
    norm: Norm = "batch"
    shared: int = 5

    def __post_init__(self) -> None:
        check_spec(self, least={"ndf": 1, "layers": 1, "channels_in": 1})
        if not 0 <= self.shared <= self.layers + 2:
            raise ValueError(f"shared must be 0 to {self.layers + 2}, got {self.shared}")


def patch(spec: PatchSpec) -> Discriminator:
    """The PatchGAN of `spec`: a 256 px picture gives 30x30 logits with three layers."""
    return build_discriminator(PatchGan(spec), spec.channels_in, spec)


def pixel(spec: PixelSpec) -> Discriminator:
    """The pixel discriminator of `spec`: as many logits as pixels."""
    return build_discriminator(PixelGan(spec), spec.channels_in, spec)


def branched(spec: BranchedSpec) -> Discriminator:
    """The two-branch PatchGAN of `spec`; `apply` takes `branch`, 0 or 1, which is static.

    Every stage has two copies. Branch 1 takes the second of each; so does branch 0 where they
    share, elsewhere it takes the first. The first copies of shared stages are parameters that
    nobody uses, as in the reference, whose counts include them; `used_params` leaves them out.
    """
    return build_discriminator(BranchedPatchGan(spec), spec.channels_in, spec)


def branch(discriminator: Discriminator, index: Literal[0, 1]) -> Discriminator:
    """One branch of a `branched` discriminator, with all its parameters: what one teacher faces."""
    apply = partial(discriminator.apply, branch=index)
    return replace(discriminator, apply=apply)


def used_params(spec: BranchedSpec, params: Params) -> Params:
    """The part of `params` that any branch of `spec` takes."""
    unused = {f"conv{stage}_0{suffix}" for stage in range(spec.shared) for suffix in ("", "_norm")}
    return {name: layer for name, layer in params.items() if name not in unused}


class PatchGan(nn.Module):
    """Logits per patch; no sigmoid."""

    spec: PatchSpec

    @nn.compact
    def __call__(self, x: jax.Array) -> Verdict:
        """Pictures (b h w c) to logits (b h' w' 1)."""
        for stage in range(self.spec.layers + 2):
            x = _stage(x, self.spec, stage, f"conv{stage}")
        return Verdict(x.mean(axis=(1, 2), keepdims=True) if self.spec.pooled else x)


class PixelGan(nn.Module):
    """Logits per pixel; no sigmoid."""

    spec: PixelSpec

    @nn.compact
    def __call__(self, x: jax.Array) -> Verdict:
        """Pictures (b h w c) to logits (b h w 1)."""
        ndf, layer = self.spec.ndf, _layer(self.spec.norm, size=1)
        x = layer(x, name="conv0", features=ndf, norm=None, use_bias=True)
        x = layer(x, name="conv1", features=2 * ndf)
        return Verdict(layer(x, name="conv2", features=1, norm=None, activation=None))


class BranchedPatchGan(nn.Module):
    """Logits per patch by one of two branches; no sigmoid."""

    spec: BranchedSpec

    @nn.compact
    def __call__(self, x: jax.Array, branch: Literal[0, 1] = 0) -> Verdict:
        """Pictures (b h w c) to logits (b h' w' 1)."""
        if branch not in (0, 1):
            raise ValueError(f"branch must be 0 or 1, got {branch!r}")
        stages = range(self.spec.layers + 2)
        if self.is_initializing():  # a module has those parameters that its first call meets
            return [self._logits(x, [copy for _ in stages]) for copy in (0, 1)][branch]
        return self._logits(x, [1 if i < self.spec.shared else branch for i in stages])

    def _logits(self, x: jax.Array, copies: list[int]) -> Verdict:
        for stage, copy in enumerate(copies):
            x = _stage(x, self.spec, stage, f"conv{stage}_{copy}")
        return Verdict(x)


def _layer(norm: Norm, **options: Any) -> Callable[..., jax.Array]:
    layer = cyclegan_layer(norm, {}, activation=leaky, **options)
    return partial(layer, source=None, group=None)


def _stage(x: jax.Array, spec: PatchSpec | BranchedSpec, stage: int, name: str) -> jax.Array:
    """A layer of a PatchGAN, in a compact module that calls this."""
    last, options = spec.layers + 1, {}
    if stage in (0, last):
        options |= {"norm": None, "use_bias": True}
    if stage == last:
        options |= {"features": 1, "activation": None}
    layer = _layer(spec.norm, size=4, pad=1, features=spec.ndf * min(2**stage, 8))
    return layer(x, name=name, stride=2 if stage < spec.layers else 1, **options)
