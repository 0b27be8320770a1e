"""The other networks of a teacher's game: those that it came with, or those trained against it."""

from collections.abc import Mapping
from pathlib import Path

import jax

from ganc.compression.run import Run
from ganc.compression.teacher import TEACHER
from ganc.errors import UserError
from ganc.methods import self_supervised
from ganc.models import store
from ganc.tasks.task import Game
from ganc.train.stage import Training, optimizers
from ganc.types import Model, Params

Players = dict[str, dict[str, Params]]
"""Role -> its networks by name, as `Game.init` returns them."""

PLACES = {
    ("generator", "ab"): TEACHER,
    ("generator", "ba"): f"{TEACHER}_back",
    ("discriminator", "b"): "discriminator",
    ("discriminator", "a"): "discriminator_back",
}
"""Network of a game -> the model directory that keeps it, as `compress.teacher` stores it."""


def complete(
    run: Run, game: Game, teacher: Model, given: Path | None, training: Training
) -> Players:
    """The players of `game` around `teacher`, stored in the workdir.

    What `given`, the directory of a run, does not hold is trained: all others at once, by the
    game's own terms, against the teacher, which stays as it is.

    Raises:
        UserError: what `given` holds is of other specifications.
    """
    shapes = jax.eval_shape(game.init, jax.random.key(0))
    wanted = [(role, name) for role, trees in shapes.items() for name in trees]
    places = {key: PLACES[key] for key in wanted if key != ("generator", "ab")}
    if given is not None and all((given / p / "model.json").exists() for p in places.values()):
        loaded = {key: _load(given / place, key[0], teacher) for key, place in places.items()}
    else:
        loaded = _train(run, game, teacher, training)
    players: Players = {"generator": {"ab": teacher.params}, "discriminator": {}}
    for (role, name), params in loaded.items():
        where = f"the {PLACES[role, name]} of the teacher"
        _check_shapes(shapes[role][name], params, where)
        players[role][name] = params
        _save(run, teacher, role, PLACES[role, name], params)
    return players


def _load(path: Path, role: str, teacher: Model) -> Params:
    if role == "generator":
        return store.load(path, teacher.generator).params
    return store.load_discriminator(path)[1]


def _check_shapes(expected: Params, params: Params, what: str) -> None:
    def shapes(tree: Params) -> Params:
        return jax.tree.map(lambda leaf: leaf.shape, tree)

    if shapes(expected) != shapes(params):
        raise UserError(
            f"{what} is another network than this run's; --ngf, --blocks and --ndf must be those "
            "that it was trained with"
        )


def _save(run: Run, teacher: Model, role: str, place: str, params: Params) -> None:
    if role == "generator":
        run.save(place, Model(teacher.generator, params), direction="ba")
        return
    about = {"task": run.task.name, "data": run.data.name}
    params = jax.device_get(params)
    store.save_discriminator(run.work.path / place, run.task.discriminator, params, about)


def _train(
    run: Run, game: Game, teacher: Model, training: Training
) -> Mapping[tuple[str, str], Params]:
    # rbg: the default generator takes seconds longer to compile, one layer at a time.
    players = game.init(jax.random.key(run.seed, impl="rbg"))
    others = tuple(name for name in players["generator"] if name != "ab")
    aim = self_supervised.Aim(items="native")
    method = self_supervised.SelfSupervised(game, aim, learning=others)
    both = optimizers(training)
    state = self_supervised.init(method, players, both, run.window)
    state = run.train(
        "opponents",
        lambda place: self_supervised.make_step(
            method, both, place({"ab": teacher.params}), jax.random.key(run.seed + 1)
        ),
        state,
        training,
        run.seed + 1,
    )
    found = jax.device_get(state.params)
    return {(role, name): params for role, trees in found.items() for name, params in trees.items()}
