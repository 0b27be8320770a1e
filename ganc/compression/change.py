"""Settings by the names of their flags: a configuration with some of them changed."""

import dataclasses
import difflib
import re
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ganc import ranges
from ganc.errors import UserError

Config = TypeVar("Config")
Path = tuple[str, ...]


def change(config: Config, settings: Mapping[str, Any]) -> Config:
    """`config` with `settings`, each under the name of its flag.

    Args:
        config: a dataclass, with others in it.
        settings: flag -> value, such as `{"seed": 1, "supernet.batch": 4}`; dots, hyphens and
            underscores are one, so `supernet_batch` is the same. A group of settings may be given
            whole, as its dataclass, or in part, as a dict.

    Raises:
        UserError: a name is that of no setting, or a value is none that it takes.

    Example:
        >>> from ganc.compression.settings import Compression
        >>> changed = change(Compression(), {"supernet_batch": 4, "search": {"pictures": 9}})
        >>> changed.supernet.batch, changed.search.pictures
        (4, 9)
    """
    known = {key(".".join(path)): path for path in _paths(config)}
    for name, value in settings.items():
        path = known.get(key(name))
        if path is None:
            raise UserError(f"there is no setting {name!r}{_nearest(name, known)}")
        config = _set(config, path, value, ".".join(path))
    ranges.check(config)
    return config


def key(name: str) -> str:
    """The name of a setting or of its flag as names are compared: `--supernet.batch` as well."""
    return re.sub(r"[.-]", "_", name.removeprefix("--"))


def _paths(config: Any, before: Path = ()) -> Iterator[Path]:
    for field in dataclasses.fields(config):
        path, value = (*before, field.name), getattr(config, field.name)
        yield path
        if dataclasses.is_dataclass(value):
            yield from _paths(value, path)


def _nearest(name: str, known: Mapping[str, Path]) -> str:
    last = key(name.rpartition(".")[2])  # what people remember
    close = [one for one, path in known.items() if path[-1] == last]
    close = close[:3] or difflib.get_close_matches(key(name), known, n=1)
    found = ", ".join(".".join(known[one]) for one in close)
    return f"; did you mean {found}?" if found else "; --help all lists them"


def _set(config: Any, path: Path, value: Any, name: str) -> Any:
    first, *rest = path
    old = getattr(config, first)
    if rest:
        value = _set(old, tuple(rest), value, name)
    elif dataclasses.is_dataclass(old) and isinstance(value, Mapping):
        value = change(old, value)
    elif not _fits(get_type_hints(type(config))[first], value):
        raise UserError(f"{name} takes {_said(get_type_hints(type(config))[first])}, got {value!r}")
    return dataclasses.replace(config, **{first: value})


def _fits(hint: Any, value: Any) -> bool:
    """Whether a value is of a type; numbers out of their range are found by `ranges.check`."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return any(_fits(one, value) for one in get_args(hint))
    kind = get_origin(hint) or hint
    if kind in (int, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind)


def _said(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    return getattr(hint, "__name__", str(hint))
