"""The ResNet family.

Published models: profiled with torchprofile 0.0.1, see Li et al. 2020 (arXiv 2003.08936), table 1,
and their released configurations. GAN Slimming's: Wang et al. 2020 (arXiv 2008.11062), equal to
the digits that its figures print. OMGD's: Ren et al. 2021 (arXiv 2108.06908), measured with their
released code and torchprofile 0.0.3. Cases of ngf 4: computed by hand from the layers.
"""

from cases import Case, Cost

from ganc.models.resnet import Spec

MOBILE = Spec(ngf=64, separable=True)

SIX = Spec(ngf=64, separable=True, entries=6)
OLD = Spec(ngf=64, separable=True, entries=6, legacy=True)

CASES = [
    Case(Spec(ngf=4, blocks=3)),
    Case(Spec(ngf=4, blocks=3, separable=True), grouped=True),
    Case(Spec(ngf=4, blocks=3, norm="batch")),
    Case(Spec(ngf=4, blocks=3, upsampling="resize")),
    Case(Spec(ngf=4, blocks=9, norm="slimming", legacy=True)),
]
SLIM = Spec(norm="slimming")
SLIMMED = {
    "stem": 17, "down1": 45, "up1": 50, "up2": 23,
    **{f"block{i}": width for i, width in enumerate((12, 30, 8, 64, 100, 3, 77, 20, 41))},
}  # fmt: skip


def row(
    model: str,
    spec: Spec,
    params: int,
    published: int,
    convolutions: int,
    true: int,
    arch: str | None = None,
) -> Cost:
    macs = {"published": published, "convolutions": convolutions, "true": true}
    return Cost(spec, params, macs, arch, model=model)


def slim(model: str, spec: Spec, params: int, convolutions: int, true: int, **widths: int) -> Cost:
    macs = {"convolutions": convolutions, "true": true}
    return Cost(spec, params, macs, widths=widths, model=model)


def omgd(model: str, spec: Spec, params: int, published: int, true: int | None = None) -> Cost:
    macs = {"torchprofile-0.0.3": published}
    return Cost(spec, params, macs if true is None else macs | {"true": true}, model=model)


OMGD = [
    omgd("OMGD, 8 wide", Spec(8, separable=True), 38_723, 439_615_488, 326_369_280),
    omgd("OMGD, 12 wide", Spec(12, separable=True), 80_547, 857_604_096, 602_800_128),
    omgd("OMGD, 16 wide", Spec(16, separable=True), 137_347, 1_407_713_280, 954_728_448),
    omgd("OMGD, 24 wide", Spec(24, separable=True), 295_875, 2_904_293_376, 1_885_077_504),
    omgd("OMGD, 48 wide", Spec(48, separable=True), 1_130_883, 10_564_927_488, 6_488_064_000),
    omgd("OMGD, 64 wide", Spec(64, separable=True), 1_987_075, 18_314_428_416, 11_066_671_104),
    omgd("OMGD, 96 wide", Spec(96, separable=True), 4_418_307, 40_155_217_920, 23_847_763_968),
    omgd("OMGD, original", Spec(64), 11_378_179, 56_799_264_768, 49_551_507_456),
    omgd("OMGD, original at 16", Spec(16), 715_651, 3_781_165_056),
]

