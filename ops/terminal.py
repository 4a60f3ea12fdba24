"""What commands say: results on stdout, the rest on stderr."""

import sys

from rich.console import Console
from rich.markup import escape

out = Console(width=None if sys.stdout.isatty() else 240)
err = Console(stderr=True)


def complain(text: str) -> None:
    """One line of trouble."""
    err.print(f"[bold red]✗[/] {escape(text)}", soft_wrap=True, highlight=False, emoji=False)
