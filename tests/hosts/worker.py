"""A small run, started by tests in one process or several: a supernet, its search, a pruning.

python worker.py WORKDIR DEVICES DISTRIBUTED [STEP PROCESS SIGNAL]: the process PROCESS sends itself
SIGNAL when it makes its batch of step STEP. What comes of it stands in WORKDIR/result.json.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import conftest

from ganc import cli, hosts
from ganc.data.batches import Unpaired
from ganc.data.pictures import Augmentation
from ganc.hosts.membership import join, together
from ganc.hosts.mirror import mirrored
from ganc.losses.distillation import Distil
from ganc.methods import once_for_all as ofa
from ganc.methods import self_supervised
from ganc.methods.update import generators_of
from ganc.metrics.bootstrap import Bootstrap
from ganc.metrics.similarity import l1_each
from ganc.models import discriminators
from ganc.models.build import build
from ganc.pruning.pruner import pruner
from ganc.pruning.schedule import Gradual
from ganc.runs.workdir import Workdir
from ganc.scores.extractor import Extractor
from ganc.scores.paired import paired
from ganc.scores.sets import array_set, as_floats
from ganc.scores.summary import summarise
from ganc.search.classes import ShapeClasses
from ganc.search.evolution import Evolution
from ganc.search.search import Search, search
from ganc.search.space import Space, encode
from ganc.search.supernet import Supernet
from ganc.tasks import cyclegan, pix2pix
from ganc.train.stage import Training, optimizers, train
from ganc.types import slot

STEPS = 10


@dataclass(frozen=True)
class Config:
    """Nothing is set."""


def toy(width):
    return build(
        lambda widths: conftest.Toy(widths),
        slots=(slot("stem", 1), slot("body", 2)),
        base=width,
        taps={"middle": "stem"},
        divisor=2,
        minimum=2,
        spec=width,
    )


def drawn(model, seed):
    rng, shapes = np.random.default_rng(seed), jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree.map(lambda s: np.float32(rng.normal(0, 0.1, s.shape)), shapes)


def run(workdir, event):
    rng = np.random.default_rng(0)
    pictures = {d: rng.integers(0, 256, (5, 8, 8, 3), np.uint8) for d in "ab"}
    unpaired = Unpaired(
        list(pictures["a"]), list(pictures["b"]), 4, Augmentation((8, 8), (8, 8), True), 0
    )

    def batches(step, rows=None):
        if event[:2] == (step, hosts.index()):
            os.kill(os.getpid(), event[2])
        return unpaired(step, rows)

    judge = discriminators.patch(discriminators.PatchSpec(ndf=4, layers=1))
    student, teacher = toy(4), toy(6)
    given = drawn(teacher, 1)
    method = ofa.OnceForAll(cyclegan.task(judge), student, teacher, Distil(0.5))
    space = Space(student.slots, ((4, 3, 2, 1), (4, 3)))
    supernet = Supernet(student, space, (8, 8, 3))
    classes = ShapeClasses(space, (space.largest,))
    training = Training(4, STEPS // 2, STEPS // 2, 1e-2, checkpoint_every=2)
    both, work = optimizers(training), Workdir(workdir, "toy", Config())
    state = train(
        lambda place: ofa.make_step(method, both, place(given), classes, average=0.5),
        ofa.init(method, jax.random.key(0, impl="rbg"), both, average=0.5),
        batches,
        training,
        work,
        "supernet",
    )
    x = pictures["a"][:2].astype(np.float32) / 127.5 - 1
    wanted = np.asarray(jax.jit(lambda p: teacher.apply(p, x).image)(given))
    found = search(
        supernet,
        generators_of(state)["student"],
        x,
        lambda images: float(np.abs(np.asarray(images) - wanted).mean()),
        Search(budget=1e9, pictures=2, batch=2, evolution=Evolution(4, 2)),
        path=work.path / "search.jsonl",
        seed=0,
    )
    result = {
        "scores": {encode(candidate.arch): candidate.score for candidate in found},
        "weight": float(np.asarray(generators_of(state)["student"]["head"]["kernel"]).sum()),
    }
    result |= scored(pictures) | pruned(unpaired, work)
    (work.path / "result.json").write_text(json.dumps(result))


def pruned(batches, work):
    """Of the methods the one whose state the host takes apart between two steps."""
    judge = discriminators.patch(discriminators.PatchSpec(ndf=4, layers=1, channels_in=6))
    generator = toy(4)
    players = {
        "generator": {"ab": drawn(generator, 2)},
        "discriminator": {"b": drawn(judge, 3)},
    }
    method = self_supervised.SelfSupervised(
        pix2pix.task(judge).play(generator), pruners={"generator": pruner(generator, "element")}
    )
    training = Training(4, 2, 2, 1e-2, checkpoint_every=4)
    both = optimizers(training)
    state = train(
        lambda place: self_supervised.make_step(
            method,
            both,
            place(players["generator"]),
            jax.random.key(1),
            schedule=Gradual(0.5, ramp=3, every=1),
        ),
        self_supervised.init(method, players, both, (8, 8, 3)),
        batches,
        training,
        work,
        "pruned",
    )
    kernel = np.asarray(self_supervised.finalize(method, state)["ab"]["body"]["kernel"])
    return {"zeros": float((kernel == 0).mean()), "pruned": float(np.abs(kernel).sum())}


def scored(pictures):
    network = jax.jit(lambda params, x: params * x.mean((1, 2)))
    extractor = Extractor("toy", "fd", np.float32(2), as_floats, network, batch=2)
    a, b = (array_set(name, rows.astype(np.float32) / 127.5 - 1) for name, rows in pictures.items())
    features = summarise(a, extractor).rows
    (value,) = paired(a, b, {"l1": l1_each}, Bootstrap(10)).values()
    return {"features": features.ravel().tolist(), "l1": value.value}


def main(workdir, devices, distributed, *event):
    jax.config.update("jax_num_cpu_devices", int(devices))
    with cli.one_line_errors():
        join(distributed)
    with together(), mirrored(Path(workdir)) as place:
        run(place, tuple(map(int, event)))


if __name__ == "__main__":
    main(*sys.argv[1:])
