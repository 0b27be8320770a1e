"""The GauGAN family.

Published models: profiled with torchprofile 0.0.1, see Li et al. 2020 (arXiv 2003.08936), table 1,
and their released configurations (commit 111093f). Cases of ngf 4: computed by hand from the
layers.
"""

from cases import Case, Cost

from ganc.models.spade import Spec

CITY, COCO = (256, 512), (256, 256)
DENSE_COCO = Spec(labels=184, upsampling="normal")
MOBILE_COCO = Spec(labels=184, upsampling="normal", separable=True)
TINY = Spec(4, labels=5, upsampling="normal")
TINY_MOBILE = Spec(4, labels=5, upsampling="normal", separable=True)

CASES = [
    Case(TINY, size=(32, 32)),
    Case(TINY_MOBILE, size=(32, 64), grouped=True),
]


def row(
    model: str,
    spec: Spec,
    size: tuple[int, int],
    params: int,
    published: int,
    convolutions: int,
    arch: str | None = None,
) -> Cost:
    macs = {"published": published, "true": convolutions}  # no convolution is transposed
    return Cost(spec, params, macs, arch, size=size, model=model)


def city(model: str, ngf: int, *figures: int, arch: str | None = None) -> Cost:
    return row(f"Cityscapes, {model}", Spec(ngf, separable=True), CITY, *figures, arch)


COSTS = [
    row("Cityscapes, original", Spec(), CITY, 93_048_003, 281_356_632_064, 281_276_612_608),
    city("mobile 64", 64, 70_680_771, 118_817_161_216, 118_603_104_256),
    city("mobile 48", 48, 39_975_315, 71_216_824_320, 71_056_281_600),
    city(
        "GAN Compression, paper",
        48,
        20_425_019,
        31_701_762_048,
        31_608_315_904,
        arch="32_32_48_32_32_32_32_24",
    ),
    city(
        "Fast GAN Compression",
        64,
        20_174_275,
        31_251_300_352,
        31_155_085_312,
        arch="32_32_32_48_32_24_24_32",
    ),
    row("COCO-Stuff, original", DENSE_COCO, COCO, 97_480_899, 191_180_570_624, 191_140_069_376),
    row("COCO-Stuff, mobile 64", MOBILE_COCO, COCO, 75_113_667, 108_905_431_040, 108_797_788_160),
    row("", TINY, COCO, 370_671, 632_824_832, 630_293_504),
    row("", TINY_MOBILE, COCO, 285_999, 350_778_368, 344_050_688),
]
