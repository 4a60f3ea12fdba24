"""An inbox store in DynamoDB for a consumer with one item for each account: the position is in that item.

One conditional write changes the consumer's attributes and the position. It costs half of what a transaction costs for
each of its two items: a write unit instead of four, below 1 KB. The attributes of the position are those of
`account_events.consumer.dynamodb_positions`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from account_events.consumer.dynamodb_positions import (
    ATTRIBUTES,
    ERRORS,
    KEY,
    WAITING_ATTRIBUTES,
    Item,
    Positions,
    attributes,
    key,
    position_in,
    raise_kits,
)
from account_events.consumer.errors import Refused, StaleRevision, Unavailable
from account_events.consumer.position import GAPS_MAX, Gap, Position
from account_events.dynamodb_errors import Failure, Kind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RESERVED = frozenset({KEY, *ATTRIBUTES})
"""The attributes that an effect must not have."""
FORMER_PAGE = 40
"""The gaps of the former inbox that are read at a time. The largest items of so many accounts are below 16 MB, which is
the most that DynamoDB reads with one request."""
FORMER_PAGES_MAX = 25
"""The pages for one report. An earlier version leaves positions of accounts that have all their events."""


@dataclass(frozen=True, slots=True)
class ItemEffect:
    """What a run of events changes in the account's item. Attributes are in DynamoDB JSON, by name.

    Attributes:
        values: the attributes to set; none of RESERVED.
        requires: what the item must have before the write; none of RESERVED. None stands for an attribute that it must
            not have.
        replaces: whether all other attributes, except the position's, are removed.
    """

    values: Mapping[str, Any]
    requires: Mapping[str, Any] = field(default_factory=dict)
    replaces: bool = False


class _FormerPosition(Position):
    """A position that is still in the former inbox."""


class DynamoDBItemInbox:
    """An InboxStore whose effects change the account's own item, in the same write as the new position.

    The effect is what `handle` returns: an ItemEffect.

    A consumer that used a DynamoDBInbox passes the name of its table. Then an account whose item has no position has it
    read from there. Its first write is a transaction that also deletes it there, so that an earlier version of the
    consumer that still runs cannot apply the same events.

    Args:
        client: a boto3 or botocore client. It may retry: if a write was carried out although its response was lost, the
            inbox finds its events applied. If the consumer has threads, its `max_pool_connections` must be at least
            their number.
        table_name: the consumer's table, with the key AccountId and the index ByWaiting.
        former_table_name: the table of the DynamoDBInbox that this store replaces.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str, former_table_name: str | None = None) -> None:
        self._client, self._own = client, Positions(client, table_name)
        self._former = Positions(client, former_table_name) if former_table_name else None

    def position(self, account_id: str) -> Position:
        """Raises Unavailable, Refused: see InboxStore."""
        item = self._own.item(account_id)
        if self._former and not _has_position(item):
            return position_in(self._former.item(account_id), _FormerPosition)
        return position_in(item)

    def positions(self, account_ids: Sequence[str]) -> Mapping[str, Position]:
        """One request, and another one to the former inbox if it may have some of them.

        Raises Unavailable, Refused: see BatchedReads.
        """
        items = self._own.items(account_ids)
        found = {account_id: position_in(item) for account_id, item in items.items() if _has_position(item)}
        others = [account_id for account_id in items if account_id not in found]
        if not (self._former and others):
            return found | {account_id: Position() for account_id in others}
        former = self._former.items(others)
        return found | {account_id: position_in(item, _FormerPosition) for account_id, item in former.items()}

    def advance(self, account_id: str, before: Position, after: Position, effect: ItemEffect | None) -> None:
        """Raises StaleRevision, Unavailable, EffectRefused, Refused: see InboxStore."""
        if effect and (clashes := RESERVED & {*effect.values, *effect.requires}):
            raise Refused(
                f"The effect has attributes of the position: {', '.join(sorted(clashes))}. Give yours other names."
            )
        is_in_former = self._former is not None and (not before.revision or isinstance(before, _FormerPosition))
        revision = 0 if is_in_former else before.revision
        changes = effect or ItemEffect({})
        write: Any = _put if changes.replaces else _update
        request = write(account_id, after, changes, revision)
        request |= {"TableName": self._own.table_name, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        try:
            if self._former and is_in_former:
                deletion = _deletion(self._former.table_name, account_id, before.revision)
                writes: Any = [{"Put" if changes.replaces else "Update": request}, {"Delete": deletion}]
                self._client.transact_write_items(TransactItems=writes)
            elif changes.replaces:
                self._client.put_item(**request)
            else:
                self._client.update_item(**request)
        except ERRORS as error:
            raise_kits(error, lambda failure: _is_stale(failure, revision))

    def gaps(self, before_s: float) -> Sequence[Gap]:
        """Of the former inbox, the oldest FORMER_PAGE times FORMER_PAGES_MAX waiting accounts are examined.

        Raises Unavailable, Refused: see InboxStore.
        """
        gaps = self._own.gaps(before_s)
        if not self._former:
            return gaps
        reported = {gap.account_id for gap in gaps}
        pages = islice(self._former.pages(before_s, FORMER_PAGE), FORMER_PAGES_MAX)
        others = (gap for page in pages for gap in self._of_former(page) if gap.account_id not in reported)
        return sorted([*gaps, *islice(others, GAPS_MAX)], key=lambda gap: gap.since_s)[:GAPS_MAX]

    def _of_former(self, former: Sequence[Gap]) -> Iterator[Gap]:
        """Those gaps of the former inbox that the accounts still have.

        An earlier version that receives events of an account whose position has moved waits for event 1. Of these
        events, the account lacks those after its own position.
        """
        assert self._former is not None  # noqa: S101 -- by the caller
        items = _all_items(self._own, [gap.account_id for gap in former])
        own = {account_id: position_in(item) for account_id, item in items.items() if _has_position(item)}
        left = _all_items(self._former, list(own))
        for gap in former:
            account_id = gap.account_id
            if account_id not in own:
                yield gap
            elif (seen := position_in(left[account_id]).seen) > (last := own[account_id].last):
                yield Gap(account_id, last + 1, seen, gap.since_s)

    def delete_former(self, account_id: str, *, discards: bool = False) -> None:
        """Delete what an earlier version of the consumer has left in the former inbox after the position had moved.

        Args:
            account_id: the account.
            discards: delete it also if the account lacks events that the earlier version has seen.

        Raises:
            Unavailable: DynamoDB did not answer; call it again.
        """
        if not self._former:
            return
        left = position_in(self._former.item(account_id))
        if not left.revision:
            return
        own = position_in(self._own.item(account_id))
        if not own.revision or (left.seen > own.last and not discards):
            return
        try:
            self._client.delete_item(**_deletion(self._former.table_name, account_id, left.revision))
        except ERRORS as error:
            with suppress(StaleRevision):  # it has just changed: the next call reads it again
                raise_kits(error, lambda failure: failure.kind is Kind.CONDITION)


def _has_position(item: Item) -> bool:
    return "Revision" in item


def _is_stale(failure: Failure, revision: int) -> bool:
    """Whether the position was another one. If only the effect's condition failed, the item has the revision."""
    own, *others = failure.reasons or [failure]
    if any(reason.kind is Kind.CONDITION for reason in others):
        return True
    found = int((own.item or {}).get("Revision", {"N": "0"})["N"])
    return own.kind is Kind.CONDITION and found != revision


def _all_items(positions: Positions, account_ids: Sequence[str]) -> Mapping[str, Item]:
    """The items of all these accounts. Raises Unavailable, also if some were left unprocessed; Refused."""
    items = positions.items(account_ids) if account_ids else {}
    if len(items) < len(account_ids):
        raise Unavailable("DynamoDB did not read all items now (UnprocessedKeys): query the gaps again.")
    return items


class _Placeholders:
    """The names and values of an expression. Names may be reserved words or have any character."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: list[Any] = []

    def name(self, attribute: str) -> str:
        return self._names.setdefault(attribute, f"#n{len(self._names)}")

    def names(self, attributes: Iterable[str]) -> str:
        return ", ".join(map(self.name, attributes))

    def equal(self, attribute: str, value: Any) -> str:  # noqa: ANN401 -- DynamoDB JSON
        self._values.append(value)
        return f"{self.name(attribute)} = :v{len(self._values) - 1}"

    def condition(self, changes: ItemEffect, revision: int) -> str:
        needed = {"Revision": {"N": str(revision)} if revision else None, **changes.requires}
        return " AND ".join(
            f"attribute_not_exists({self.name(attribute)})" if value is None else self.equal(attribute, value)
            for attribute, value in needed.items()
        )

    def request(self) -> dict[str, Any]:
        request: dict[str, Any] = {
            "ExpressionAttributeNames": {placeholder: attribute for attribute, placeholder in self._names.items()}
        }
        if self._values:
            request["ExpressionAttributeValues"] = {f":v{number}": value for number, value in enumerate(self._values)}
        return request


def _put(account_id: str, after: Position, changes: ItemEffect, revision: int) -> dict[str, Any]:
    place = _Placeholders()
    condition = place.condition(changes, revision)
    item = {**key(account_id), **changes.values, **attributes(after)}
    return {"Item": item, "ConditionExpression": condition, **place.request()}


def _update(account_id: str, after: Position, changes: ItemEffect, revision: int) -> dict[str, Any]:
    place = _Placeholders()
    values = {**changes.values, **attributes(after)}
    expression = "SET " + ", ".join(place.equal(attribute, value) for attribute, value in values.items())
    if after.since_s is None:
        expression += f" REMOVE {place.names(WAITING_ATTRIBUTES)}"
    condition = place.condition(changes, revision)
    return {
        "Key": key(account_id),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        **place.request(),
    }


def _deletion(table_name: str, account_id: str, revision: int) -> dict[str, Any]:
    """Delete a position with this revision; with revision 0, make sure that there is none."""
    deletion: dict[str, Any] = {"TableName": table_name, "Key": key(account_id)}
    if not revision:
        return deletion | {"ConditionExpression": "attribute_not_exists(AccountId)"}
    values = {":revision": {"N": str(revision)}}
    return deletion | {"ConditionExpression": "Revision = :revision", "ExpressionAttributeValues": values}
