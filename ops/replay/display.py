"""Progress of a replay on stderr: a progress bar on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Callable
from typing import Literal, Self

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
        expected: the total expected, in the unit; None if unknown.
        before: the counts of an earlier, interrupted run; zeros for a new run.
        clock: seconds, monotonic.
        unit: the count that measures the progress.
    """

    def __init__(
        self,
        console: Console,
        expected: float | None,
        before: Counts,
        clock: Callable[[], float] = time.monotonic,
        *,
        unit: Literal["read_units", "rows"] = "read_units",
    ) -> None:
        self._console = console
        self._expected = expected or None
        self._unit = unit
        self._clock = clock
        self._begun_s = self._printed_s = clock()
        self._events_before, self._done_before = before.events, self._done(before)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("replaying", total=self._expected, completed=int(self._done_before))

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self, counts: Counts) -> None:
        """Shows new counts. It is called after every page."""
        now_s = self._clock()
        text = self._text(counts, now_s)
        self._bar.update(self._task, description=text, completed=self._done(counts))
        if not self._console.is_terminal and now_s - self._printed_s >= LINE_EVERY_S:
            self._printed_s = now_s
            self._console.print(f"{text}{self._remaining(counts, now_s)}", highlight=False, soft_wrap=True)

    def _text(self, counts: Counts, now_s: float) -> str:
        per_s = (counts.events - self._events_before) / max(now_s - self._begun_s, 0.001)
        return f"{counted(counts.accounts, 'account')}, {counted(counts.events, 'event')}, {per_s:.0f} events/s"

    def _remaining(self, counts: Counts, now_s: float) -> str:
        done = self._done(counts)
        new = done - self._done_before
        if self._expected is None or new <= 0 or done > self._expected:
            return ""
        return f", about {in_words((self._expected - done) * (now_s - self._begun_s) / new)} left"

    def _done(self, counts: Counts) -> float:
        return counts.rows if self._unit == "rows" else counts.read_units
