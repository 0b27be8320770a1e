import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganc.export import layouts
from ganc.export.layouts import Layer
from ganc.models.flat import flatten
from ganc.models.spade_discriminator import MultiScaleSpec, multi_scale
from ganc.models.statistics import merge

# Sizes and parameters of gan-compression's discriminators (commit 111093f), run with torch 2.13.
CITY = (
    [(129, 257), (65, 129), (33, 65), (34, 66), (35, 67)],
    [(65, 129), (33, 65), (17, 33), (18, 34), (19, 35)],
)
COCO = tuple(
    [(side, side) for side in sides] for sides in ((129, 65, 33, 34, 35), (65, 33, 17, 18, 19))
)


@pytest.mark.parametrize(
    ("channels", "size", "params", "sizes"),
    [(39, (256, 512), 5_601_410, CITY), (187, (256, 256), 5_904_514, COCO)],
)
def test_the_published_sizes(channels, size, params, sizes):
    judge = multi_scale(MultiScaleSpec(channels_in=channels))
    shapes = jax.eval_shape(judge.init, jax.random.key(0))
    flat = flatten_dict(shapes, sep="/")
    assert sum(leaf.size for name, leaf in flat.items() if name not in judge.statistics) == params
    x = jax.ShapeDtypeStruct((1, *size, channels), jnp.float32)
    verdict = jax.eval_shape(judge.apply, shapes, x)
    for logits, features, expected in zip(verdict.logits, verdict.features, sizes, strict=True):
        assert logits.shape == (1, *expected[-1], 1)
        widths = (64, 128, 256, 512)
        wanted = [(1, *s, w) for s, w in zip(expected[:-1], widths, strict=True)]
        assert [feature.shape for feature in features] == wanted


def torch_judge(torch, ndf, channels):
    widths = [channels, ndf, 2 * ndf, 4 * ndf, 8 * ndf]
    convs = torch.nn.ModuleList()
    for i in range(4):
        options = {"stride": 2 if i < 3 else 1, "padding": 2, "bias": i == 0}
        conv = torch.nn.Conv2d(widths[i], widths[i + 1], 4, **options)
        convs.append(torch.nn.utils.spectral_norm(conv) if i else conv)
    convs.append(torch.nn.Conv2d(widths[4], 1, 4, padding=2))
    return convs


def torch_verdict(torch, scales, x):
    functional, results = torch.nn.functional, []
    for convs in scales:
        seen = []
        for i, conv in enumerate(convs):
            seen.append(conv(seen[-1] if seen else x))
            if 0 < i < 4:
                seen[-1] = functional.instance_norm(seen[-1])
            if i < 4:
                seen[-1] = functional.leaky_relu(seen[-1], 0.2)
        results.append([y.detach().numpy().transpose(0, 2, 3, 1) for y in seen])
        x = functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
    return results


def test_training_and_evaluation_are_those_of_torch(random_params):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    judge = multi_scale(MultiScaleSpec(ndf=4, channels_in=5))
    params = random_params(judge)
    names = [
        Layer(f"scale{scale}/conv{i}", f"{scale}.{i}", "spectral" if 0 < i < 4 else "conv")
        for scale in range(2)
        for i in range(5)
    ]
    scales = torch.nn.ModuleList(torch_judge(torch, 4, 5) for _ in range(2))
    arrays = layouts.to_torch(flatten(params), names)
    scales.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
    x = np.random.default_rng(0).normal(size=(2, 22, 33, 5)).astype(np.float32)
    there = torch.tensor(x.transpose(0, 3, 1, 2))

    trained = jax.jit(lambda p, x: judge.apply(p, x, momentum=0.1))(params, x)
    check(trained, torch_verdict(torch, scales, there))
    measured = layouts.to_torch(flatten(trained.statistics), names)
    assert len(measured) == 12
    for name, array in measured.items():
        np.testing.assert_allclose(array, scales.state_dict()[name], atol=1e-5)

    scales.eval()
    after = merge(params, trained.statistics)
    check(jax.jit(lambda p, x: judge.apply(p, x))(after, x), torch_verdict(torch, scales, there))


def check(verdict, expected):
    for logits, features, wanted in zip(verdict.logits, verdict.features, expected, strict=True):
        for ours, theirs in zip((*features, logits), wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-4)
