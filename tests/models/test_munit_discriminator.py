import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.export import layouts
from ganc.export.layouts import Layer
from ganc.models.flat import flatten
from ganc.models.munit_discriminator import MultiScaleSpec, multi_scale


def shapes_of(judge):
    return jax.eval_shape(judge.init, jax.random.key(0))


def layers(spec):
    """Under the names of gan-compression, in its order."""
    return [
        layer
        for scale in range(spec.scales)
        for layer in (
            *(Layer(f"scale{scale}_conv{i}", f"cnns.{scale}.{i}.conv") for i in range(spec.layers)),
            Layer(f"scale{scale}_head", f"cnns.{scale}.{spec.layers}"),
        )
    ]


def test_the_published_network(published_fill, published_picture, check_published):
    """Its finest scale, by gan-compression's code (commit 111093f, torch 2.13) on a CPU."""
    judge = multi_scale(MultiScaleSpec(ndf=4))
    params = published_fill(layers(judge.spec), shapes_of(judge))
    assert len(jax.tree.leaves(params)) == 30
    logits = jax.jit(lambda p, x: judge.apply(p, x).logits)(params, published_picture(3, 64, 64))
    assert [scale.shape for scale in logits] == [(1, size, size, 1) for size in (4, 2, 1)]
    check_published(
        logits[0],
        (-0.075787, 0.015570),
        (-0.09289, -0.08386, -0.07600, -0.09763),
        (-0.08860, -0.07866, -0.03666),
    )


def test_the_full_width():
    judge = multi_scale(MultiScaleSpec())
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes_of(judge))) == 8_271_171
    x = jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32)
    logits = jax.eval_shape(judge.apply, shapes_of(judge), x).logits
    assert [scale.shape for scale in logits] == [(1, size, size, 1) for size in (16, 8, 4)]


def test_weights_begin_normal_and_biases_at_zero(key, check_normal):
    check_normal(jax.jit(multi_scale(MultiScaleSpec(ndf=4, scales=1)).init)(key))


@pytest.mark.parametrize(("kaiming", "least", "most"), [(False, 0, 1e-3), (True, 0.05, 5)])
def test_what_narrow_ones_see_at_first(key, kaiming, least, most):
    """Published weights are for 64 channels: behind 16 there is next to nothing left to judge."""
    judge = multi_scale(MultiScaleSpec(ndf=16, scales=1, kaiming=kaiming))
    x = jax.random.uniform(key, (8, 64, 64, 3), minval=-1)

    @jax.jit
    def spread(key, x):
        return jnp.std(judge.apply(judge.init(key), x).logits[0])

    assert least <= spread(key, x) <= most


def test_every_scale_beside_pytorch(random_params):
    torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install '.[torch]'")
    functional = torch.nn.functional
    spec = MultiScaleSpec(ndf=2, layers=2)
    judge = multi_scale(spec)
    params = random_params(judge, scale=0.3)
    x = np.random.default_rng(1).uniform(-1, 1, (2, 33, 46, 3)).astype(np.float32)
    logits = jax.jit(lambda p, x: judge.apply(p, x).logits)(params, x)

    arrays = layouts.to_torch(flatten(params), layers(spec))
    state = {name: torch.tensor(array) for name, array in arrays.items()}
    y = torch.tensor(x.transpose(0, 3, 1, 2))
    for scale, found in enumerate(logits):
        h = y
        for name in (f"cnns.{scale}.0.conv", f"cnns.{scale}.1.conv"):
            h = functional.pad(h, (1,) * 4, mode="reflect")
            h = functional.conv2d(h, state[f"{name}.weight"], state[f"{name}.bias"], 2)
            h = functional.leaky_relu(h, 0.2)
        head = f"cnns.{scale}.2"
        h = functional.conv2d(h, state[f"{head}.weight"], state[f"{head}.bias"])
        np.testing.assert_allclose(found, h.numpy().transpose(0, 2, 3, 1), atol=1e-4)
        y = functional.avg_pool2d(y, 3, stride=2, padding=1, count_include_pad=False)
