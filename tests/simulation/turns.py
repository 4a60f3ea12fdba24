"""Threads that take turns: only one runs at a time, and a seed determines the next."""

import threading
from collections.abc import Callable, Sequence
from random import Random

from account_core.domain.events import EventRow, Row, StoredRow
from account_core.service.ports import ROWS_MAX, AccountStore
from account_core.service.usage import Usage


class Turns:
    """Runs functions in separate threads, which may switch at each call of `change`.

    Only one thread runs at a time, so the same seed always produces the same order.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._gates: dict[str, threading.Semaphore] = {}
        self._errors: list[BaseException] = []

    def run(self, functions: Sequence[Callable[[], None]]) -> None:
        """Run all functions to the end, and raise the first error."""
        threads = [
            threading.Thread(target=self._run_one, args=(function,), name=str(number), daemon=True)
            for number, function in enumerate(functions)
        ]
        self._gates = {thread.name: threading.Semaphore(0) for thread in threads}
        for thread in threads:
            thread.start()
        self._next_gate().release()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def change(self) -> None:
        """Pass the turn to a random thread, possibly the caller, and return when it is the caller's turn again.

        Outside of `run`, it does nothing.
        """
        mine = self._gates.get(threading.current_thread().name)
        if mine is not None and (other := self._next_gate()) is not mine:
            other.release()
            mine.acquire()

    def _next_gate(self) -> threading.Semaphore:
        return self._random.choice(list(self._gates.values()))

    def _run_one(self, function: Callable[[], None]) -> None:
        name = threading.current_thread().name
        self._gates[name].acquire()
        try:
            function()
        except BaseException as error:  # noqa: BLE001 -- raised again by `run`
            self._errors.append(error)
        del self._gates[name]
        if self._gates:
            self._next_gate().release()


class TurnTakingStore:
    """A store that lets threads switch before and after each request."""

    def __init__(self, store: AccountStore, turns: Turns) -> None:
        self._store = store
        self._turns = turns

    def newest(
        self, account_id: str, used: Usage, limit: int = ROWS_MAX, up_to: int | None = None
    ) -> Sequence[StoredRow]:
        self._turns.change()
        rows = self._store.newest(account_id, used, limit, up_to)
        self._turns.change()
        return rows

    def find(self, account_id: str, command_id: str, used: Usage) -> EventRow | None:
        self._turns.change()
        row = self._store.find(account_id, command_id, used)
        self._turns.change()
        return row

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        self._turns.change()
        try:
            self._store.append(rows, used)
        finally:
            self._turns.change()
