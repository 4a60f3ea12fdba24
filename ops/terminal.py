"""The consoles of all commands: results on stdout, everything else on stderr."""

import sys

from rich.console import Console
from rich.markup import escape

out = Console(width=None if sys.stdout.isatty() else 240)
err = Console(stderr=True)


def counted(number: int, one: str) -> str:
    """A number with a noun, for example 1 account or 2 accounts; `one` is the singular of a noun that takes an s."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def print_error(text: str) -> None:
    """Prints a line that reports an error or a finding."""
    err.print(f"[bold red]✗[/] {escape(text)}", soft_wrap=True, highlight=False, emoji=False)
