"""The accounts' table: conditional writes, transactions, the index and the stream, behind a DynamoDB client."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from account_core.domain.events import EventRow, Row
from account_core.rows.items import Item, from_item
from account_core.rows.layout import COMMAND_ID, VERSION_IS_FREE
from account_events.avro.codec import encode
from projector.translate import translate
from tests.simulation.projector.fault_plan import FaultPlan
from tests.simulation.projector.fixtures import Event, Written
from tests.simulation.projector.oracle import Oracle, PromiseBroken
from tests.simulation.projector.table_stream import TableStream

Put = Mapping[str, Any]
"""The parameters of a PutItem, or those of a Put in a transaction."""


class AccountsTable(TableStream):
    """The table.

    Attributes:
        events: the event of every row, by the bytes in which it must be published.
        full: the accounts whose item collection has reached its limit, for ever.
    """

    def __init__(self, fault_plan: FaultPlan, oracle: Oracle) -> None:
        super().__init__(fault_plan, oracle)
        self.events: dict[bytes, Event] = {}
        self.full: set[str] = set()

    def taken(self, put: Put) -> Item | None:
        """The row because of which a put's condition fails. Rows are never overwritten, so each put has a condition."""
        item = put["Item"]
        taken = self.ledger.rows.get(item["AccountId"]["S"], {}).get(int(item["Version"]["N"]))
        if taken is not None and put.get("ConditionExpression") != VERSION_IS_FREE:
            raise PromiseBroken(f"a put would overwrite the row {item['AccountId']['S']}/{item['Version']['N']}")
        return None if taken is None else dict(taken)

    def write(self, puts: Sequence[Put]) -> None:
        """Carry out all puts or none. Raises ClientError if a condition fails, or if an account is full."""
        reasons = [self._reason(put) for put in puts]
        if any(reason is not _NO_REASON for reason in reasons):
            raise _refused(reasons)
        rows = [from_item(put["Item"]) for put in puts]
        for row in rows:
            if isinstance(row, EventRow):
                self.events[encode(*translate(row))] = row.account_id, row.sequence
        self.put([Written.of(put["Item"]) for put in puts])

    def fill(self, puts: Sequence[Put]) -> None:
        """Let one of the accounts of these puts be full from now on."""
        accounts = sorted({put["Item"]["AccountId"]["S"] for put in puts} & self.ledger.rows.keys())
        if accounts:
            self.full.add(self._fault_plan.random.choice(accounts))

    def _reason(self, put: Put) -> Mapping[str, Any]:
        taken = self.taken(put)
        if taken is not None:
            return _condition(taken)
        return _FULL if put["Item"]["AccountId"]["S"] in self.full else _NO_REASON

    def found(self, request: Mapping[str, Any]) -> Iterator[Item]:
        """The items of a Query, in its order."""
        values = request["ExpressionAttributeValues"]
        rows = self.ledger.rows.get(values[":account_id"]["S"], {})
        first, last = (int(values[name]["N"]) if name in values else None for name in (":first", ":last"))
        for version in sorted(rows, reverse=not request.get("ScanIndexForward", True)):
            is_in = (first is None or version >= first) and (last is None or version <= last)
            key = values.get(":command_id")
            if is_in and (key is None or rows[version].get(COMMAND_ID) == key):
                yield dict(rows[version])

    def rows(self) -> dict[str, list[Row]]:
        """All rows by account, in the order of their versions."""
        return {
            account_id: [_intact(rows[version]) for version in sorted(rows)]
            for account_id, rows in self.ledger.rows.items()
        }


