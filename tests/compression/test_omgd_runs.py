import dataclasses
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.compression import omgd as run
from ganc.compression.omgd_settings import OnlineTraining, OnlineUnpaired
from ganc.compression.omgd_staged import PHASES, _elect, _find, student_rate
from ganc.compression.teacher import check_size
from ganc.errors import UserError
from ganc.features.perceptual import perceptual
from ganc.metrics import cost
from ganc.models import discriminators, store
from ganc.models.discriminators import BranchedSpec, PatchSpec
from ganc.recipes import cyclegan_omgd, gaugan_omgd, pix2pix_omgd, pix2pix_omgd_ablation
from ganc.runs import records
from ganc.tasks import pix2pix
from ganc.train.stage import Training, adam, learning_rate
from ganc.types import Model

# Measured with the authors' code, shared/specs/omgd.md, sections 2.4 and 3.2: epoch -> rate, and
# (family, base width) -> parameters and multiply-adds by the published convention.
RATES = {
    "unet-edges2shoes-s16": {
        1: 2e-4, 100: 2e-4, 101: 1.980198e-4, 150: 1.009901e-4, 200: 1.980198e-6
    },
    "unet-cityscapes-s16": {
        1: 2e-4, 300: 2e-4, 301: 1.995565e-4, 525: 1.002217e-4, 750: 4.435e-7
    },
}  # fmt: skip
WIDE = {
    ("unet", 8): (852_307, 333_359_616),
    ("unet", 12): (1_915_899, 707_313_408),
    ("unet", 16): (3_404_451, 1_219_449_856),
    ("unet", 48): (30_611_427, 10_291_117_056),
    ("unet", 64): (54_413_955, 18_143_334_400),
    ("resnet", 8): (38_723, 439_615_488),
    ("resnet", 12): (80_547, 857_604_096),
    ("resnet", 16): (137_347, 1_407_713_280),
    ("resnet", 24): (295_875, 2_904_293_376),
    ("resnet", 48): (1_130_883, 10_564_927_488),
    ("resnet", 64): (1_987_075, 18_314_428_416),
    ("resnet", 96): (4_418_307, 40_155_217_920),
}
DEEP = {
    ("unet", 12): (24_856_251, 10_363_833_600),
    ("unet", 16): (44_171_939, 18_376_141_824),
    ("resnet", 12): (1_436_583, 10_323_820_800),
    ("resnet", 16): (2_547_123, 18_236_542_976),
    ("resnet", 24): (5_715_723, 40_769_160_192),
}


@pytest.mark.parametrize("name", RATES)
def test_published_learning_rates(name):
    stage = pix2pix_omgd.PRESETS[name].training
    rate, epoch = learning_rate(stage, stage.hold), stage.hold
    for number, expected in RATES[name].items():
        for step in ((number - 1) * epoch, number * epoch - 1):
            assert float(rate(step)) == pytest.approx(expected, rel=1e-4)


def test_lengths_of_the_released_scripts():
    """Iterations, of which some update the teachers: section 2.5."""
    steps = {name: config.training.steps for name, config in pix2pix_omgd.PRESETS.items()}
    assert steps["resnet-edges2shoes-s16"] == 11_995 * 200
    assert steps["unet-cityscapes-s16"] == 744 * 750
    assert steps["resnet-cityscapes-s16"] == 2975 * 750
    everys = {name: c.training.every for name, c in pix2pix_omgd.PRESETS.items()}
    assert {n for n, e in everys.items() if e == 3} == {n for n in everys if "cityscapes" in n}
    assert len(pix2pix_omgd.PRESETS) == 14 + 3


