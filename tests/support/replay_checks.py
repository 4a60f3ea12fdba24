"""Checks that a replay of the accounts' table can prove something: its poison is real, and an event is expected."""

from collections.abc import Collection, Mapping

from account_events.testing.errors import BadReplay
from account_events.testing.records import number_of
from account_events.testing.table_stream import TableStream
from tests.support.expected import Account, is_poisonous
from tests.support.rows import account_of


def check_poison(stream: TableStream, expected: Mapping[str, Account], known: Collection[str]) -> None:
    """Check that every requested poison is one, and that only known accounts have another.

    Raises:
        BadReplay: a poison is missing or unexpected.
    """
    if isinstance(known, str):
        raise BadReplay(f"poisonous: pass a collection of accounts, [{known!r}], instead of a string")
    stopped = set()
    for position, record in enumerate(stream.records):
        account_id = account_of(record)
        if number_of(record) in stream.damaged:
            if not is_poisonous(record):
                raise BadReplay(f"record {position} of {account_id} is no poison: it can still become an event")
        elif _may_be_poisonous(account_id, expected) and is_poisonous(record):
            stopped.add(account_id)
            if account_id not in known:
                raise BadReplay(
                    f"record {position} of {account_id} is an unexpected poison: its row cannot become an event. If "
                    f"the table has such a row, pass poisonous=[{account_id!r}]"
                )
    if unpoisoned := sorted(set(known) - stopped):
        raise BadReplay(f"poisonous: {unpoisoned[0]!r} has no poison in the stream except the requested ones")


def check_something_is_expected(stream: TableStream, expected: Mapping[str, Account], known: Collection[str]) -> None:
    """Check that an event or a poison is expected, because otherwise a handler that does nothing would pass.

    Raises:
        BadReplay: nothing is expected.
    """
    if not (stream.damaged or known or any(account.publishable() for account in expected.values())):
        raise BadReplay(
            f"no event is expected: none of {len(stream.records)} records is of a row that must be published"
        )


def check_keys(stream: TableStream) -> None:
    """Check that every record that the test did not damage is of the accounts' table.

    Raises:
        BadReplay: a record is not.
    """
    for position, record in enumerate(stream.records):
        match record["dynamodb"].get("Keys"):
            case {"AccountId": {"S": str()}, "Version": {"N": str()}, **others} if not others:
                continue
        if number_of(record) not in stream.damaged and not is_poisonous(record):
            raise BadReplay(f"record {position} is not of the accounts' table: its Keys are not AccountId S, Version N")


def _may_be_poisonous(account_id: str, expected: Mapping[str, Account]) -> bool:
    """Whether the account may have a poison. It spares most records the decoding in `is_poisonous`."""
    account = expected.get(account_id)
    return account is None or account.stops_at is not None
