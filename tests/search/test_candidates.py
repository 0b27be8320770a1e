import dataclasses

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from ganc import channels
from ganc.models import munit, resnet
from ganc.models.render import render
from ganc.models.statistics import recalibrate
from ganc.search.candidates import _spread, divide, make_evaluate, make_generate
from ganc.search.classes import ShapeClasses
from ganc.search.space import Space
from ganc.types import Model

GENERATOR = resnet.generator(resnet.Spec(ngf=4, blocks=3, separable=True))
SPACE = Space(GENERATOR.slots, ((4, 2, 1),) * 8)
CLASSES = ShapeClasses(SPACE, ((2,) * 8, SPACE.largest))
ARCHS = [
    (1, 2, 1, 2, 2, 1, 2, 1),
    (4, 2, 2, 1, 4, 2, 1, 2),
    (2,) * 8,
    (1,) * 8,
    (2, 1, 2, 2, 1, 2, 1, 2),
]


def pictures():
    return np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)


@pytest.fixture
def counted():
    """A generator that counts how often it is traced."""
    traced = []

    def apply(params, x, **options):
        traced.append(options["widths"])
        return GENERATOR.apply(params, x, **options)

    return dataclasses.replace(GENERATOR, apply=apply), traced


@pytest.mark.parametrize("batch", [9, 2])
def test_pictures_equal_the_sliced_nets_with_one_trace_per_class(counted, random_params, batch):
    generator, traced = counted
    params, x = random_params(generator), pictures()
    generate = make_generate(generator, CLASSES, batch)
    (program,) = generate.lower(params, x, ARCHS[0])  # is not traced again when it runs
    assert traced == [SPACE.widths(CLASSES.classes[0])]
    results = list(generate(params, x, ARCHS))
    results += generate(params, x, ARCHS[:2])
    taken = program.compile().memory_analysis()
    assert taken.output_size_in_bytes >= min(batch, len(x)) * x[0].nbytes
    assert traced == [SPACE.widths(shape) for shape in CLASSES.classes]
    assert sorted(arch for arch, _ in results) == sorted(ARCHS + ARCHS[:2])

    specialised = jax.jit(lambda p, x: GENERATOR.apply(p, x).image)
    for arch in (ARCHS[0], ARCHS[1]):
        keep = channels.prefix(SPACE.widths(arch))
        expected = specialised(channels.slice_params(params, GENERATOR.axes, keep), x)
        mine = [images for done, images in results if done == arch]
        assert len(mine) == 2
        for images in mine:
            np.testing.assert_allclose(images, expected, atol=1e-5)


def test_running_statistics_are_measured_for_every_candidate(toy, random_params):
    generator = toy(4, norm=True)
    space = Space(generator.slots, ((4, 2, 1),) * 2)
    classes, archs = ShapeClasses(space, ((2, 2), (4, 4))), [(1, 2), (4, 1), (2, 4)]
    params, x = random_params(generator), pictures()
    calibration = np.random.default_rng(1).uniform(-1, 1, (5, 8, 8, 3)).astype(np.float32)
    generate = make_generate(generator, classes, batch=6, calibration=calibration)
    measuring, drawing = generate.lower(params, x, (4, 1))
    assert measuring.out_info.keys() == {"stem_norm", "body_norm"}
    assert drawing.out_info.shape == (2 * jax.local_device_count(), *x.shape)
    found = dict(generate(params, x, archs))
    assert found.keys() == set(archs)
    for arch in archs:
        masks = channels.masks(channels.prefix(space.widths(arch)), generator.widths)
        own = recalibrate(generator, params, [calibration], masks=masks)
        expected = generator.apply(own, x, masks=masks).image
        np.testing.assert_allclose(found[arch], expected, atol=1e-5)
        others = generator.apply(params, x, masks=masks).image
        assert np.abs(others - expected).max() > 1e-2
    with pytest.raises(ValueError, match="need pictures for their calibration"):
        make_generate(generator, classes, batch=6)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("batch", [6, 2])
