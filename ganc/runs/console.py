"""The one console that everything prints to."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

console = Console()


def progress(to: Console = console) -> Progress:
    """A progress bar with room for a line of scalars; silent where the output is not a terminal."""
    return Progress(
        TextColumn("[bold]{task.description:<12}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}"),
        console=to,
        disable=not to.is_terminal,
    )
