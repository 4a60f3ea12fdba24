"""Whether a consumer has applied each event once and in order. Pure."""

from collections.abc import Iterable

from account_events.consumer.events import Event


def assert_applied_once(applied: Iterable[Event], due: Iterable[Event]) -> None:
    """Each account's events have been applied in sequence, each exactly once, as they were published.

    Args:
        applied: what the consumer has applied, in order.
        due: what it had to apply; order and repetition do not matter.

    Raises:
        AssertionError: names the account and the first wrong sequence.
    """
    found, expected = _by_account(applied), _by_account(due)
    for account_id in sorted(found.keys() | expected.keys()):
        mine = found.get(account_id, [])
        wanted = {event.sequence: event for event in expected.get(account_id, [])}
        if wrong := _wrong(mine, wanted):
            raise AssertionError(f"{account_id}: {wrong}")


def _wrong(applied: list[Event], due: dict[int, Event]) -> str:
    waiting = iter(sorted(due))
    seen: set[int] = set()
    for event in applied:
        sequence = event.sequence
        if sequence in seen:
            return f"{sequence} was applied more than once"
        if sequence not in due:
            return f"{sequence} was applied, and was not due"
        if sequence != (following := next(waiting)):
            return f"{sequence} was applied before {following}"
        if event != due[sequence]:
            return f"{sequence} is not as it was published"
        seen.add(sequence)
    missing = next(waiting, None)
    return "" if missing is None else f"{missing} was never applied"


def _by_account(events: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.account_id, []).append(event)
    return found
