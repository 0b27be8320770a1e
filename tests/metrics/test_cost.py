import flax.linen as nn
import jax.numpy as jnp
import pytest

from ganc.errors import UserError
from ganc.metrics import cost
from ganc.models.build import build
from ganc.types import Output, slot

WIDE = nn.with_logical_partitioning


def kernel(*names):
    return WIDE(nn.initializers.ones, names)


class Plain(nn.Module):
    """A network of Flax's own layers, whose parameters name their channel groups."""

    widths: dict
    layer: str

    @nn.compact
    def __call__(self, x):
        w = self.widths["body"]
        bias = {"bias_init": kernel("body")}
        affine = {"scale_init": kernel("body"), **bias}
        x = nn.Conv(w, (3, 5), kernel_init=kernel(None, None, None, "body"), **bias)(x)
        x = {
            "conv": lambda: nn.Conv(
                w, (3, 3), strides=2, padding="VALID",
                kernel_init=kernel(None, None, "body", "body"), **bias,
            )(x),
            "depthwise": lambda: nn.Conv(
                w, (3, 3), feature_group_count=w,
                kernel_init=kernel(None, None, None, "body"), **bias,
            )(x),
            "transposed": lambda: nn.ConvTranspose(
                w, (4, 4), strides=(2, 2),
                kernel_init=kernel(None, None, "body", "body"), **bias,
            )(x),
            "dense": lambda: nn.Dense(w, kernel_init=kernel("body", "body"), **bias)(x),
            "instance": lambda: nn.InstanceNorm(**affine)(x),
            "bare": lambda: nn.InstanceNorm(use_scale=False, use_bias=False)(x),
            "layer": lambda: nn.LayerNorm(**affine)(x),
            "group": lambda: nn.GroupNorm(2, **affine)(x),
            "own": lambda: x * self.param("mystery", kernel("body"), (w,)),
        }[self.layer]()  # fmt: skip
        head = {"kernel_init": kernel(None, None, "body", None), "bias_init": kernel(None)}
        x = nn.Conv(3, (1, 1), name="head", **head)(x)
        return Output(jnp.tanh(x), {})


def network(layer):
    return build(
        lambda widths: Plain(widths, layer),
        slots=(slot("body", 1),),
        base=8,
        taps={},
        divisor=4,
        minimum=4,
        spec=layer,
    )


def count(layer, width, convention):
    return int(cost.macs(network(layer), 16, 12, convention)({"body": width}))


# The layer's pixels, by its output and by what it computes, and what a pixel costs.
PIXELS = 16 * 12
LAYERS = {
    "conv": (7 * 5, 7 * 5, lambda w: 9 * w * w),
    "depthwise": (PIXELS, PIXELS, lambda w: 9 * w),
    "transposed": (4 * PIXELS, PIXELS, lambda w: 16 * w * w),
    "dense": (PIXELS, PIXELS, lambda w: w * w),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("width", [8, 5])
def test_flax_layers_cost_what_ours_do(layer, width):
    out, computed, each = LAYERS[layer]
    rest = PIXELS * 15 * 3 * width + 3 * width * out
    assert count(layer, width, "published") == rest + out * each(width)
    assert count(layer, width, "true") == rest + computed * each(width)


@pytest.mark.parametrize("layer", ["instance", "layer", "group", "bare"])
def test_flax_norms_cost_an_operation_an_element(layer):
    rest = PIXELS * (15 * 3 + 3) * 4
    assert count(layer, 4, "true") == count(layer, 4, "convolutions") == rest
    # Without parameters, nothing says which channels a norm has.
    channels = 8 if layer == "bare" else 4
    assert count(layer, 4, "published") == rest + channels * PIXELS
    scaled = 0 if layer == "bare" else channels * PIXELS
    assert count(layer, 4, "torchprofile-0.0.3") == rest + scaled


def test_parameters_that_nobody_can_price_are_named():
    with pytest.raises(UserError, match=r"cost: mystery of Plain; priced are the layers of ganc"):
        count("own", 8, "published")
    assert int(cost.params(network("own"))({"body": 8})) > 0
