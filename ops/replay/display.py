"""How far a replay is, on stderr: a bar on a terminal, a line every so often elsewhere."""

import time
from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ops.replay.estimate import in_words
from ops.replay.state import Counts

LINE_EVERY_S = 5.0


class Display:
    """Use as a context manager.

    Args:
        console: stderr's.
        read_units: expected for the whole; None: not known.
        before: what an earlier run had done.
        clock: seconds, monotonic.
    """

    def __init__(
        self, console: Console, read_units: float | None, before: Counts, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._expected = read_units or None
        self._clock = clock
        self._begun_s = self._told_s = clock()
        self._events_before, self._units_before = before.events, before.read_units
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("replaying", total=self._expected, completed=int(before.read_units))

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, counts: Counts) -> None:
        """After every page."""
        now_s = self._clock()
        text = self._words(counts, now_s)
        self._bar.update(self._task, description=text, completed=counts.read_units)
        if not self._console.is_terminal and now_s - self._told_s >= LINE_EVERY_S:
            self._told_s = now_s
            self._console.print(f"{text}{self._left(counts, now_s)}", highlight=False, soft_wrap=True)

    def _words(self, counts: Counts, now_s: float) -> str:
        per_s = (counts.events - self._events_before) / max(now_s - self._begun_s, 0.001)
        return f"{counts.accounts} accounts, {counts.events} events, {per_s:.0f} events/s"

    def _left(self, counts: Counts, now_s: float) -> str:
        done = counts.read_units - self._units_before
        if self._expected is None or done <= 0 or counts.read_units > self._expected:
            return ""
        left_s = (self._expected - counts.read_units) * (now_s - self._begun_s) / done
        return f", about {in_words(left_s)} left"
