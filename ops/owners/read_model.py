"""Rebuilds the read model of accounts by owner from the ledger, and compares it with the ledger, both by a replay."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

from account_events.consumer import AccountCreated, Decoder, Event, Inbox
from account_events.consumer.dynamodb_item_inbox import DynamoDBItemInbox, ItemEffect
from account_events.consumer.errors import Refused, StaleRevision, Unavailable
from account_events.consumer.inbox import STALE_REVISIONS_MAX
from account_events.consumer.position import Arrival, moved
from consumers.owners.rows import attributes, changes, row, row_in
from consumers.owners.settings import RUN_MAX
from ops.replay.errors import Interrupted
from projector.dynamodb_ledger import DynamoDBLedger
from projector.errors import Unavailable as LedgerUnavailable
from projector.outgoing import Outgoing, Poison

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Row = Mapping[str, Any]


class RebuildingSink:
    """A replay's sink that replaces each account's row in the read model and its position in the inbox.

    The read model's function may run meanwhile. The first page of an account's events replaces its row and its
    position, in one write. The position never moves back, because events that the function has applied are not
    delivered to it again. Further pages go through the inbox, as the function's records do.

    Args:
        client: the client of DynamoDB.
        table_name: the read model's table.
        inbox_table_name: the inbox of release 0.2.0. Positions move from there into the read model's table.
        ledger: the accounts table.
        decoder: decodes the ledger's events.
        now: returns the seconds since 1970.
        resets: whether to discard buffered events and the highest sequence seen, and let the position move back to that
            of the ledger. The read model may lose events that the function applies meanwhile: disable the function's
            event source mapping first.

    Attributes:
        failed: accounts that could not be rebuilt, each with the reason.
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
        self._ledger, self._decoder, self._now = ledger, decoder, now
        self._store = DynamoDBItemInbox(client, table_name, inbox_table_name)
        self._inbox = Inbox(self._store, changes, run_max=RUN_MAX, decoder=decoder)

    def write(self, events: Sequence[Outgoing]) -> int:
        for account_id, theirs in groupby(events, attrgetter("account_id")):
            if account_id in self.failed:
                continue
            arrivals = [Arrival(self._decoder.decode(each.data), each.data, 0) for each in theirs]
            first = arrivals[0].event
            if isinstance(first, AccountCreated):
                if not self._put(first, arrivals[-1].event):
                    continue
                arrivals = arrivals[-1:]  # received again, so that buffered events after it are applied
            error = self._inbox.receive(account_id, arrivals, self._now()).error
            if isinstance(error, Unavailable):
                raise Interrupted(f"{account_id} could not be rebuilt ({error}). Run the command again.") from error
            if error:
                self.failed[account_id] = f"{type(error).__name__}: {error}"
            else:
                self._delete_former(account_id)
        return 0

    def flush(self) -> None:
        """Does nothing: `write` is durable."""

    def _put(self, created: AccountCreated, last: Event) -> bool:
        """Replaces the row with that after `last`, or after the inbox's last event if later. False on failure."""
        account_id = created.account_id
        for _ in range(STALE_REVISIONS_MAX):
            try:
                before = self._store.position(account_id)
                newest = self._later(account_id, before.last) if before.last > last.sequence else last
                if newest is None and not self._resets:
                    self.failed[account_id] = (
                        f"the read model is at event {before.last}, which the ledger does not have. Nothing was "
                        "changed. Repair the ledger, or use --reset to rebuild the account from the ledger as it is"
                    )
                    return False
                newest = newest or last
                after = moved(before, newest.sequence, {}, newest.sequence, self._now())
                if self._resets:
                    after = replace(after, buffered={}, seen=newest.sequence, since_s=None)
                effect = ItemEffect(attributes(created, newest), replaces=True)
                self._store.advance(account_id, before, after, effect)
            except StaleRevision:
                continue
            except (Unavailable, LedgerUnavailable) as error:
                raise Interrupted(f"{account_id} could not be rebuilt ({error}). Run the command again.") from error
            except Refused as error:
                self.failed[account_id] = str(error)
                return False
            return True
        raise Interrupted(f"{account_id} is too busy to be rebuilt now. Run the command again.")

    def _delete_former(self, account_id: str) -> None:
        try:
            self._store.delete_former(account_id, discards=self._resets)
        except Unavailable as error:
            raise Interrupted(f"{account_id} could not be rebuilt ({error}). Run the command again.") from error

    def _later(self, account_id: str, sequence: int) -> Event | None:
        """The ledger's event with this sequence; None if it is missing or cannot be read."""
        [arrival] = self._ledger.events(account_id, sequence, sequence, 0)
        return None if isinstance(arrival, Poison) else self._decoder.decode(arrival.data)


