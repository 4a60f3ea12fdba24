"""Check that a replay of the accounts' table can prove something: each poison stops an event, and one is expected."""

from collections.abc import Collection, Mapping

from account_events.testing.errors import BadReplay
from account_events.testing.records import number_of
from account_events.testing.table_stream import TableStream
from tests.support.expected import Account, is_poisonous
from tests.support.rows import account_of


def check_poison(stream: TableStream, expected: Mapping[str, Account], known: Collection[str]) -> None:
    """Every ordered poison is one, and there is no other but of the accounts where one is known to be.

    Raises:
        BadReplay: a poison is missing or unexpected.
    """
    if isinstance(known, str):
        raise BadReplay(f"poisonous: pass accounts, [{known!r}], and not one string")
    stopped = set()
    for position, record in enumerate(stream.records):
        account_id = account_of(record)
        if number_of(record) in stream.damaged:
            if not is_poisonous(record):
                raise BadReplay(f"record {position} of {account_id} stops nothing: this damage is not a poison for it")
        elif _may_be_poisonous(account_id, expected) and is_poisonous(record):
            stopped.add(account_id)
            if account_id not in known:
                raise BadReplay(
                    f"record {position} of {account_id} is a poison that nobody ordered: no event can be made of its "
                    f"row. If that is so on the table, pass poisonous=[{account_id!r}]"
                )
    if astray := sorted(set(known) - stopped):
        raise BadReplay(f"poisonous: there is no poison of {astray[0]!r} in the stream but what was ordered")


def check_something_is_expected(stream: TableStream, expected: Mapping[str, Account], known: Collection[str]) -> None:
    """Without an event to publish or a known poison, a handler that does nothing would pass.

    Raises:
        BadReplay: nothing is expected.
    """
    if not (stream.damaged or known or any(account.due() for account in expected.values())):
        raise BadReplay(
            f"no event is expected: none of {len(stream.records)} records is of a row that is to be published"
        )


def check_keys(stream: TableStream) -> None:
    """Every record that nobody damaged is of the accounts' table.

    Raises:
        BadReplay: one is not.
    """
    for position, record in enumerate(stream.records):
        match record["dynamodb"].get("Keys"):
            case {"AccountId": {"S": str()}, "Version": {"N": str()}, **others} if not others:
                continue
        if number_of(record) not in stream.damaged and not is_poisonous(record):
            raise BadReplay(f"record {position} is not of the accounts' table: its Keys are not AccountId S, Version N")


def _may_be_poisonous(account_id: str, expected: Mapping[str, Account]) -> bool:
    """Saves a second look at every record. A record without an account is nobody's."""
    account = expected.get(account_id)
    return account is None or account.stops_at is not None
