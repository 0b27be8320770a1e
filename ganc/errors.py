"""What stops a run without being a defect of this library."""


class UserError(ValueError):
    """A mistake of the caller; the command line reports it in one line with exit code 2."""


class RunError(RuntimeError):
    """A run that cannot go on: a loss that is no number, a full disk. One line, exit code 1."""
