"""Self-supervised compression on any task: teacher, its opponents, pruning while training, report.

Reference: Yu and Pool 2020 (arXiv 2007.01491).
"""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganc import channels
from ganc.compression.finish import finish, show
from ganc.compression.opponents import Players, complete
from ganc.compression.run import Run, open_data
from ganc.compression.self_supervised_settings import SelfSupervision
from ganc.compression.teacher import check_size, load_teacher
from ganc.data.pictures import show_size, some, stack
from ganc.discovery.fingerprint import Own
from ganc.errors import UserError
from ganc.methods import self_supervised
from ganc.methods.self_supervised import Aim, SelfSupervised
from ganc.metrics import cost
from ganc.models.render import compiled
from ganc.pruning.gone import without_gone
from ganc.pruning.pruner import Pruner, pruner
from ganc.pruning.schedule import Gradual, halfway
from ganc.runs import records
from ganc.runs.console import console
from ganc.runs.workdir import Workdir
from ganc.scores.row import Row
from ganc.scores.sparsity import GAINS, sparsity
from ganc.tasks.task import Game, Task
from ganc.train.stage import optimizers
from ganc.types import Generator, Model, Params

SPARSITY = "sparsity.json"


def supervise(
    experiment: str,
    config: SelfSupervision,
    workdir: Path,
    *,
    task: Task,
    generator: Generator,
) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    Args:
        experiment: the module of the experiment, for its workdir and its report.
        config: how to compress.
        workdir: of the run.
        task: what is translated.
        generator: the network that is trained where `config` has no teacher, or whose weights it
            names where the network is one's own.

    Raises:
        UserError: the configuration cannot be run; no workdir is made then.
    """
    if config.granularity == "2:4" and config.sparsity > 0.5:
        raise UserError(f"2:4 leaves half of the weights, --sparsity is {config.sparsity:g}")
    shape = (*config.sides, generator.channels_in)
    data = open_data(config, task)
    given = None
    if config.teacher != "train":
        given = load_teacher(config.teacher, task, data, shape, generator)
    check_size("the teacher", given.generator if given else generator, shape, data)
    run = Run(Workdir(workdir, experiment, config), data, task, shape, config.seed)
    if run.complete:
        return show(run)

    with run.stage("teacher"):
        big = run.teacher(given, config.teaching, generator)
    game = task.play(_played(config, big.generator))
    with run.stage("opponents"):
        came_with = run.work.path if given is None else Path(config.teacher).expanduser()
        players = complete(run, game, big, came_with, config.opponents)

    with run.stage("student"):
        method = objective(config, game, big.generator, task)
        models = _train(run, method, config, big, players)
        for name, model in models.items():
            run.save(name, model, sparsity=config.sparsity, granularity=config.granularity)

    with run.stage("evaluate"):
        finish(
            run,
            {"teacher": big, "student": models["student"]},
            title=f"Self-supervised compression: {data.name} at {show_size(run.shape)} px",
            facts={"teacher": config.teacher, "row of table 1": config.baseline}
            | _sparse(run, config, models["student"]),
            feature_size=config.feature_size,
        )
    return show(run)


def objective(
    config: SelfSupervision, game: Game, generator: Generator, task: Task
) -> SelfSupervised:
    """The objective that `config` asks for."""
    scheme = config.scheme
    pruners: dict[str, Pruner] = {}
    if scheme.pruning != "none":
        pruners["generator"] = pruner(generator, config.granularity, config.scope)
    if scheme.both:  # a discriminator has no channel groups to cut out
        pruners["discriminator"] = pruner(task.discriminator, "element", config.scope)
    return SelfSupervised(
        game,
        Aim(
            items=scheme.items,
            balance=config.balance,
            floor=config.floor,
            imitation=config.imitation if scheme.imitates else 0.0,
            taps=config.features if scheme.features else 0.0,
        ),
        learning=_directions(config, game),
        frozen=bool(scheme.frozen),
        real=scheme.real,
        fakes=scheme.fakes,
        pruners=pruners,
    )


def _played(config: SelfSupervision, generator: Generator) -> Generator:
    """The generator as it is trained."""
    whole = config.granularity == "filter" and isinstance(generator.spec, Own)
    return without_gone(generator) if whole else generator


def _directions(config: SelfSupervision, game: Game) -> tuple[str, ...]:
    names = tuple(jax.eval_shape(game.init, jax.random.key(0))["generator"])
    return names if config.directions == "both" else ("ab",)


def schedule(config: SelfSupervision) -> Gradual | None:
    """When masks tighten: over the first half of the training, or before it, or never."""
    how, steps = config.scheme.pruning, config.training.steps
    if how == "none":
        return None
    if how == "once":
        return Gradual(config.sparsity, ramp=0)
    return halfway(config.sparsity, steps, config.updates, config.initial)


def narrow(generator: Generator, share: float) -> dict[str, int]:
    """The widest even narrowing of `generator` that has at most `share` of its parameters."""
    count = cost.params(generator)
    bases = [generator.widths[g] // times for s in generator.slots for g, times in s.groups.items()]
    most = share * int(count(generator.widths))
    for base in range(max(bases), 0, -1):
        widths = {g: base * times for s in generator.slots for g, times in s.groups.items()}
        if int(count(widths)) <= most:
            return dict(sorted(widths.items()))
    raise UserError(f"no network of this family has {share:.0%} of the teacher's parameters")


def _start(config: SelfSupervision, method: SelfSupervised, big: Model, players: Players) -> Any:
    """The first parameters of all networks."""
    fresh = method.game.init(jax.random.key(config.seed, impl="rbg"))
    start: dict[str, dict[str, Params]] = {role: dict(trees) for role, trees in players.items()}
    if config.scheme.judge == "random":
        start["discriminator"] = fresh["discriminator"]
    for index, direction in enumerate(method.learning):
        if config.scheme.start == "random":
            start["generator"][direction] = fresh["generator"][direction]
        if config.scheme.start == "narrow":
            key = jax.random.key(config.seed + index, impl="rbg")
            widths = narrow(big.generator, 1 - config.sparsity)
            start["generator"][direction] = big.generator.init(key, widths=widths)
    return start


def _train(
    run: Run, method: SelfSupervised, config: SelfSupervision, big: Model, players: Players
) -> dict[str, Model]:
    """The generators that learned, by the names of their model directories."""
    stage, both = config.training, optimizers(config.training)
    start = _start(config, method, big, players)
    state = self_supervised.init(method, start, both, run.window, average=stage.average)
    state = run.train(
        "student",
        lambda place: self_supervised.make_step(
            method,
            both,
            place(players["generator"]),
            jax.random.key(config.seed + 2),
            schedule=schedule(config),
            average=stage.average,
        ),
        state,
        stage,
        config.seed,
    )
    names = {"ab": "student", "ba": "student_back"}
    masks = jax.device_get(state.extra["masks"]).get("generator", {})
    return {
        names[d]: _cut(run, method, config, Model(big.generator, jax.device_get(p)), masks.get(d))
        for d, p in self_supervised.finalize(method, state).items()
    }


def _cut(
    run: Run, method: SelfSupervised, config: SelfSupervision, model: Model, masks: Params | None
) -> Model:
    """`model` without the channels that are pruned as a whole, after comparing what both draw.

    Raises:
        RuntimeError: they differ, which would be a defect.
    """
    if masks is None:
        return model
    keep = method.pruners["generator"].keep(masks)
    if all(len(keep[group]) == width for group, width in model.generator.widths.items()):
        return run.recalibrated(model)
    small = model._replace(params=channels.slice_params(model.params, model.generator.axes, keep))
    few = stack(some(run.data.search_a, 4), run.shape[:2], run.data.encode)
    draws = (compiled(_played(config, model.generator)), compiled(model.generator))
    whole, cut = (d(m.params, jnp.asarray(few)) for d, m in zip(draws, (model, small), strict=True))
    gap = float(np.abs(np.asarray(whole) - cut).max())
    console.print(f"student: masked and sliced differ by at most {gap:.1e}")
    if gap > 1e-3:
        raise RuntimeError(f"the sliced student differs from the masked one by {gap}")
    return run.recalibrated(small)


def _sparse(run: Run, config: SelfSupervision, student: Model) -> dict[str, str]:
    """Writes `SPARSITY`, and what the report says of it."""
    found = {**sparsity(student, run.shape), "gains": GAINS[config.granularity]}
    records.replace(run.work.path / SPARSITY, json.dumps(found, indent=2) + "\n")
    size, dense = (found[name] / 1e3 for name in ("sparse_bytes", "bytes"))
    facts = {
        "zeros": f"{found['zeros']:.1%} of the weights of convolutions, by {config.granularity}",
        "multiply-adds with weights that are not zero": f"{found['effective_macs']:,} of "
        f"{found['macs']:,}",
        "student on disk": f"{size:,.0f} kB, {dense:,.0f} kB if stored dense",
        "who gains": found["gains"],
    }
    for name, fact in facts.items():
        console.print(f"{name}: {fact}", soft_wrap=True, highlight=False)
    return facts
