"""Progress of a replay on stderr: a progress bar on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ops.replay.estimate import in_words
from ops.replay.state import Counts
from ops.terminal import counted

LINE_EVERY_S = 5.0


class Display:
    """A context manager that shows the progress.

    Args:
        console: writes to stderr.
        read_units: the total expected; None if unknown.
        before: the counts of an earlier, interrupted run; zeros for a new run.
        clock: seconds, monotonic.
    """

    def __init__(
        self, console: Console, read_units: float | None, before: Counts, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._expected = read_units or None
        self._clock = clock
        self._begun_s = self._printed_s = clock()
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

    def update(self, counts: Counts) -> None:
        """Shows new counts. It is called after every page."""
        now_s = self._clock()
        text = self._text(counts, now_s)
        self._bar.update(self._task, description=text, completed=counts.read_units)
        if not self._console.is_terminal and now_s - self._printed_s >= LINE_EVERY_S:
            self._printed_s = now_s
            self._console.print(f"{text}{self._remaining(counts, now_s)}", highlight=False, soft_wrap=True)

    def _text(self, counts: Counts, now_s: float) -> str:
        per_s = (counts.events - self._events_before) / max(now_s - self._begun_s, 0.001)
        return f"{counted(counts.accounts, 'account')}, {counted(counts.events, 'event')}, {per_s:.0f} events/s"

    def _remaining(self, counts: Counts, now_s: float) -> str:
        done = counts.read_units - self._units_before
        if self._expected is None or done <= 0 or counts.read_units > self._expected:
            return ""
        remaining_s = (self._expected - counts.read_units) * (now_s - self._begun_s) / done
        return f", about {in_words(remaining_s)} left"
