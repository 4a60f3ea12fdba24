"""The steps of a command that takes long, as it shows them."""

from collections.abc import Callable

from rich.console import Console

out = Console()


class steps:  # noqa: N801 -- used like a function
    """A context manager that prints each step as a line and, on a terminal, shows the current one with a spinner."""

    def __enter__(self) -> Callable[[str], None]:
        self._status = out.status("") if out.is_terminal else None
        if self._status:
            self._status.start()
        return self._step

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def _step(self, text: str) -> None:
        if text:
            out.print(f"[dim]·[/] {text}", highlight=False)
        if self._status and text:
            self._status.update(text)
        elif self._status:
            self._status.stop()
