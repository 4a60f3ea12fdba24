"""Transfers that meet faults which no emulator produces, in the answers of a real store's client."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError

from account_core.domain.commands import CreateAccount, Credit, TransferMoney
from account_core.domain.errors import AccountFull, Conflict, ReceiverRefused, Unavailable
from account_core.service.execution import ATTEMPTS_MAX, Receipt
from account_core.service.head import Origin
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.dynamodb_store import TRANSACTED_PUT_UNITS, DynamoDBAccountStore
from local_stack.emulator import loopback_config
from local_stack.local_tables import make_table, session

ORIGIN = Origin("2026-01-31T09:30:00.000001Z", "correlation-1", "request-1")
KEYED = replace(ORIGIN, command_id="key-1")
FULL = "ItemCollectionSizeLimitExceeded"
NOTHING, TAKEN, CONFLICT, THROTTLED = "None", "ConditionalCheckFailed", "TransactionConflict", "ThrottlingError"
TRANSFER = TransferMoney("b", Decimal("5.00"), "transfer-1")
ROWS = 2


class FaultyTable:
    """A table with the accounts "a" and "b" of 100.00 EUR each, and a service whose transactions meet planned faults.

    Attributes:
        faults: for each transaction, the reasons for which it is cancelled, in the order of its rows, or how it loses
            its answer. When there are none left, it is carried out.
        sent: the rows of each transaction.
    """

    def __init__(self, url: str) -> None:
        self._client: Any = session().client("dynamodb", endpoint_url=url, config=loopback_config())
        self._table = make_table(self._client)
        writes: Any = session().client("dynamodb", endpoint_url=url, config=loopback_config(attempts_max=1))
        writes.meta.events.register("before-call.dynamodb.TransactWriteItems", self._before)
        writes.meta.events.register("after-call.dynamodb.TransactWriteItems", self._after)
        self.faults: list[tuple[str, ...]] = []
        self.sent: list[Any] = []
        self.loses_answer = False
        self.other = AccountService(DynamoDBAccountStore(self._client, self._client, self._table))
        self.service = AccountService(DynamoDBAccountStore(self._client, writes, self._table))
        for account_id in ("a", "b"):
            self.service.execute(account_id, CreateAccount("owner-1", "EUR"), ORIGIN)
            self.service.execute(account_id, Credit(Decimal("100.00")), ORIGIN)

    def credit(self, *accounts: str) -> None:
        """Competing events, of which the service's cache does not know."""
        for account_id in accounts:
            self.other.execute(account_id, Credit(Decimal("1.00")), ORIGIN)

    def balances(self) -> tuple[Decimal | int, Decimal | int]:
        return self.other.read("a").balance, self.other.read("b").balance

    def _before(self, params: dict[str, Any], **_: object) -> tuple[AWSResponse, dict[str, Any]] | None:
        self.sent.append(json.loads(params["body"])["TransactItems"])
        if not self.faults:
            return None
        rows = [put["Put"]["Item"] for put in self.sent[-1]]
        reasons = [self._reason(code, row) for code, row in zip(self.faults.pop(0), rows, strict=True)]
        error = {"Code": "TransactionCanceledException", "Message": "cancelled"}
        answer = {"Error": error, "CancellationReasons": reasons, "ResponseMetadata": {"RetryAttempts": 0}}
        return AWSResponse("", 400, HTTPHeaders(), None), answer

    def _after(self, **_: object) -> None:
        if self.loses_answer:
            raise ReadTimeoutError(endpoint_url="https://dynamodb")

    def _reason(self, code: str, row: dict[str, Any]) -> dict[str, Any]:
        if code != TAKEN:
            return {"Code": code}
        key = {name: row[name] for name in ("AccountId", "Version")}
        return {"Code": code, "Item": self._client.get_item(TableName=self._table, Key=key)["Item"]}


@pytest.fixture
def table(dynamodb_local_url: str) -> FaultyTable:
    return FaultyTable(dynamodb_local_url)


def test_a_conflict_that_nobody_won_sends_the_same_bytes_again(table: FaultyTable) -> None:
    table.faults, used = [(CONFLICT, NOTHING), (NOTHING, CONFLICT), (CONFLICT, CONFLICT)], Usage()
    assert table.service.execute("a", TRANSFER, KEYED, used=used).balance == 95
    assert len(table.sent) == 4
    assert all(sent == table.sent[0] for sent in table.sent)
    assert used.write_units >= 3 * ROWS * TRANSACTED_PUT_UNITS
    assert table.balances() == (95, 105)


def test_ten_conflicts_that_nobody_won_write_nothing(table: FaultyTable) -> None:
    table.faults = [(CONFLICT, CONFLICT)] * ATTEMPTS_MAX
    with pytest.raises(Conflict, match="Nothing was written"):
        table.service.execute("a", TRANSFER, ORIGIN)
    assert (len(table.sent), table.faults) == (ATTEMPTS_MAX, [])
    assert table.balances() == (100, 100)


@pytest.mark.parametrize(
    ("accounts", "reasons"),
    [
        (("a",), (TAKEN, CONFLICT)),
        (("b",), (CONFLICT, TAKEN)),
        (("a", "b"), (TAKEN, TAKEN)),
        (("a",), (TAKEN, THROTTLED)),
        (("a",), (TAKEN, FULL)),
    ],
)
def test_a_taken_version_is_folded_whatever_the_other_reason(
    table: FaultyTable, accounts: tuple[str, ...], reasons: tuple[str, str]
) -> None:
    table.credit(*accounts)
    table.faults, used = [reasons], Usage()
    assert table.service.execute("a", TRANSFER, ORIGIN, used=used).balance == 95 + ("a" in accounts)
    assert (len(table.sent), used.read_units, used.conflicts) == (2, 0, 1)
    assert table.balances() == (95 + ("a" in accounts), 105 + ("b" in accounts))


@pytest.mark.parametrize(
    ("reasons", "error"),
    [
        ((FULL, NOTHING), AccountFull),
        ((NOTHING, FULL), ReceiverRefused),
        ((FULL, FULL), AccountFull),
        ((THROTTLED, NOTHING), Unavailable),
        ((NOTHING, "ProvisionedThroughputExceeded"), Unavailable),
    ],
)
def test_a_cancelled_transfer_writes_nothing(
    table: FaultyTable, reasons: tuple[str, str], error: type[Exception]
) -> None:
    table.faults = [reasons]
    with pytest.raises(error):
        table.service.execute("a", TRANSFER, KEYED)
    assert len(table.sent) == 1
    assert table.balances() == (100, 100)
    assert not table.service.execute("a", TRANSFER, KEYED).is_replay


def test_a_lost_answer_is_found_by_its_key(table: FaultyTable) -> None:
    table.loses_answer = True
    with pytest.raises(Unavailable, match="unknown whether"):
        table.service.execute("a", TRANSFER, KEYED)
    table.loses_answer = False
    repeated = replace(TRANSFER, transfer_id="transfer-2")
    receipt = table.service.execute("a", repeated, KEYED)
    assert receipt == Receipt(Decimal("95.00"), "EUR", 3, is_replay=True, transfer_id="transfer-1")
    assert table.balances() == (95, 105)


def test_a_lost_answer_without_a_key_is_not_sent_again(table: FaultyTable) -> None:
    table.loses_answer = True
    with pytest.raises(Unavailable, match="unknown whether"):
        table.service.execute("a", TRANSFER, ORIGIN)
    assert len(table.sent) == 1
    assert table.balances() == (95, 105)
