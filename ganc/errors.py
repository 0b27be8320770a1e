"""What stops a run without being a defect of this library."""

import re

_MOST = 1000
_LONG_WORD = re.compile(r"\S{240,}")


def one_line(text: object) -> str:
    r"""`text` as one line that a terminal may be given, whatever names from files stand in it.

    What is not printable is escaped, newlines and escape sequences among it; words of 240
    characters and more, and all beyond 1,000 characters, are cut in their middle.

    Example:
        >>> one_line("no layer 'a\nb\x1b[2J'")
        "no layer 'a\\nb\\x1b[2J'"
    """
    line = _cut(str(text).strip(), 20 * _MOST, 80)  # a key of megabytes is not looked at
    line = "".join(c if c.isprintable() else _escape(c) for c in line)
    return _cut(_LONG_WORD.sub(lambda word: _cut(word[0], 160, 40), line), _MOST, 80)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _cut(text: str, most: int, end: int) -> str:
    return text if len(text) <= most else f"{text[: most - end - 3]}...{text[-end:]}"


class UserError(ValueError):
    """A mistake of the caller; the command line reports it in one line with exit code 2."""

    def __init__(self, message: object = ""):
        super().__init__(one_line(message))


class RunError(RuntimeError):
    """A run that cannot go on: a loss that is no number, a full disk. One line, exit code 1."""

    def __init__(self, message: object = ""):
        super().__init__(one_line(message))


REQUEUE = 75
"""The exit code of a run that should be started again as it was: EX_TEMPFAIL of sysexits.h."""


class Preempted(RuntimeError):
    """A run that was told to stop and has saved what it did. One line, exit code 75."""

    def __init__(self, message: object = ""):
        super().__init__(one_line(message))
