"""Whether a replay can prove anything: what it was ordered to do takes place, and what nobody ordered is not in it."""

from collections.abc import Collection, Iterable, Mapping

from account_events.testing.errors import BadReplay
from account_events.testing.records import number_of
from account_events.testing.table_stream import TableStream, account_of
from tests.support.expected import Account, is_poisonous


def check_poison(stream: TableStream, expected: Mapping[str, Account], known: Collection[str]) -> None:
    """Every ordered poison is one, and there is no other but of the accounts where one is known to be.

    Raises:
        BadReplay: it is not so.
    """
    if isinstance(known, str):
        raise BadReplay(f"poisonous: accounts are due, [{known!r}], and not one string")
    stopped = set()
    for position, record in enumerate(stream.records):
        account_id = account_of(record)
        if number_of(record) in stream.spoilt:
            if not is_poisonous(record):
                raise BadReplay(f"record {position} of {account_id} stops nothing: this damage is no poison for it")
        elif _may_be_poisonous(account_id, expected) and is_poisonous(record):
            stopped.add(account_id)
            if account_id not in known:
                raise BadReplay(
                    f"record {position} of {account_id} is a poison that nobody ordered: no event can be made of its "
                    f"row. If that is so on the table, say it: Settings(poisonous=[{account_id!r}])"
                )
    if astray := sorted(set(known) - stopped):
        raise BadReplay(f"poisonous: there is no poison of {astray[0]!r} in the stream but what was ordered")


def check_something_is_due(stream: TableStream, expected: Mapping[str, Account], known: Collection[str]) -> None:
    """A handler that does nothing would pass, were there no event to publish, and no poison that the test names.

    Raises:
        BadReplay: it is so.
    """
    if not (stream.spoilt or known or any(account.due() for account in expected.values())):
        raise BadReplay(
            f"no event is due: none of {len(stream.records)} records tells of a row that is to be published"
        )


def check_delivered(stream: TableStream, delivered: Iterable[str]) -> None:
    """The mapping's filters have left no ordered poison out.

    Raises:
        BadReplay: they have.
    """
    if left_out := sorted(stream.spoilt.difference(delivered)):
        raise BadReplay(
            f"the poison with sequence number {left_out[0]} never came to the handler: a filter leaves it out"
        )


def _may_be_poisonous(account_id: str, expected: Mapping[str, Account]) -> bool:
    """Saves a second look at every record: what tells no account is in nobody's."""
    account = expected.get(account_id)
    return account is None or account.stops_at is not None