COSTS = [
    row("original, all tasks", Spec(), 11_378_179, 56_831_770_624, 56_799_264_768, 49_551_507_456),
    row(
        "mobile 32", Spec(32, separable=True), 514_307, 4_955_045_888, 4_929_355_776, 3_117_416_448
    ),
    row(
        "mobile 48",
        Spec(48, separable=True),
        1_130_883,
        10_603_462_656,
        10_564_927_488,
        6_488_064_000,
    ),
    row("mobile 64", MOBILE, 1_987_075, 18_365_808_640, 18_314_428_416, 11_066_671_104),
    row(
        "mobile 96",
        Spec(96, separable=True),
        4_418_307,
        40_232_288_256,
        40_155_217_920,
        23_847_763_968,
    ),
    row(
        "horse2zebra, GAN Compression, retrained",
        MOBILE,
        356_867,
        2_546_204_672,
        2_525_233_152,
        1_845_755_904,
        "16_16_32_16_32_32_16_16",
    ),
    row(
        "horse2zebra, Fast GAN Compression",
        MOBILE,
        355_235,
        2_640_576_512,
        2_618_425_344,
        1_938_948_096,
        "16_16_24_16_32_64_16_24",
    ),
    row(
        "horse2zebra, GAN Compression, paper",
        SIX,
        341_627,
        2_670_067_712,
        2_649_096_192,
        1_941_307_392,
        "24_24_24_32_20_16",
    ),
    row(
        "the same string by the legacy rule",
        OLD,
        302_651,
        2_510_422_016,
        2_491_023_360,
        1_783_234_560,
        "24_24_24_32_20_16",
    ),
    row(
        "edges2shoes, GAN Compression, retrained",
        MOBILE,
        822_051,
        4_993_843_200,
        4_961_599_488,
        4_055_629_824,
        "32_32_48_32_48_48_16_16",
    ),
    row(
        "edges2shoes, Fast GAN Compression",
        MOBILE,
        702_835,
        4_863_164_416,
        4_831_838_208,
        3_699_376_128,
        "24_24_40_56_24_56_16_40",
    ),
    row(
        "edges2shoes, GAN Compression, paper",
        OLD,
        699_875,
        4_808_769_536,
        4_777_967_616,
        3_758_751_744,
        "32_32_40_48_16_32",
    ),
    row(
        "the same string by today's rule",
        SIX,
        763_427,
        5_069_078_528,
        5_036_703_744,
        4_017_487_872,
        "32_32_40_48_16_32",
    ),
    row(
        "cityscapes, GAN Compression, retrained",
        MOBILE,
        780_819,
        5_591_531_520,
        5_560_074_240,
        4_031_250_432,
        "32_32_48_32_32_48_24_24",
    ),
    row(
        "cityscapes, GAN Compression, paper",
        SIX,
        707_347,
        5_664_538_624,
        5_633_212_416,
        4_104_388_608,
        "48_32_40_40_24_32",
    ),
    row(
        "the same string by the legacy rule",
        OLD,
        707_347,
        5_664_538_624,
        5_633_212_416,
        4_104_388_608,
        "48_32_40_40_24_32",
    ),
    row(
        "maps, GAN Compression",
        MOBILE,
        746_211,
        4_683_202_560,
        4_652_531_712,
        3_746_562_048,
        "32_32_48_32_48_32_16_16",
    ),
    row(
        "cityscapes, earlier lite model",
        MOBILE,
        866_947,
        5_606_342_656,
        5_572_263_936,
        4_439_801_856,
        "32_32_48_32_64_40_16_32",
    ),
    row(
        "maps, earlier lite model",
        MOBILE,
        708_291,
        4_527_882_240,
        4_497_997_824,
        3_592_028_160,
        "32_32_48_40_32_32_16_16",
    ),
    row(
        "maps, earlier full model",
        MOBILE,
        784_131,
        4_838_522_880,
        4_807_065_600,
        3_901_095_936,
        "32_32_48_40_48_32_16_16",
    ),
    slim("GAN Slimming, dense", SLIM, 11_383_555, 56_799_264_768, 49_551_507_456),
    slim(
        "half as wide, as GAN distillation",
        Spec(32, norm="slimming"),
        2_853_251,
        14_508_097_536,
        12_696_158_208,
    ),
    slim("a quarter", Spec(16, norm="slimming"), 716_995, 3_781_165_056, 3_328_180_224),
    slim("widths at random", SLIM, 1_881_868, 10_188_963_840, 8_264_663_040, **SLIMMED),
    Cost(Spec(4, 3, False), 18_019, {"published": 182_124_544, "true": 152_567_808}),
    Cost(Spec(4, 3, True), 6_691, {"published": 135_725_056, "true": 105_775_104}),
    Cost(Spec(4, 6, False), 31_939, {"published": 239_140_864, "true": 209_190_912}),
    Cost(Spec(4, 6, True), 9_283, {"published": 146_341_888, "true": 115_605_504}),
    Cost(Spec(4, 9, False), 45_859, {"published": 296_157_184, "true": 265_814_016}),
    Cost(Spec(4, 9, True), 11_875, {"published": 156_958_720, "true": 125_435_904}),
    Cost(
        Spec(4, 3, norm="batch"),  # 136 biases fewer, twice as many scales and shifts
        18_019 + 136,
        {
            "published": 182_124_544 - 1_245_184,
            "torchprofile-0.0.3": 182_124_544,
            "true": 152_567_808,
        },
    ),
    Cost(
        # The published convention counts a transposed convolution at every place of its output,
        # which a convolution after resizing does take.
        Spec(4, 3, upsampling="resize"),
        18_019,
        {
            "published": 182_124_544,
            "true": 152_567_808 + 3 * 9 * (16 * 8 * 64**2 + 8 * 4 * 128**2),
        },
    ),
    Cost(
        Spec(4, 9, norm="slimming", legacy=True),  # the norms of the trunk have no scale
        45_859 + 2 * 168,
        {
            "published": 296_157_184,
            "torchprofile-0.0.3": 296_157_184 - 10 * 64 * 64 * 16,
            "true": 265_814_016,
        },
    ),
    *OMGD,
]
