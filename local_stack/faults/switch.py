"""The switch: begins and ends faults of the running local stack, and knows which are on."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Self

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local_stack.errors import CommandError
from local_stack.faults.catalogue import ACCOUNT, FAULTS, Fault, fault
from local_stack.faults.effects import Effects, effects_of
from local_stack.faults.errors import FaultRefused
from local_stack.faults.settings import checked
from local_stack.local_deployment import LocalDeployment

PATIENCE_S, CLOSING_PATIENCE_S = 150.0, 2.0
"""How long a change waits for another, which may take two minutes; less when the local stack stops."""
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FaultState:
    """A fault and whether it is on.

    Attributes:
        name: its stable name, for example `throttled-shard`.
        title: its name in a heading.
        what: what it does, a sentence.
        watch: what to watch, a sentence.
        repair: the commands that repair what it broke, after it has ended; empty if nothing is left to repair.
        runbook: the anchor of the entry in docs/runbook.md.
        is_momentary: it happens once: it cannot be ended, only repaired. `is_on` is then always False.
        began_at: when it began the last time, UTC; None if it never did.
        settings: the settings with which it began the last time, with those that it chose itself.
    """

    name: str
    title: str
    what: str
    watch: str
    repair: str
    runbook: str
    is_momentary: bool
    is_on: bool
    began_at: datetime | None
    settings: Mapping[str, str]

    @classmethod
    def initial(cls, of: Fault) -> "FaultState":
        """The state of a fault that has never begun."""
        texts = (of.name, of.title, of.what, of.watch, of.repair, of.runbook)
        return cls(*texts, of.is_momentary, is_on=False, began_at=None, settings=NO_SETTINGS)


class FaultSwitch:
    """Begins and ends faults; use it as a context manager. Leaving ends every fault. Several threads may use it.

    Args:
        deployment: the running local stack.
        now: returns the current time, UTC.
        effects: makes the effects of the faults; tests replace it.
    """

    def __init__(
        self,
        deployment: LocalDeployment,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        effects: Callable[[LocalDeployment], Effects] = effects_of,
    ) -> None:
        self._now = now
        self._effects = effects(deployment)
        self._states = {name: FaultState.initial(each) for name, each in FAULTS.items()}
        self._changing = threading.Lock()
        """One change at a time. Reading `_states` needs no lock: each change replaces one value."""
        self._patience_s = PATIENCE_S

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._patience_s = CLOSING_PATIENCE_S
        self.end_all()
        self._effects.close()

    def states(self) -> tuple[FaultState, ...]:
        """All faults in their order. It never waits for a change that is in progress."""
        return tuple(self._states[name] for name in FAULTS)

    def begin(self, name: str, settings: Mapping[str, str] = NO_SETTINGS) -> FaultState:
        """Let a fault begin, and return when it has.

        Raises:
            UnknownFault: there is no fault of this name.
            FaultRefused: it is on already, a setting is not valid, or the stack does not allow it now.
        """
        asked = checked(fault(name), settings)
        with self._change(), _explained():
            if self._states[name].is_on:
                raise FaultRefused(f"{name} is on already.", f"End it first: account-events faults end {name}")
            self._check_conflicts(name)
            chosen = {**asked, **self._effects.by_name[name].begin(asked)}
            self._states[name] = replace(
                self._states[name],
                is_on=not FAULTS[name].is_momentary,
                began_at=self._now(),
                settings=MappingProxyType(chosen),
                repair=FAULTS[name].repair.replace("ACCOUNT", chosen.get(ACCOUNT, "ACCOUNT")),
            )
            return self._states[name]

    def end(self, name: str) -> FaultState:
        """End a fault, and return when it has ended.

        Raises:
            UnknownFault: there is no fault of this name.
            FaultRefused: it is off, it cannot be ended, or the stack does not answer.
        """
        of = fault(name)
        if of.is_momentary:
            raise FaultRefused(
                f"{name} happens once, so it cannot be ended.",
                f"Repair what it broke: {of.repair}" if of.repair else "Nothing is left to repair.",
            )
        with self._change(), _explained():
            if not self._states[name].is_on:
                raise FaultRefused(f"{name} is off.", "Nothing has to be ended.")
            self._effects.by_name[name].end()
            self._states[name] = replace(self._states[name], is_on=False)
            return self._states[name]

    def end_all(self) -> None:
        """End every fault that is on. Errors are ignored, because the stack may be stopping."""
        for state in self.states():
            if state.is_on:
                with suppress(FaultRefused):
                    self.end(state.name)

    @contextmanager
    def _change(self) -> Iterator[None]:
        if not self._changing.acquire(timeout=self._patience_s):
            raise FaultRefused("Another fault is still beginning or ending.", "Try again in a minute.")
        try:
            yield
        finally:
            self._changing.release()

    def _check_conflicts(self, name: str) -> None:
        """Refuse a fault that could not show its effect because of another."""
        for other in FAULTS[name].conflicts:
            if self._states[other].is_on:
                raise FaultRefused(
                    f"{name} has no effect while {other} is on.", f"End it first: account-events faults end {other}"
                )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the errors of a stack that has stopped into a refusal."""
    try:
        yield
    except FaultRefused:
        raise
    except (BotoCoreError, ClientError, httpx.HTTPError, CommandError, OSError) as error:
        raise FaultRefused(
            f"The local stack does not answer: {type(error).__name__}: {str(error)[:200]}".rstrip(".") + ".",
            "If it has stopped, start it again with make up.",
        ) from error