class TableClient:
    """A DynamoDB client of one environment of the API, which loses requests and answers.

    Args:
        interrupt: called before each request and after its effect; other callers may act, or the environment may end.
    """

    def __init__(self, table: AccountsTable, fault_plan: FaultPlan, interrupt: Callable[[], None]) -> None:
        self._table = table
        self._fault_plan = fault_plan
        self._interrupt = interrupt

    def query(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3
        assert request["ConsistentRead"], "a read that may be out of date"
        self._interrupt()
        if self._fault_plan.strikes("read throttled"):
            raise _error("ProvisionedThroughputExceededException", "Query")
        items = list(islice(self._table.found(request), request.get("Limit")))
        self._interrupt()
        return {"Items": items}

    def put_item(self, **put: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3
        self._write([put])
        return {}

    def transact_write_items(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3
        self._write([each["Put"] for each in request["TransactItems"]])
        return {}

    def _write(self, puts: Sequence[Put]) -> None:
        strikes = self._fault_plan.strikes
        self._interrupt()
        if strikes("write throttled"):
            raise self._throttled(puts)
        if strikes("write lost"):
            raise _no_answer()
        if strikes("transaction conflict"):
            raise self._conflict(puts, [None] * len(puts))
        if strikes("write late"):
            self._fault_plan.later(partial(self._write_late, puts))
            raise _no_answer()
        if strikes("account full"):
            self._table.fill(puts)
        refused = self._carried_out(puts)
        if strikes("write answer lost"):
            raise _no_answer()
        self._interrupt()
        if refused is not None:
            raise refused

    def _carried_out(self, puts: Sequence[Put]) -> ClientError | None:
        """Write, and return the error if a condition fails; then another transaction may write other rows just now."""
        try:
            self._table.write(puts)
        except ClientError as refused:
            if len(puts) > 1 and self._fault_plan.strikes("transaction conflict of another row"):
                return self._conflict(puts, [self._table.taken(put) for put in puts])
            return refused
        self._fault_plan.note("written", *(f"{p['Item']['AccountId']['S']}/{p['Item']['Version']['N']}" for p in puts))
        return None

    def _write_late(self, puts: Sequence[Put]) -> None:
        try:
            self._table.write(puts)
        except ClientError:
            return
        self._fault_plan.note("written late", *(f"{p['Item']['AccountId']['S']}" for p in puts))

    def _conflict(self, puts: Sequence[Put], taken: Sequence[Item | None]) -> ClientError:
        """Another transaction is writing a row of these puts, and perhaps nobody succeeds."""
        busy = self._fault_plan.random.randrange(len(puts))
        reasons = [_NO_REASON if item is None else _condition(item) for item in taken]
        return _refused([_CONFLICT if index == busy else reason for index, reason in enumerate(reasons)])

    def _throttled(self, puts: Sequence[Put]) -> ClientError:
        if len(puts) == 1:
            return _error("ThrottlingException", "PutItem")
        return _refused([{"Code": "ThrottlingError"}, *[_NO_REASON] * (len(puts) - 1)])


_NO_REASON: Mapping[str, Any] = {"Code": "None"}
_FULL: Mapping[str, Any] = {"Code": "ItemCollectionSizeLimitExceeded"}
_CONFLICT: Mapping[str, Any] = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
_SINGLE = {
    "ConditionalCheckFailed": "ConditionalCheckFailedException",
    "ItemCollectionSizeLimitExceeded": "ItemCollectionSizeLimitExceededException",
    "TransactionConflict": "TransactionConflictException",
}
"""The error of a single put for a transaction's reason."""


def _condition(item: Item) -> Mapping[str, Any]:
    return {"Code": "ConditionalCheckFailed", "Item": item}


def _refused(reasons: Sequence[Mapping[str, Any]]) -> ClientError:
    """The error of a single put, or of a transaction, with a reason for each of its items."""
    response: dict[str, Any]
    if len(reasons) == 1:
        response = {"Error": {"Code": _SINGLE[reasons[0]["Code"]], "Message": "no"}}
        if "Item" in reasons[0]:
            response["Item"] = reasons[0]["Item"]
    else:
        response = {"Error": {"Code": "TransactionCanceledException", "Message": "no"}, "CancellationReasons": reasons}
    return ClientError(response, "PutItem" if len(reasons) == 1 else "TransactWriteItems")  # type: ignore[arg-type]


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def _no_answer() -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url="https://dynamodb")


def _intact(item: Mapping[str, Any]) -> Row:
    row = from_item(item)
    if not isinstance(row, Row):
        raise PromiseBroken(f"a snapshot cannot be used: {row}")
    return row