class Outputs(Protocol):
    """A stack's outputs by name."""

    def __getitem__(self, name: str, /) -> str: ...


def inbox_of(client: "DynamoDBClient", outputs: Outputs) -> DynamoDBItemInbox:
    """The read model's inbox on a stack with these outputs."""
    return DynamoDBItemInbox(client, outputs["OwnedTableName"], outputs["OwnedInboxTableName"])


class FoldingSink:
    """A replay's sink that computes the expected row of each account. Its memory grows with the number of accounts.

    Attributes:
        rows: the expected rows, by account id.
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
        """Does nothing: the rows stay in memory."""


def rows_of(client: "DynamoDBClient", table_name: str) -> Iterator[Row]:
    """Every row of the read model, strongly consistent."""
    for page in client.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True):
        yield from filter(None, map(row_in, page["Items"]))


@dataclass(frozen=True, slots=True)
class Standing:
    """An account in the read model, after its last event there."""

    sequence: int
    balance: Decimal
    currency: str


def standings(client: "DynamoDBClient", table_name: str, account_ids: Iterable[str]) -> dict[str, Standing]:
    """Some accounts of the read model, read strongly consistently. Accounts that it lacks are left out."""
    found = {}
    for account_id in account_ids:
        response = client.get_item(TableName=table_name, Key={"AccountId": {"S": account_id}}, ConsistentRead=True)
        item = response.get("Item", {})
        if "Sequence" in item:  # an account that waits for its first event has only a position
            found[account_id] = Standing(
                int(item["Sequence"]["N"]), Decimal(item["Balance"]["N"]), item["Currency"]["S"]
            )
    return found


def row_differences(expected: Mapping[str, Row], found: Mapping[str, Row]) -> dict[str, str]:
    """How each wrong row differs from the expected one, by account id."""
    wrong = {}
    for account_id in sorted(expected.keys() | found.keys()):
        if account_id not in found:
            wrong[account_id] = f"it is missing; the ledger is at event {_sequence(expected[account_id])}"
        elif account_id not in expected:
            wrong[account_id] = "the ledger has no such account: delete its row by hand"
        elif names := _differing(expected[account_id], found[account_id]):
            wrong[account_id] = _difference(expected[account_id], found[account_id], names)
    return wrong


def _differing(expected: Row, found: Row) -> list[str]:
    return sorted(
        name for name in expected.keys() | found.keys() if _value(expected.get(name)) != _value(found.get(name))
    )


def _value(attribute: Any) -> Any:  # noqa: ANN401 -- DynamoDB JSON
    """The attribute's value. Numbers are compared as numbers, because DynamoDB drops trailing zeros."""
    return Decimal(attribute["N"]) if attribute and "N" in attribute else attribute


def _difference(expected: Row, found: Row, names: list[str]) -> str:
    if "Sequence" in names:
        return f"it is at event {_sequence(found)}, the ledger at {_sequence(expected)}"
    return f"at event {_sequence(expected)} it differs from the ledger in {', '.join(names)}"


def _sequence(row: Row) -> str:
    return str(row.get("Sequence", {}).get("N", "?"))