def test_phases_of_the_released_scripts():
    """Section 2.3: phases of the student, each of so many epochs."""
    phases = {
        name: (-(-c.training.steps // c.phase), c.lessons * c.phase // c.training.hold)
        for name, c in cyclegan_omgd.PRESETS.items()
        if "-" in name
    }
    assert phases == {
        "horse2zebra-s16": (20, 40),
        "horse2zebra-s12": (17, 48),
        "horse2zebra-s8": (25, 32),
        "summer2winter-s16": (34, 24),
        "summer2winter-s12": (34, 24),
        "summer2winter-s8": (34, 24),
    }


def test_rates_of_an_optimiser_that_steps_in_every_third_step():
    training = Training(constant_steps=3, decay_steps=6, learning_rate=0.7)
    optimizer = adam(training, every=3)
    state, sizes = optimizer.init(jnp.float32(0)), []
    for _ in range(3):
        update, state = optimizer.update(jnp.float32(1), state)
        sizes.append(-float(update))  # of a constant gradient, Adam's step is its rate
    rate = learning_rate(training)
    expected = [float(rate(step)) for step in (2, 5, 8)]
    assert expected == pytest.approx([0.7, 0.4, 0.1])
    assert sizes == pytest.approx(expected, rel=1e-3)


def count(generator):
    widths = generator.widths
    return int(cost.params(generator)(widths)), int(
        cost.macs(generator, 256, 256, "torchprofile-0.0.3")(widths)
    )


def test_published_costs_of_all_networks_of_the_scripts():
    """Every student and every teacher of the presets has a row, and no row is of no preset."""
    wide, deep = set(), set()
    for name, config in pix2pix_omgd.PRESETS.items():
        if "-" not in name:
            continue
        wide |= {(config.family, config.ngf), (config.family, config.wider)}
        deep |= {(config.family, config.deeper)}
    for name, config in cyclegan_omgd.PRESETS.items():
        if "-" in name:
            wide |= {("resnet", config.ngf), ("resnet", config.wider)}
    assert wide == set(WIDE) and deep == set(DEEP)


@pytest.mark.parametrize(
    ("key", "deeper"),
    [
        (("unet", 16), False),
        (("resnet", 16), False),
        (("unet", 12), True),
        (("resnet", 16), True),
    ],
)
def test_presets_build_the_published_networks(key, deeper):
    family, ngf = key
    config = pix2pix_omgd.PRESETS[f"{family}-edges2shoes-s16"]
    generator = pix2pix_omgd.generator(config, ngf, deeper=deeper)
    assert count(generator) == (DEEP if deeper else WIDE)[key]


def test_the_student_of_the_default_costs_little():
    """Of scripts 40 times less than the dense ResNet, base width 64, nine blocks."""
    config = pix2pix_omgd.EARTH64
    student, teacher = (pix2pix_omgd.generator(config, ngf) for ngf in (config.ngf, config.wider))
    price = [int(cost.macs(net, *config.sides)(net.widths)) for net in (teacher, student)]
    assert price[0] / price[1] == pytest.approx(11, abs=0.1)
    assert 56_799_264_768 / WIDE["resnet", 16][1] == pytest.approx(40.3, abs=0.1)
    assert 18_143_334_400 / WIDE["unet", 16][1] == pytest.approx(14.9, abs=0.1)


def test_the_rate_of_a_student_that_waits_its_turn():
    """Constant within its phase: the rate of the teacher's last step there."""
    training = OnlineTraining(constant_steps=4, decay_steps=4, learning_rate=1.0, hold=1)
    config = OnlineUnpaired(phase=3, lessons=2, training=training)
    rate, teacher = student_rate(config), learning_rate(training)
    found = [float(rate(step)) for step in range(18)]
    ends = [float(teacher(step)) for step in (2, 5, 7)]  # the last phase is shorter
    assert found == pytest.approx(np.repeat(ends, 6))
    published = cyclegan_omgd.PRESETS["horse2zebra-s16"]
    assert float(student_rate(published)(0)) == pytest.approx(2e-4)
    last = 20 * 4 * published.phase - 1
    assert float(student_rate(published)(last)) == pytest.approx(1.980198e-6, rel=1e-4)


@pytest.fixture
def fake_run(tmp_path):
    data = SimpleNamespace(name="none")
    return SimpleNamespace(work=SimpleNamespace(path=tmp_path), data=data, shape=(8, 8, 3), seed=0)


@pytest.mark.parametrize(
    ("best", "scores", "kept"),
    [
        ("forward", [{"ab": 3.0}, {"ab": 2.0}, {"ab": 2.5}], 1),
        ("either", [{"ab": 1.0, "ba": 3.0}, {"ab": 2.0, "ba": 2.0}, {"ab": 1.5, "ba": 4.0}], 1),
        ("latest", [{}, {}, {}], 2),
    ],
)
def test_the_best_teacher_teaches(fake_run, random_params, best, scores, kept):
    config = dataclasses.replace(cyclegan_omgd.SMOKE, best=best)
    generator = pix2pix_omgd.generator(pix2pix_omgd.SMOKE, 4)
    for phase, score in enumerate(scores):
        assert not _find(fake_run, phase, "scores")
        _elect(fake_run, config, phase, Model(generator, random_params(generator, phase)), score)
        assert _find(fake_run, phase, "scores") and not _find(fake_run, phase, "taught")
    path = fake_run.work.path
    assert store.read_about(path / "teacher")["phase"] == kept
    expected = random_params(generator, kept)["head"]["kernel"]
    np.testing.assert_allclose(store.load(path / "teacher").params["head"]["kernel"], expected)
    assert [row["best"] for row in records.read(path / PHASES)][kept]


def test_pictures_that_a_network_cannot_take():
    unet = pix2pix_omgd.generator(pix2pix_omgd.PRESETS["unet-cityscapes-s16"], 4)
    check_size("the student", unet, (256, 256, 3))
    with pytest.raises(UserError, match="multiples of 256 and at least 256.*--size is 64"):
        check_size("the student", unet, (64, 64, 3))


@pytest.mark.parametrize(("first", "weight"), [("wider", 100.0), ("deeper", 0.0)])
def test_channels_are_those_of_the_wider_teacher(first, weight):
    config, task = pix2pix_omgd.SMOKE, pix2pix.task(discriminators.patch(PatchSpec(4)))
    student = pix2pix_omgd.generator(config, 4)
    method = run.objective(config, task, student, {first: student}, perceptual("lite0"), {})
    assert method.channels.weight == weight


def test_rates_of_all_players():
    config = gaugan_omgd.EARTH64
    roles = SimpleNamespace(roles=("generator", "teacher", "discriminator"))
    sizes = {}
    for role, optimizer in run.optimizers_of(roles, config).items():
        update, _ = optimizer.update(jnp.float32(1), optimizer.init(jnp.float32(0)))
        sizes[role] = -float(update)  # of a constant gradient, Adam's step is its rate
    assert sizes == pytest.approx({"generator": 4e-4, "teacher": 4e-4, "discriminator": 8e-4})


def test_the_variants_of_the_ablation():
    config, workdir = dataclasses.replace(pix2pix_omgd.EARTH64, seed=3), Path("runs/x")
    found = pix2pix_omgd_ablation.variants(config, workdir)
    configs = {name: variant.config for name, variant in found.items()}
    assert configs["both"] == config
    assert (configs["wider"].deeper, configs["deeper"].wider) == (0, 0)
    assert configs["no-channels"].channels == 0
    assert configs["no-ssim"].imitation == dataclasses.replace(config.imitation, ssim=0.0)
    assert configs["no-style"].imitation == dataclasses.replace(config.imitation, style=0.0)
    assert configs["offline"].teacher == str(workdir / "both")
    steps = {name: getattr(c, "training", c).constant_steps for name, c in configs.items()}
    assert set(steps.values()) == {2000} and {c.seed for c in configs.values()} == {3}
    plain = configs["plain"]
    assert (plain.ngf, plain.ndf, plain.batch) == (config.ngf, config.ndf, config.training.batch)
    assert (plain.average, plain.reconstruction) == (config.training.average, 100)
    with pytest.raises(UserError, match="--teacher and --space are flags of pix2pix_omgd"):
        pix2pix_omgd_ablation.variants(dataclasses.replace(config, space="8/6"), workdir)


@pytest.mark.parametrize("name", ["resnet-edges2shoes-s8", "unet-cityscapes-s8"])
def test_discriminators_of_the_scripts(name):
    config = pix2pix_omgd.PRESETS[name]
    norm = "batch" if config.family == "unet" else "instance"
    judge = discriminators.branched(BranchedSpec(config.ndf, norm=norm, shared=config.shared))
    shapes = jax.eval_shape(judge.init, jax.random.key(0))
    learned = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    if norm == "instance":
        assert learned == 12_432_194  # section 1.6
    assert config.shared == 3 and judge.channels_in == 6
