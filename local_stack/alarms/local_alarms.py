"""The states of template.yaml's alarms, computed from what the local stack emits.

The alarms exist only on AWS. Here each is evaluated once, over the data since a time instead of its periods: its
statistic, over the data that the functions' logs (embedded metric format) and the emulator's CloudWatch have.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from local_stack.address import Address


@dataclass(frozen=True, slots=True)
class AlarmState:
    """The state of an alarm.

    Attributes:
        name: its logical id in template.yaml, for example `ProjectorParks`.
        is_alarm: whether it would be in ALARM; None if that is not known, for example because there are no data.
        reason: the value and what it is compared with.
        runbook: the anchor of its entry in docs/runbook.md.
        since: when the state changed the last time, UTC; None if it has not changed since the first evaluation.
    """

    name: str
    is_alarm: bool | None
    reason: str
    runbook: str
    since: datetime | None


class LocalAlarms:
    """Evaluates the alarms of a local stack. Use it in one thread.

    Args:
        address: the running local stack.
        now: returns the current time, UTC.
    """

    def __init__(self, address: Address, now: Callable[[], datetime]) -> None:
        self._address, self._now = address, now

    def evaluate(self, since_s: float) -> tuple[AlarmState, ...]:
        """The states of all alarms, in the order of template.yaml, given the data since this time.

        It reads only new lines of the logs, and is cheap enough to run every five seconds. `time.time() - WINDOW_S` is a
        good time.

        Args:
            since_s: seconds since 1970.

        Raises:
            BotoCoreError, ClientError: the stack does not answer.
        """
        raise NotImplementedError(since_s)
