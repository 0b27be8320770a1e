"""The one error type that means: the caller can fix this."""


class UserError(ValueError):
    """A mistake of the caller.

    The message says what was expected, what came and what would be valid, in one line; the command
    line prints it without a traceback and exits with code 2 (see `ganc.cli`).
    """
