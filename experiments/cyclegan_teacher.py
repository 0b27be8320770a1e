"""Trains a CycleGAN, both directions, to be a teacher.

    python -m experiments.cyclegan_teacher --preset earth64

The objective and the schedule are those of Zhu et al. 2017 (arXiv 1703.10593): least squares, cycle
weight 10, identity 0.5, a pool of 50 fakes, Adam (0.5, 0.999) at 2e-4, constant then falling
linearly. `experiments/README.md` holds the measured rows.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import jax
import optax

from experiments._launch import launch
from ganc.data.batches import Unpaired
from ganc.data.dataset import Dataset, open_dataset
from ganc.errors import UserError
from ganc.models import resnet, store
from ganc.models.discriminators import PatchSpec, patch
from ganc.models.render import render
from ganc.report.gallery import spread_samples, write_samples
from ganc.runs import records
from ganc.runs.console import console
from ganc.runs.workdir import Workdir
from ganc.scores.judge import Judge
from ganc.scores.row import Row, latencies, measure
from ganc.scores.table import print_table
from ganc.tasks import cyclegan
from ganc.train import loop, sharding
from ganc.train.checkpoint import Checkpoints
from ganc.train.schedule import linear_decay
from ganc.types import Generator, Model, Params, TrainState


@dataclass(frozen=True)
class Config:
    """What to train; the defaults are the published horse2zebra settings."""

    data: str = "tfds:cycle_gan/horse2zebra"
    """earth, earth:TASK, folder:DIR or tfds:NAME"""
    size: int = 256
    """side of the training pictures, px"""
    ngf: int = 64
    """base width of the generators"""
    blocks: int = 9
    """residual blocks; Zhu et al. take 6 up to 128 px"""
    ndf: int = 64
    """base width of the discriminators"""
    batch: int = 1
    """pictures of each domain per step"""
    constant_steps: int = 133_400  # 100 epochs of 1,334 zebras
    """steps at the full learning rate"""
    decay_steps: int = 133_400
    """steps over which it then falls to almost zero"""
    learning_rate: float = 2e-4
    """of Adam"""
    start: str = ""
    """workdir of an earlier run of this experiment whose networks to go on with; empty: new ones"""
    average: float = 0.0
    """decay of the running average of the weights that is kept as the model; 0: the last weights"""
    checkpoint_every: int = 500
    """steps between checkpoints"""
    feature_size: int = 128
    """px at which Lite0 features are taken for the scores"""
    seed: int = 0
    """of everything random"""
    skip_bad: bool = False
    """leave out pictures that cannot be decoded"""


EARTH64 = Config(
    data="earth", size=64, ngf=24, blocks=6, ndf=32, constant_steps=7000, decay_steps=7000,
    average=0.999,
)  # fmt: skip
PRESETS = {
    "earth64": EARTH64,
    "smoke": dataclasses.replace(
        EARTH64, size=32, ngf=4, blocks=3, ndf=4, constant_steps=4, decay_steps=4,
        checkpoint_every=4, feature_size=32,
    ),
    "earth128": dataclasses.replace(EARTH64, size=128, ngf=64, blocks=9, ndf=64, batch=4),
    "horse2zebra": Config(),
}  # fmt: skip
CHECKPOINTS = Path("checkpoints", "teacher")
"""Where a run keeps them, inside its workdir."""


def train(config: Config, data: Dataset, workdir: Workdir) -> tuple[Generator, Params]:
    """Trains, or resumes, and leaves `teacher` (a -> b) and `teacher_back` (b -> a)."""
    task = cyclegan.CycleGan(
        resnet.generator(resnet.Spec(config.ngf, config.blocks)),
        patch(PatchSpec(config.ndf)),
        average=config.average,
    )
    schedule = linear_decay(config.learning_rate, config.constant_steps, config.decay_steps)
    optimizer = optax.adam(schedule, b1=0.5, b2=0.999)
    k_init, k_train = jax.random.split(jax.random.key(config.seed))
    mesh = sharding.data_mesh(config.batch)
    state = cyclegan.init(task, k_init, optimizer, config.size)
    if config.start:
        state = go_on(state, earlier_checkpoints(config))
    step = jax.jit(cyclegan.make_step(task, optimizer), donate_argnums=0)
    batches = Unpaired(
        data.train_a, data.train_b, config.batch, data.load, data.crop, data.flip, config.seed
    )
    state = loop.run(
        lambda s, batch, index: step(s, batch, jax.random.fold_in(k_train, index)),
        sharding.replicate(state, mesh),
        batches,
        steps=config.constant_steps + config.decay_steps,
        directory=workdir.path / CHECKPOINTS,
        log=workdir.metrics,
        name="teacher",
        place=lambda batch: jax.device_put(batch, sharding.split(mesh)),
        log_every=min(50, config.checkpoint_every),
        checkpoint_every=config.checkpoint_every,
    )
    kept = state.extra["average"] if config.average else state.params["generators"]
    about = {"data": data.name, "size": config.size, "steps": int(state.step), "seed": config.seed}
    for direction, name in (("ab", "teacher"), ("ba", "teacher_back")):
        store.save(
            workdir.path / name,
            Model(task.generator, jax.device_get(kept[direction])),
            about | {"direction": direction},
        )
    return task.generator, jax.device_get(kept["ab"])


def earlier_checkpoints(config: Config) -> Path:
    """The checkpoints of the run that `config.start` names."""
    path = Path(config.start).expanduser() / CHECKPOINTS
    if not path.is_dir():
        raise UserError(
            f"--start {config.start}: no workdir of cyclegan_teacher with {CHECKPOINTS}"
        )
    return path


def go_on(state: TrainState, path: Path) -> TrainState:
    """`state` at step 0 with the networks checkpointed at `path`; optimisers and pools are new."""
    checkpoints = Checkpoints(path)
    try:
        earlier = checkpoints.restore(state, remove=False)
    finally:
        checkpoints.close()
    if earlier is None:
        raise UserError(
            f"{path} holds no checkpoint that fits; --ngf, --blocks, --ndf, --size and --average "
            "must be those of that run"
        )
    extra = state.extra | {k: v for k, v in earlier.extra.items() if k == "average"}
    return state._replace(params=earlier.params, extra=extra)


def run(config: Config, workdir: Path) -> list[Row]:
    """Trains, scores on the report split, and writes results, samples and models."""
    data = open_dataset(config.data, config.size, skip_bad=config.skip_bad)
    if config.start:
        earlier_checkpoints(config)  # a wrong path should not cost a workdir
    work = Workdir(workdir, "cyclegan_teacher", config)
    generator, params = train(config, data, work)
    shape = (config.size, config.size, 3)
    judge = Judge.open(data, shape, config.feature_size, looks=work.looks)
    model = Model(generator, params)
    fake = render(model, judge.source)
    times = latencies({"teacher": model}, shape, repeats=50)
    teacher = measure("teacher", model, shape, judge.values(fake), times["teacher"])
    records.write(work.path / "results.jsonl", [teacher.to_json()])
    samples = spread_samples(source=judge.source, teacher=fake, truth=judge.truth)
    write_samples(work.path / "samples.png", samples)
    references = [
        Row("input copied", judge.values(judge.source)),
        Row("real (floor)", judge.floor()),
    ]
    print_table([teacher, *references], f"{data.name}, {config.size} px")
    console.print(f"models, results and samples: {work.path}")
    console.print(f"looks at the report split: {len(records.read(work.looks))}")
    return [teacher, *references]


if __name__ == "__main__":
    launch("cyclegan_teacher", PRESETS, run)
