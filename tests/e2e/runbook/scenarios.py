"""The table of scenarios: for each entry of the runbook, how its condition is caused and repaired.

A scenario is a function of an `Operator`, registered with `scenario`. `injected` states why the condition, or the time
that it has to last, cannot be had on the local stack; the scenario then puts metric data or log lines that AWS would
emit. Without it, the condition is caused, and what the stack emits or a fake reports raises the alarm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.runbook.on_call import Operator

Act = Callable[["Operator"], None]


@dataclass(frozen=True)
class Scenario:
    """How an entry is exercised.

    Attributes:
        uses: the procedures that are exercised as well, by heading.
    """

    entry: str
    act: Act
    module: str
    injected: str
    uses: tuple[str, ...]


SCENARIOS: dict[str, Scenario] = {}


def scenario(entry: str, *uses: str, injected: str = "") -> Callable[[Act], Act]:
    """Register a scenario for this entry."""

    def registered(act: Act) -> Act:
        assert entry not in SCENARIOS, entry
        SCENARIOS[entry] = Scenario(entry, act, act.__module__, injected, uses)
        return act

    return registered


def of_modules(*modules: ModuleType) -> list[Scenario]:
    """The scenarios of these modules, in the order in which they are written."""
    names = {module.__name__ for module in modules}
    return [each for each in SCENARIOS.values() if each.module in names]