def test_candidates_are_spread_over_devices(toy, random_params, norm, batch):
    generator = toy(4, norm=norm)
    space = Space(generator.slots, ((4, 2, 1),) * 2)
    classes = ShapeClasses(space, ((2, 2), (4, 4)))
    archs = [(1, 2), (4, 1), (2, 4), (4, 4), (1, 1)]
    params, x = jax.device_put(random_params(generator), jax.local_devices()[0]), pictures()
    calibration = x[:2] if norm else None
    one, two = (
        make_generate(generator, classes, batch, calibration, devices=devices)
        for devices in (jax.local_devices()[:1], jax.local_devices()[:2])
    )
    expected, found = dict(one(params, x, archs)), dict(two(params, x, archs))
    assert found.keys() == expected.keys() == set(archs)
    for arch in archs:
        np.testing.assert_allclose(found[arch], expected[arch], atol=1e-6)


def test_every_device_takes_its_part():
    mesh = Mesh(np.asarray(jax.local_devices()[:2]), ("candidates",))
    call = _spread(
        lambda x, y, shape: x + y + jax.lax.axis_index("candidates"), mesh, (True, False)
    )
    np.testing.assert_array_equal(call(np.zeros(4), np.ones(1), shape=None), [1, 1, 2, 2])


def test_scores_come_in_the_order_of_the_architectures():
    def generate(params, x, archs):
        for arch in sorted(archs):  # grouped in some other order
            yield arch, params * x * sum(arch)

    evaluate = make_evaluate(generate, 2.0, np.float32(3.0), score=lambda images: float(images))
    assert evaluate(ARCHS) == [6.0 * sum(arch) for arch in ARCHS]
    assert evaluate(ARCHS[::-1]) == [6.0 * sum(arch) for arch in ARCHS[::-1]]
    assert evaluate([]) == []


@pytest.mark.parametrize("batch", [3, 2])
def test_candidates_draw_in_the_styles_that_are_given(batch, random_params):
    generator = munit.generator(munit.Spec(2, blocks=2, style_dim=3, mlp_dim=4))
    space = Space(generator.slots, ((2, 1),) * len(generator.slots))
    classes = ShapeClasses(space, (space.largest,))
    params, x = random_params(generator, scale=0.3), pictures()
    styles = np.random.default_rng(1).standard_normal((3, 3), np.float32)
    generate = make_generate(generator, classes, batch, inputs={"style": styles})
    ((_, images),) = generate(params, x, [space.largest])
    model = Model(generator, params)
    whole = render(model, x, batch=2, inputs={"style": styles})
    np.testing.assert_allclose(images, whole, atol=1e-5)
    assert np.abs(whole - render(model, x, batch=2)).max() > 1e-3


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_processes_share_the_calls_of_a_search(toy, processes):
    """The schedule: as many calls in each process, whatever classes the candidates fall into."""
    space = Space(toy(4).slots, ((4, 3, 2, 1),) * 2)
    classes = ShapeClasses(space, ((2, 2), (4, 4)))
    archs = [(a, b) for a in (1, 2, 3, 4) for b in (1, 2, 3, 4)]
    parts = divide(archs + archs[:3], classes.containing, processes)
    assert sorted(arch for part in parts for arch in part) == archs
    calls = []
    for part in parts:
        members = [sum(classes.containing(a) == c for a in part) for c in ((2, 2), (4, 4))]
        calls.append(members)
    for each in zip(*calls, strict=True):  # of a class: 4 and 12 candidates
        assert max(each) - min(each) <= 1
    assert max(map(sum, calls)) == -(-16 // processes)


def test_scores_of_all_processes_come_together(monkeypatch):
    """Two processes, one after the other: what each sends is what the other gets."""
    sent = {}

    def evaluated(index, gathered):
        monkeypatch.setattr("ganc.hosts.count", lambda: 2)
        monkeypatch.setattr("ganc.hosts.index", lambda: index)
        monkeypatch.setattr("ganc.hosts.gather", gathered)
        draw = lambda params, x, archs: ((arch, params * sum(arch)) for arch in archs)  # noqa: E731
        return make_evaluate(draw, 2.0, np.zeros(1), float)(ARCHS)

    for index in (1, 0):
        try:
            evaluated(index, lambda rows, index=index: sent.setdefault(index, rows))
        except ValueError:
            pass  # one part is too few
    both = np.concatenate([sent[0], sent[1]])
    for index in (0, 1):
        assert evaluated(index, lambda rows: both) == [2.0 * sum(arch) for arch in ARCHS]
