"""An engine whose queries end after a time. DuckDB has no such limit of its own."""

from collections.abc import Callable, Sequence
from typing import Protocol

from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import Answer, QueryFailed

AGAIN_S = 0.5
"""Seconds after which an interrupt is repeated: DuckDB notices it only while a statement runs."""


class Timer(Protocol):
    """A timer, as `threading.Timer`: a thread that makes a call after a time, unless it is cancelled."""

    def start(self) -> None: ...

    def cancel(self) -> None: ...


class TimeLimited:
    """An `Engine` that interrupts its queries.

    Args:
        engine: runs the queries.
        limit_s: the longest time that a query may take, in seconds.
        timer: makes a timer from a time in seconds and a call.
    """

    def __init__(
        self, engine: DuckDBEngine, limit_s: float, timer: Callable[[float, Callable[[], None]], Timer]
    ) -> None:
        self._engine, self._limit_s, self._timer = engine, limit_s, timer
        self._is_running = self._is_interrupted = False

    def query(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        """See `Engine`. A query that takes too long raises QueryFailed."""
        self._is_running, self._is_interrupted = True, False
        timer = self._timer(self._limit_s, self._interrupt)
        timer.start()
        try:
            return self._engine.query(sql, parameters)
        except QueryFailed:
            if not self._is_interrupted:
                raise
            raise QueryFailed(
                f"The query took longer than {self._limit_s:.0f} s. Run `account-events lake totals`: it uses Athena."
            ) from None
        finally:
            self._is_running = False
            timer.cancel()

    def _interrupt(self) -> None:
        if self._is_running:
            self._is_interrupted = True
            self._engine.connection.interrupt()
            self._timer(AGAIN_S, self._interrupt).start()
