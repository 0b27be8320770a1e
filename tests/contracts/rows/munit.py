"""The MUNIT family.

Published models: profiled with torchprofile 0.0.1, see Li et al. 2020 (arXiv 2003.08936), table 1,
and their released configurations; the profiler's ten stray products of scalars are left out.
"convolutions" is its count of convolutions alone, "true" that and its linear layers. Cases of
ngf 4: computed by hand from the layers.
"""

import jax
import jax.numpy as jnp
from cases import Case, Cost

from ganc.models.munit import Spec

DENSE, MOBILE = Spec(), Spec(separable=True)
FAST = "16_16_16_24_56_16_40_40_32_24"
STYLE = {"style": jax.ShapeDtypeStruct((1, 8), jnp.float32)}


def row(spec: Spec, params: int, published: int, convolutions: int, linear: int, **more) -> Cost:
    macs = {
        "published": published,
        "convolutions": convolutions,
        "true": convolutions + linear,
    }
    return Cost(spec, params, macs, **more)


CASES = [
    Case(Spec(4, blocks=2, mlp_dim=8)),
    Case(Spec(4, True, blocks=2, mlp_dim=8), grouped=True),
]

COSTS = [
    row(
        DENSE,
        15_026_187,
        77_303_189_760,
        77_280_053_248,
        1_116_160,
        model="original, edges2shoes",
    ),
    row(
        DENSE,
        15_026_187,
        71_049_480_192,
        71_026_343_936,
        1_116_160,
        model="original, edges2shoes",
        inputs=STYLE,
    ),
    row(
        MOBILE,
        1_100_347,
        2_625_309_248,
        2_602_304_000,
        591_872,
        model="edges2shoes, Fast GAN Compression",
        arch=FAST,
    ),
    row(
        MOBILE,
        5_705_483,
        17_668_575_488,
        17_616_078_848,
        1_116_160,
        model="mobile 64, the supernet at full width",
    ),
    row(CASES[0].spec, 39_195, 335_873_296, 334_758_016, 1_152),
    row(CASES[1].spec, 20_875, 193_791_248, 191_365_248, 1_152),
]
