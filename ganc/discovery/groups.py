"""From identities to named channel groups, and what could not be one with the reason."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from flax.core import FrozenDict

from ganc.discovery.identities import FIXED, Identities, Ids
from ganc.discovery.program import Program, trace
from ganc.discovery.rules import RULES
from ganc.discovery.walk import Walk
from ganc.types import Axes, Group, Output, Widths


@dataclass(frozen=True)
class Frozen:
    """Channels that stay because an operation on them was not understood.

    Attributes:
        parameters: the paths of the parameters on whose axes they lie.
        size: how many they are.
        reason: what the operation is, and where.
    """

    parameters: tuple[str, ...]
    size: int
    reason: str


@dataclass(frozen=True, eq=False)
class Discovery:
    """What a program says about its channels.

    Attributes:
        program: of `function(params, *inputs)`.
        axes: the channel groups of every parameter, in the structure of the parameters.
        widths: the full width of every group.
        parameters: path of each parameter, in the order of the program's first inputs.
        groups: value of the program -> the channel groups of its axes.
        frozen: what was refused.
    """

    program: Program
    axes: Axes
    widths: Widths
    parameters: tuple[str, ...]
    groups: Mapping[int, tuple[Group, ...]]
    frozen: tuple[Frozen, ...]

    @cached_property
    def moving(self) -> set[int]:
        """The values that depend on the inputs, not on parameters alone."""
        return self.program.moving(len(self.parameters))

    def report(self) -> str:
        """One line per group, per frozen set of channels and per derivative that is replaced."""
        lines = [f"{group}: {width} channels" for group, width in self.widths.items()]
        lines += [
            f"frozen: {found.size} channels of {', '.join(found.parameters)}: {found.reason}"
            for found in self.frozen
        ]
        lines += [
            f"the derivative of {name} is that of what it computes"
            for name in sorted(self.program.replaced)
        ]
        return "\n".join(lines)


def discover(apply: Callable[..., Any], params: Any, *inputs: Any) -> Axes:
    """The channel groups of every parameter of a network, read off what it computes.

    Channels that must stay together carry one name. None is on axes that are none of channels, on
    those of the inputs and of the picture, and wherever an operation was not understood; `analyse`
    says why.

    Args:
        apply: `apply(params, *inputs)` -> a picture, or an `Output`.
        params: arrays or their shapes, in any tree.
        inputs: examples, or their shapes; nothing is computed.

    Example:
        >>> import jax.numpy as jnp
        >>> shapes = {"first": jnp.zeros((3, 8)), "last": jnp.zeros((8, 3))}
        >>> discover(lambda p, x: jnp.tanh(x @ p["first"]) @ p["last"], shapes, jnp.zeros((1, 3)))
        {'first': (None, 'first'), 'last': ('first', None)}
    """
    return analyse(apply, params, *inputs).axes


def analyse(apply: Callable[..., Any], params: Any, *inputs: Any) -> Discovery:
    """As `discover`, with the widths, the program and the report.

    The result of `apply` may be an `Output`; its taps are not fixed.
    """
    program = trace(lambda p, *x: as_output(apply(p, *x)), params, *inputs)
    paths, tree = jax.tree_util.tree_flatten_with_path(params)
    names = ["/".join(parts(path)) for path, _ in paths]
    walk = Walk(program, RULES)
    for number in program.inputs:
        walk.axes[number] = (None,) * len(program.shapes[number].shape)
    for number in program.inputs[: len(names)]:
        walk.axes[number] = walk.identities.fresh(program.shapes[number].shape)
    mine = {number: walk.axes[number] for number in program.inputs[: len(names)]}
    walk.identities.learned = [ids for axes in mine.values() for ids in axes if ids is not None]
    walk.steps(program)
    for ids in walk.of(program.outputs[0]):  # the picture
        walk.identities.fix(ids)
    labels, following = _settle(walk)
    named = _Names(labels, following)
    named.baptise(program, dict(zip(mine, names, strict=True)), mine)
    groups = {number: tuple(named.group(ids) for ids in axes) for number, axes in walk.axes.items()}
    return Discovery(
        program,
        jax.tree.unflatten(tree, [groups[number] for number in mine]),
        FrozenDict(named.widths),
        tuple(names),
        groups,
        _report(walk.identities, dict(zip(names, mine.values(), strict=True))),
    )


def as_output(result: Any) -> Output:
    """What a network returned, a picture or an `Output`, as an `Output`."""
    return result if isinstance(result, Output) else Output(result, {})


def parts(path: Any) -> Iterator[str]:
    """The names along the path of a parameter; a name with slashes counts as several."""
    for key in path:
        if key == jax.tree_util.GetAttrKey("value"):  # nnx keeps every array in a box
            continue
        name = next(getattr(key, k) for k in ("key", "name", "idx") if hasattr(key, k))
        yield from filter(None, str(name).split("/"))


def _settle(walk: Walk) -> tuple[np.ndarray, np.ndarray]:
    """The label of every identity, and of every label the one that always follows it, or none.

    Channels that no `Axes` can name are frozen: those that share an axis with fixed ones, and those
    of an axis that interleaves its groups.
    """
    identities = walk.identities
    arrays = {id(ids): ids for axes in walk.axes.values() for ids in axes if ids is not None}
    while True:
        labels = identities.solve()
        owned = np.zeros(identities.count, bool)
        for ids in identities.learned:
            owned[labels[ids]] = True
        labels = np.where(owned[labels], labels, FIXED)
        known = len(identities.refusals)
        sequences = {}
        for ids in arrays.values():
            if not (sequence := labels[ids]).any():
                continue
            sequences[sequence.tobytes()] = sequence
            if not sequence.all():
                identities.fix(ids, "an axis that holds fixed channels too")
            elif len(ids) > 1 and (sequence[1:] == sequence[:-1]).any():
                identities.fix(ids, "an axis on which one channel takes several places in a row")
        if len(identities.refusals) == known:
            return labels, _following(list(sequences.values()), identities.count)


def _following(sequences: list[np.ndarray], count: int) -> np.ndarray:
    """Label -> the label that follows it on every axis and follows nothing else; else `FIXED`."""
    following = np.full(count, FIXED)
    if not sequences:
        return following
    ends = [np.concatenate([[FIXED], sequence, [FIXED]]) for sequence in sequences]
    pairs = np.concatenate([np.stack([s[:-1], s[1:]], 1) for s in ends])
    pairs = np.unique(pairs, axis=0)
    after, before = (np.bincount(pairs[:, i], minlength=count) for i in (0, 1))
    x, y = pairs[(after[pairs[:, 0]] == 1) & (before[pairs[:, 1]] == 1)].T
    alone = (x != FIXED) & (y != FIXED)
    following[x[alone]] = y[alone]
    return following


class _Names:
    """Names for runs of labels that always come together."""

    def __init__(self, labels: np.ndarray, following: np.ndarray) -> None:
        self.widths: dict[str, int] = {}
        self._labels, self._following = labels, following
        self._names: dict[int, str] = {}  # the first label of a run -> its name
        self._known: dict[int, Group] = {}

    def baptise(
        self, program: Program, names: Mapping[int, str], mine: Mapping[int, tuple[Ids, ...]]
    ) -> None:
        """Names every group after the first parameter, in the order of use, that ends in it."""
        used = [o for step in program.everything() for o in step.operands if isinstance(o, int)]
        for number in [n for n in dict.fromkeys([*used, *mine]) if n in mine]:
            for ids in reversed(mine[number]):
                for head, width in self._runs(ids):
                    if head not in self._names:
                        self._names[head] = name = self._unused(names[number])
                        self.widths[name] = width

    def group(self, ids: Ids) -> Group:
        """The channel groups on an axis."""
        if id(ids) not in self._known:
            found = tuple(self._names[head] for head, _ in self._runs(ids))
            self._known[id(ids)] = found[0] if len(found) == 1 else found or None
        return self._known[id(ids)]

    def _runs(self, ids: Ids) -> Iterator[tuple[int, int]]:
        """The first label and the width of each group on an axis."""
        if ids is None or not (sequence := self._labels[ids]).any():
            return
        breaks = np.flatnonzero(self._following[sequence[:-1]] != sequence[1:]) + 1
        bounds = [0, *breaks.tolist(), len(sequence)]
        for start, end in zip(bounds, bounds[1:], strict=False):
            yield int(sequence[start]), end - start

    def _unused(self, path: str) -> str:
        folders, _, leaf = path.removeprefix("params/").rpartition("/")
        name = folders or leaf
        count = sum(known == name or known.startswith(f"{name}#") for known in self.widths)
        return f"{name}#{count + 1}" if count else name


def _report(identities: Identities, mine: Mapping[str, tuple[Ids, ...]]) -> tuple[Frozen, ...]:
    """What would be groups but for the operations that were refused."""
    labels = identities.solve(refused=False)
    places = {
        name: np.unique(np.concatenate([labels[ids] for ids in axes if ids is not None] or [[]]))
        for name, axes in mine.items()
    }
    found = {}
    for ids, reason in identities.refusals:
        touched = np.setdiff1d(labels[ids], [FIXED])
        on = tuple(name for name, labels in places.items() if np.isin(touched, labels).any())
        if on:
            found.setdefault((on, len(touched)), reason)
    return tuple(Frozen(on, size, reason) for (on, size), reason in found.items())
