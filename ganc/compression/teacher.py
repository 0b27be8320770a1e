"""The teacher of a run: one that somebody has, or one that is trained here."""

from importlib import resources
from pathlib import Path

import jax

from ganc.compression.calibration import recalibrated
from ganc.compression.settings import Teaching
from ganc.data.dataset import Dataset
from ganc.data.pictures import show_size
from ganc.errors import UserError
from ganc.export.torch import load as load_checkpoint
from ganc.methods import adversarial
from ganc.methods.update import generators_of
from ganc.models import store
from ganc.models.families import fold
from ganc.runs.workdir import Workdir
from ganc.tasks.task import Task
from ganc.train.checkpoint import Checkpoints
from ganc.train.stage import optimizers, train
from ganc.types import Generator, Model, Params, TrainState

TEACHER = "teacher"
"""The name of its training stage, and of the directory that holds it."""


def load_teacher(
    name: str,
    task: Task,
    data: Dataset,
    shape: tuple[int, int, int],
    own: Generator | None = None,
) -> Model:
    """The shipped teacher, or that of a PyTorch checkpoint, a model directory or an earlier run.

    Args:
        name: "shipped", a file, or a directory.
        task: what it will do.
        data: what it will translate.
        shape: (h, w, c) of what it will be given.
        own: the generator, where it is of a network of one's own.

    Raises:
        UserError: there is none, it cannot be read, or it takes other pictures.
    """
    model = _shipped(task, data, shape[0]) if name == "shipped" else read_teacher(name, own)
    generator = model.generator
    if generator.channels_in != shape[2]:
        what = "no pictures" if shape[2] == 3 else f"expected {shape[2]}"
        raise UserError(f"the teacher {name} takes {generator.channels_in} channels, {what}")
    check_size(f"the teacher {name}", generator, shape, data)
    return model


def read_teacher(name: str, own: Generator | None = None) -> Model:
    """The teacher in a PyTorch checkpoint, a model directory or the workdir of a run.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return load_checkpoint(path)
    if not path.exists():
        raise UserError(
            f"--teacher {name}: there is no such file or directory; valid are shipped, train, a "
            "PyTorch checkpoint, or the directory of a model or of a run"
        )
    return store.load(model_directory(path), own)


def model_directory(path: Path) -> Path:
    """`path`, or the teacher's directory in it where it is a run's."""
    return path if (path / "model.json").exists() else path / TEACHER


def check_size(
    what: str, generator: Generator, shape: tuple[int, int, int], data: Dataset | None = None
) -> None:
    """Refuses sizes that the network called `what` cannot take.

    Args:
        what: it is called.
        generator: the network.
        shape: (h, w, c) of whole pictures.
        data: whose windows it is trained on; None: on whole pictures.

    Raises:
        UserError: naming what sides must be.
    """
    divisor, minimum = generator.divisor, generator.minimum
    window = shape[:2] if data is None else data.augmentation.crop
    for flag, sides in (("size", shape[:2]), ("crop", window)):
        if any(side % divisor or side < minimum for side in sides):
            raise UserError(
                f"{what} takes pictures whose sides are multiples of {divisor} and at least "
                f"{minimum}, --{flag} is {show_size(sides)}"
            )


def _shipped(task: Task, data: Dataset, side: int) -> Model:
    """Of the shipped teachers of that task and data, the one for pictures nearest in height."""
    with resources.as_file(resources.files("ganc.models") / "teacher_pack") as packs:
        about = {path.parent: store.read_about(path.parent) for path in packs.glob("*/model.json")}
        away = {
            path: abs(facts["size"] - side)
            for path, facts in about.items()
            if (facts["task"], facts["data"]) == (task.name, data.name)
        }
        if away:
            return store.load(min(away, key=lambda path: away[path]))
    known = sorted(f"{facts['task']} of {facts['data']}" for facts in about.values())
    raise UserError(
        f"no teacher of {task.name} of {data.name} is shipped, only {', '.join(known)}; "
        "give --teacher train, or --teacher with a model directory or a PyTorch checkpoint"
    )


def train_teacher(
    config: Teaching, task: Task, generator: Generator, data: Dataset, work: Workdir
) -> Model:
    """Trains, or resumes, and stores every network of the game.

    It leaves `teacher` (a -> b), in games that translate both ways `teacher_back` (b -> a), and
    `discriminator` (of domain b) with `discriminator_back`. Where a running average of the weights
    is kept, its running statistics are measured anew.
    """
    state = jax.device_get(play(config, task, generator, data, work, TEACHER))
    return _store(config, task, generator, data, work, state)


def play(
    config: Teaching, task: Task, generator: Generator, data: Dataset, work: Workdir, name: str
) -> TrainState:
    """The players of the task's game after the training stage called `name`, or after its rest."""
    state, step = adversarial.begin_game(
        task.play(generator),
        jax.random.key(config.seed),
        optimizers(config.training),
        (*data.augmentation.crop, 3),
        average=config.average,
    )
    if config.start:
        state = _go_on(state, earlier_checkpoints(config))
    batches = task.batches(data, config.batch, config.seed)
    return train(lambda place: step, state, batches, config.training, work, name)


def _store(config, task: Task, generator: Generator, data, work: Workdir, state) -> Model:
    about = {
        "task": task.name,
        "data": data.name,
        "size": config.size,
        "steps": int(state.step),
        "seed": config.seed,
    }
    models = {
        direction: _kept(
            config, task, generator, data.turned() if direction == "ba" else data, tree
        )
        for direction, tree in generators_of(state).items()
    }
    for direction, name in (("ab", TEACHER), ("ba", f"{TEACHER}_back")):
        if direction in models:
            store.save(work.path / name, models[direction], about | {"direction": direction})
    for domain, name in (("b", "discriminator"), ("a", "discriminator_back")):
        if domain in state.params["discriminator"]:
            params = state.params["discriminator"][domain]
            store.save_discriminator(
                work.path / name, task.discriminator, params, about | {"domain": domain}
            )
    return models["ab"]


def _kept(
    config: Teaching, task: Task, generator: Generator, data: Dataset, params: Params
) -> Model:
    """The trained generator as it is kept; `data` is what it translates."""
    model = fold(Model(generator, params))
    return recalibrated(model, task, data, config.sides) if config.average else model


def earlier_checkpoints(config: Teaching) -> Path:
    """The checkpoints of the run that `config.start` names.

    Raises:
        UserError: there are none.
    """
    place = Path("checkpoints", TEACHER)
    path = Path(config.start).expanduser() / place
    if not path.is_dir():
        raise UserError(f"--start {config.start}: no workdir of a trained teacher with {place}")
    return path


def _go_on(state: TrainState, path: Path) -> TrainState:
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
