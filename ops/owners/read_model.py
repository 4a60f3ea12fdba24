"""The accounts by owner, made again from the ledger and compared with it. Both read the ledger by a replay."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from account_events.consumer import AccountCreated, Decoder, Event, Inbox
from account_events.consumer.dynamodb_inbox import DynamoDBInbox
from account_events.consumer.errors import Refused, StaleRevision, Unavailable
from account_events.consumer.inbox import STALE_REVISIONS_MAX
from account_events.consumer.position import Arrival, moved
from consumers.owners.rows import row, writes_to
from consumers.owners.settings import RUN_MAX
from ops.replay.errors import Interrupted
from projector.dynamodb_ledger import DynamoDBLedger
from projector.errors import Unavailable as LedgerUnavailable
from projector.outgoing import Outgoing, Poison

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Row = Mapping[str, Any]


class RebuildingSink:
    """A replay's sink that puts each account's row and position in the place of those that are there.

    It may run beside the function. From its first page of events an account's row is written anew, in one transaction
    with its position and never at an earlier event than that was at: what the function has applied would not come
    again. Further pages go through the inbox, as the function's records do.

    Args:
        client: DynamoDB's.
        table_name: the read model's.
        inbox_table_name: its inbox's.
        ledger: the accounts' table.
        decoder: reads the ledger's events.
        now: seconds since 1970.
        resets: forget what is held and what was seen, and go back where the ledger does. What the function applies in
            the meantime may be lost from the model: disable its trigger before.

    Attributes:
        failed: what could not be rebuilt, by account, and why.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        inbox_table_name: str,
        *,
        ledger: DynamoDBLedger,
        decoder: Decoder,
        now: Callable[[], float],
        resets: bool = False,
    ) -> None:
        self.failed: dict[str, str] = {}
        self._resets = resets
        self._table_name, self._ledger, self._decoder, self._now = table_name, ledger, decoder, now
        self._store = DynamoDBInbox(client, inbox_table_name)
        self._inbox = Inbox(self._store, writes_to(table_name), run_max=RUN_MAX, decoder=decoder)

    def write(self, events: Sequence[Outgoing]) -> int:
        for account_id, theirs in groupby(events, attrgetter("account_id")):
            if account_id in self.failed:
                continue
            arrivals = [Arrival(self._decoder.decode(each.data), each.data, 0) for each in theirs]
            first = arrivals[0].event
            if isinstance(first, AccountCreated):
                if not self._put(first, arrivals[-1].event):
                    continue
                arrivals = arrivals[-1:]  # once more, for what is held behind it
            error = self._inbox.receive(account_id, arrivals, self._now()).error
            if isinstance(error, Unavailable):
                raise Interrupted(f"{account_id} could not be rebuilt ({error}). Run it again.") from error
            if error:
                self.failed[account_id] = f"{type(error).__name__}: {error}"
        return 0

    def flush(self) -> None:
        """What is written is written."""

    def _put(self, created: AccountCreated, last: Event) -> bool:
        """The row after `last`, or after what the inbox has come to meanwhile: that would not come again."""
        account_id = created.account_id
        for _ in range(STALE_REVISIONS_MAX):
            try:
                before = self._store.position(account_id)
                newest = self._later(account_id, before.last) if before.last > last.sequence else last
                if newest is None and not self._resets:
                    self.failed[account_id] = (
                        f"the read model is at event {before.last}, which the ledger has not; nothing was changed. See "
                        "to the ledger; with --reset the account is made as the ledger has it"
                    )
                    return False
                newest = newest or last
                after = moved(before, newest.sequence, {}, newest.sequence, self._now())
                if self._resets:
                    after = replace(after, buffered={}, seen=newest.sequence, since_s=None)
                put = [{"Put": {"TableName": self._table_name, "Item": row(created, newest)}}]
                self._store.advance(account_id, before, after, put)
            except StaleRevision:
                continue
            except (Unavailable, LedgerUnavailable) as error:
                raise Interrupted(f"{account_id} could not be rebuilt ({error}). Run it again.") from error
            except Refused as error:
                self.failed[account_id] = str(error)
                return False
            return True
        raise Interrupted(f"{account_id} is too busy to be rebuilt now. Run it again.")

    def _later(self, account_id: str, sequence: int) -> Event | None:
        """The ledger's event; None if it has none that can be read."""
        [arrival] = self._ledger.events(account_id, sequence, sequence, 0)
        return None if isinstance(arrival, Poison) else self._decoder.decode(arrival.data)


class FoldingSink:
    """A replay's sink that keeps what each account's row has to be. Its memory grows with the accounts.

    Attributes:
        rows: by account id.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._created: dict[str, AccountCreated] = {}
        self.rows: dict[str, Row] = {}

    def write(self, events: Sequence[Outgoing]) -> int:
        for account_id, theirs in groupby(events, attrgetter("account_id")):
            first, *others = theirs
            event = self._decoder.decode(first.data)
            if isinstance(event, AccountCreated):
                self._created[account_id] = event
            last = self._decoder.decode(others[-1].data) if others else event
            self.rows[account_id] = row(self._created[account_id], last)
        return 0

    def flush(self) -> None:
        """Nothing leaves this process."""


def rows_of(client: "DynamoDBClient", table_name: str) -> Iterator[Row]:
    """Every row of the read model, strongly consistent."""
    for page in client.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True):
        yield from page["Items"]


def differences(due: Mapping[str, Row], found: Mapping[str, Row]) -> dict[str, str]:
    """What is wrong with each account's row, by account id; nothing where it is as it should be."""
    wrong = {}
    for account_id in sorted(due.keys() | found.keys()):
        if account_id not in found:
            wrong[account_id] = f"it is missing; the ledger has it at event {_sequence(due[account_id])}"
        elif account_id not in due:
            wrong[account_id] = "the ledger has no such account: delete its row by hand"
        elif odd := _odd(due[account_id], found[account_id]):
            wrong[account_id] = _difference(due[account_id], found[account_id], odd)
    return wrong


def _odd(due: Row, found: Row) -> list[str]:
    return sorted(name for name in due.keys() | found.keys() if _value(due.get(name)) != _value(found.get(name)))


def _value(attribute: Any) -> Any:  # noqa: ANN401 -- DynamoDB JSON
    """Numbers as such: DynamoDB keeps no zeros at their end."""
    return Decimal(attribute["N"]) if attribute and "N" in attribute else attribute


def _difference(due: Row, found: Row, odd: list[str]) -> str:
    if "Sequence" in odd:
        return f"it is at event {_sequence(found)}, the ledger at {_sequence(due)}"
    return f"at event {_sequence(due)} it differs from the ledger in {', '.join(odd)}"


def _sequence(row: Row) -> str:
    return str(row.get("Sequence", {}).get("N", "?"))
