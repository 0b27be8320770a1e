"""Networks whose features say whether two pictures look alike, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax

from ganc.errors import UserError
from ganc.features import lite0, vgg
from ganc.types import Params

NAMES = ("lite0", "vgg16:FILE")
"""`lite0` ships with the package. `vgg16:FILE` is that of the publications, of a file of theirs."""

# The root mean square of Lite0's four maps, of the shipped pictures at 64 and 128 px (2.6 to 2.9,
# 7.3 to 8.1, 6.5 to 7.4, 5.4 to 6.7). Divided by it they are about 1, like those of VGG-16.
_LITE0 = (3.0, 8.0, 7.0, 6.0)
_VGG = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")


@dataclass(frozen=True, eq=False)
class Perceptual:
    """A frozen network and its activations at four depths.

    Attributes:
        name: one of `NAMES`.
        params: what `maps` takes.
        maps: `(params, pictures) -> activations`: pictures (b h w 3) in [-1, 1], four maps
            (b h' w' c) from fine to coarse.
        content: which of them is compared place by place.
    """

    name: str
    params: Params
    maps: Callable[[Params, jax.Array], tuple[jax.Array, ...]]
    content: int = 1

    def features(self, params: Params):
        """`pictures -> (all maps, the one of content)`, for `ganc.losses.imitation`."""

        def see(images: jax.Array):
            found = self.maps(params, images)
            return found, found[self.content]

        return see


def _lite0(params: Params, images: jax.Array) -> tuple[jax.Array, ...]:
    return tuple(x / rms for x, rms in zip(lite0.maps(params, images), _LITE0, strict=True))


def perceptual(name: str, *, scaling: vgg.Scaling = "unit") -> Perceptual:
    """The network called `name`.

    Args:
        name: one of `NAMES`.
        scaling: what VGG sees; OMGD gives it pictures in [0, 1] without the mean and deviation of
            ImageNet, with which it was trained.

    Raises:
        UserError: there is no such network, or its file cannot be read.

    Reference: Ren et al. 2021 (arXiv 2108.06908): VGG-16 after relu1_2, relu2_2 (the content),
    relu3_3 and relu4_3. Of Lite0: its stem and stages 2 (the content), 3 and 5, each divided by
    what it usually is, so that weights chosen for VGG are of use.
    """
    kind, _, file = name.partition(":")
    if name == "lite0":
        return Perceptual(name, lite0.load(), _lite0)
    if kind == "vgg16" and file:

        def maps(params: Params, images: jax.Array) -> tuple[jax.Array, ...]:
            return tuple(vgg.taps(params, images, _VGG, scaling=scaling).values())

        return Perceptual(name, vgg.load(Path(file).expanduser()), maps)
    raise UserError(f"there are no features {name!r}; valid are {', '.join(NAMES)}")
