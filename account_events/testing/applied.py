"""Asserts that a consumer has applied each event once and in order. Pure."""

from collections.abc import Iterable

from account_events.consumer.events import Event


def assert_applied_once(applied: Iterable[Event], expected: Iterable[Event]) -> None:
    """Assert that each account's events were applied in sequence, exactly once, and unchanged.

    Args:
        applied: the events that the consumer has applied, in order.
        expected: the events that it should have applied; order and repetition do not matter.

    Raises:
        AssertionError: names the account and the first wrong sequence.
    """
    found, wanted_of = _by_account(applied), _by_account(expected)
    for account_id in sorted(found.keys() | wanted_of.keys()):
        found_events = found.get(account_id, [])
        wanted = {event.sequence: event for event in wanted_of.get(account_id, [])}
        if wrong := _wrong(found_events, wanted):
            raise AssertionError(f"{account_id}: {wrong}")


def _wrong(applied: list[Event], expected: dict[int, Event]) -> str:
    waiting = iter(sorted(expected))
    seen: set[int] = set()
    for event in applied:
        sequence = event.sequence
        if sequence in seen:
            return f"{sequence} was applied more than once"
        if sequence not in expected:
            return f"{sequence} was applied, but is not expected"
        if sequence != (following := next(waiting)):
            return f"{sequence} was applied before {following}"
        if event != expected[sequence]:
            return f"{sequence} differs from the published event"
        seen.add(sequence)
    missing = next(waiting, None)
    return "" if missing is None else f"{missing} was never applied"


def _by_account(events: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.account_id, []).append(event)
    return found
