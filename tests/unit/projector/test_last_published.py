"""What an execution environment remembers of the events that it has published."""

from projector.last_published import LastPublished, Span
from projector.outgoing import Outgoing


def event(account_id: str, sequence: int) -> Outgoing:
    return Outgoing(account_id, sequence, 0, b"", 0)


def test_the_first_and_last_published_event_are_remembered() -> None:
    known = LastPublished()
    assert (known.last("a"), known.span("a")) == (None, None)
    known.update([event("a", 3), event("a", 4), event("b", 1), event("a", 2)])
    assert (known.last("a"), known.span("a"), known.span("b")) == (4, Span(3, 4), Span(1, 1))
    known.forget("a")
    known.forget("c")
    assert (known.last("a"), known.span("a")) == (None, None)


def test_the_number_of_remembered_accounts_is_limited() -> None:
    known = LastPublished(accounts_max=10)
    for number in range(100):
        known.update([event(f"a{number}", 1)])
        assert sum(known.last(f"a{n}") is not None for n in range(100)) <= 11
    assert known.span("a99") == Span(1, 1)
    assert known.span("a0") is None
