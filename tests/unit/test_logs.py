"""No amount, balance, owner, token or idempotency key gets into a log line, a metric or a function's own error.

Each function's report runs here on intact and on damaged input that has recognisable values. Ids of accounts and
requests, the caller of the API and, in the lines of its request only, the idempotency key are logged on purpose
(docs/api.md#ids).
"""

import ast
import base64
import json
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import duckdb
import pytest
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from botocore.exceptions import ClientError, ParamValidationError

from account_core.api.access_log import AccessLog
from account_core.domain.events import EventRow
from account_core.rows.items import from_item
from account_events.aggregation.packing import aggregate
from account_events.consumer import Consumer, Decoder, Inbox, LambdaHandler
from account_events.consumer.dynamodb_item_inbox import DynamoDBItemInbox
from account_events.consumer.memory_inbox import MemoryInbox
from account_events.testing.kinesis import MemoryKinesis
from account_events.testing.records import StreamRecord, image_record
from consumers.lake.report import Report as LakeReport
from consumers.lake.rows import Rows
from consumers.lake.transform import Transform
from consumers.owners.report import Report as OwnersReport
from consumers.owners.rows import changes
from local_stack.build import PACKAGES, ROOT
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.manifest import BadManifest
from ops.lake.query.totals import Totals
from ops.lake.totals_function.run import Run
from projector.outgoing import outgoing
from projector.report import Report as ProjectorReport
from tests.support.api import OPERATOR_SCOPE, Api
from tests.support.lake import made_up, write
from tests.support.memory_projector import MemoryProjector
from tests.support.rows import KEY
from tests.unit.lake.test_totals import Folder

if TYPE_CHECKING:
    from account_core.api.access import Authorisation

AMOUNT, LESS = "918273645546.37", "918273645546.36"
SECRETS = {
    "amount or balance": "918273645546",  # also the beginning of the amount in cents
    "owner": "owner-qvzkw",
    "token": "tokenqvzkw",
    "e-mail address among a token's claims": "qvzkw@example.com",
    "idempotency key": "key-qvzkw",
    "AWS secret": "secretqvzkw",
}
OWNER, TOKEN, EMAIL, COMMAND_ID, AWS_SECRET = list(SECRETS.values())[1:]
ISSUER_CLAIMS = {"email": EMAIL, "name": OWNER}
REQUEST_LINES = {"request", "no usable snapshot: the state was rebuilt from the events"}
"""The messages of the lines that have a request's ids, its idempotency key among them."""
STATEMENTS = {"info", "warning", "error", "exception", "debug", "critical"}


class Log:
    """The output of a function.

    Attributes:
        logger: writes to this log.
        metrics: prints to the standard output, which `text` includes.
    """

    _numbers = count()

    def __init__(self) -> None:
        self._stream = StringIO()
        service = f"test-logs-{next(self._numbers)}"
        self.logger = Logger(service=service, stream=self._stream)
        self.metrics = Metrics(
            provider=AmazonCloudWatchEMFProvider(namespace="Test", service=service, default_dimensions={"Stack": "s"})
        )

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function. Lambda logs an error that it raises, with the traceback."""
        try:
            function(*arguments)
        except Exception:  # noqa: BLE001 -- any error is logged
            self._stream.write(traceback.format_exc())

    @property
    def text(self) -> str:
        return self._stream.getvalue()


def chained(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def refusals(values: object) -> list[Exception]:
    """Errors of DynamoDB and botocore whose messages quote the request, and one that has the values in its frames."""
    message = f"The parameter cannot be converted to a numeric value: {values}"
    answer: Any = {"Error": {"Code": "ValidationException", "Message": message}}
    cancelled: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": f"[None, {message}]"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "ValidationError", "Message": message}],
    }
    return [
        ParamValidationError(report=f"Invalid type for parameter Item.Balance.N, value: {values}"),
        ClientError(answer, "PutItem"),
        ClientError(cancelled, "TransactWriteItems"),
        ClientError({"Error": {"Code": "NotDocumentedException", "Message": message}}, "PutItem"),
        chained(RuntimeError("unexpected"), ClientError(answer, "PutItem")),
        chained(RuntimeError("unexpected"), chained(ValueError("another"), ClientError(cancelled, "PutItem"))),
        RuntimeError("unexpected"),
    ]


def damaged(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Copies of a row, each with one attribute that is missing, malformed or wrong."""
    for name in item:
        yield {key: value for key, value in item.items() if key != name}
        yield {**item, name: {"S": "x"}}
        yield {**item, name: {}}
    for name in item.keys() & {"Amount", "Balance"}:
        bad: list[Any] = [
            f"{AMOUNT}5",
            f"-{AMOUNT}",
            f"{AMOUNT}e99",
            f"{AMOUNT}x",
            f"{LESS}",
            Decimal(AMOUNT),
            [AMOUNT],
        ]
        for value in bad:
            yield {**item, name: {"N": value}}
        yield from ({**item, name: value} for value in ({"S": AMOUNT}, {"B": AMOUNT.encode()}, AMOUNT, [AMOUNT]))
    for name, value in {"Owner": OWNER, "CommandId": COMMAND_ID}.items():
        if name in item:
            yield from (
                {**item, name: wrong} for wrong in ({"N": value}, {"S": [value]}, value, {"S": f"{value}\ud800"})
            )


def filled() -> Api:
    """An API with account-1, whose rows have the values of SECRETS."""
    api = Api("IAM")
    api("POST", "/accounts", json.dumps({"owner": OWNER, "currency": "EUR"}))
    commands = [("credit", AMOUNT), ("withdraw", LESS), ("credit", LESS), *[("credit", "0.01")] * 7]
    for number, (command, amount) in enumerate(commands):
        key = f"{COMMAND_ID}-{number}"
        api("POST", f"/accounts/account-1/{command}", json.dumps({"amount": amount}), idempotency_key=key)
    return api


ITEMS = filled().items()
DAMAGED = 0, 1, 2, 9
"""The positions of a row of each type: the account's creation, a credit, a withdrawal and the snapshot."""
assert [ITEMS[position]["Type"]["S"] for position in DAMAGED] == ["CREATED", "CREDIT", "WITHDRAW", "SNAPSHOT"]
EVENTS = [outgoing(row, 0).data for row in map(from_item, ITEMS) if isinstance(row, EventRow)]
BODIES = [
    *(f'{{"amount": {amount}}}' for amount in (AMOUNT, f'"{AMOUNT}"', f"-{AMOUNT}", f"{AMOUNT}5", f"{AMOUNT}e99")),
    *(f'{{"amount": "{amount}"}}' for amount in (f"{AMOUNT}x", f" {AMOUNT}", f"918273645546{AMOUNT}", f"{AMOUNT}123")),
    *(
        f'{{"amount": {amount}}}'
        for amount in (f"[{AMOUNT}]", f'{{"a": {AMOUNT}}}', "true", f"{AMOUNT}e9999999999999999999")
    ),
    f'{{"amount": "1", "{AMOUNT}": 1}}',
    f'{{"amount": {AMOUNT}, "amount": {AMOUNT}}}',
    f'{{"amount": {AMOUNT}',
    f"{AMOUNT}",
    "\ud800" + AMOUNT,
    "[" * 5000 + AMOUNT,
    AMOUNT * 1000,
    "",
]


def _requests(api: Api) -> None:
    """Requests that succeed and that are refused, with secrets wherever a caller can put them."""
    own: dict[str, Any] = {"authorization": f"Bearer {TOKEN}", "cookie": TOKEN}
    keyed = {**own, "idempotency_key": COMMAND_ID}
    for body in (
        f'{{"owner": "{OWNER}", "currency": "EUR"}}',
        f'{{"owner": "{OWNER} ", "currency": "EUR"}}',
        '{"owner": 7}',
    ):
        api("POST", "/accounts", body, **keyed)
        api("POST", "/accounts", body, **own)
    for command in ("credit", "withdraw"):
        for body in BODIES:
            api("POST", f"/accounts/account-1/{command}", body, **keyed)
        body = f'{{"amount": {AMOUNT}}}'
        for headers in (
            {"idempotency_key": f"{COMMAND_ID} {COMMAND_ID}"},
            {"if_match": f'"{AMOUNT}"'},
            {"if_match": f"W/{AMOUNT}"},
            {"content_type": f"text/{AMOUNT}"},
            {"x_request_id": f"{TOKEN} {TOKEN}"},
            {"x_correlation_id": f"{TOKEN},{TOKEN}"},
        ):
            api("POST", f"/accounts/account-1/{command}", body, **{**own, **headers})
        api("POST", f"/accounts/account-1/{command}", f"{AMOUNT}!", encoded=True, **own)
        api("POST", f"/accounts/account-1/{command}?amount={AMOUNT}", body, **own)
    for to in ("account-2", "unknown", OWNER, "account-1"):
        for amount in (f'"{AMOUNT}"', '"0.01"'):
            api("POST", "/accounts/account-1/transfer", f'{{"to": "{to}", "amount": {amount}}}', **own)
    for method, target in (
        ("GET", "/accounts/account-1"),
        ("GET", "/accounts/account-1/events"),
        ("GET", f"/accounts/account-1?at={AMOUNT}"),
        ("GET", f"/accounts/{OWNER}.{AMOUNT}"),
        ("GET", f"/owners/{OWNER}/accounts"),
        ("GET", f"/owners/{OWNER} {OWNER}/accounts"),
        ("GET", f"/unknown/{AMOUNT}?token={TOKEN}"),
        ("DELETE", f"/owners/{OWNER}/accounts"),
        ("OPTIONS", f"/owners/{OWNER}/accounts"),
    ):
        api(method, target, **own)


def api_log() -> Log:
    log = Log()
    access = AccessLog(log.logger, log.metrics)
    callers: list[tuple[Authorisation, dict[str, Any]]] = [
        ("IAM", {"iam": {"userArn": "arn:aws:iam::000000000000:user/some-user", "accessKey": TOKEN}}),
        ("JWT", {"jwt": {"claims": {"sub": "caller-1", "scope": OPERATOR_SCOPE, **ISSUER_CLAIMS}}}),
        ("JWT", {"jwt": {"claims": {"sub": "caller-1", **ISSUER_CLAIMS}}}),
        ("JWT", {"jwt": {"claims": {"sub": f"{OWNER} {OWNER}", **ISSUER_CLAIMS}}}),
        ("JWT", {"iam": {"userArn": OWNER}}),
    ]
    for authorisation, caller in callers:
        api = Api(authorisation, access)
        api.caller = caller
        _requests(api)
    _requests_on_damaged_rows(access)
    _requests_that_fail(access)
    return log


def _requests_on_damaged_rows(access: AccessLog) -> None:
    for position in DAMAGED:
        for damage in damaged(ITEMS[position]):
            api = Api("IAM", access)
            stored = {number: dict(each) for number, each in enumerate(ITEMS, 1)}
            api.store._items["account-1"] = stored | {position + 1: damage}  # noqa: SLF001 -- a damaged table
            body = json.dumps({"amount": AMOUNT})
            for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/credit"), ("POST", "/withdraw")):
                api.forget()
                sent: dict[str, Any] = {"idempotency_key": f"{COMMAND_ID}-0"} if method == "POST" else {}
                api(method, f"/accounts/account-1{path}", body if method == "POST" else None, **sent)


def _requests_that_fail(access: AccessLog) -> None:
    for error in refusals(AMOUNT):

        def failing(*_: object, error: Exception = error, **__: object) -> None:
            values = Decimal(AMOUNT), OWNER
            if values:  # they are in the traceback's frame
                raise error

        for method in ("newest", "append", "find"):
            api = Api("IAM", access)
            api.store._items["account-1"] = {number: dict(each) for number, each in enumerate(ITEMS, 1)}  # noqa: SLF001
            with patch.object(api.store, method, failing):
                api("POST", "/accounts/account-1/credit", json.dumps({"amount": AMOUNT}), idempotency_key="another")


def projector_log() -> Log:
    log = Log()
    report = ProjectorReport(log.logger, log.metrics, now_us=lambda: 1_800_000_000_000_000)

    def deliver(records: list[StreamRecord], kinesis: MemoryKinesis | None = None) -> None:
        projector = MemoryProjector(kinesis)
        log.call(projector.deliver, records)
        for outcome in projector.outcomes:
            report(outcome)

    intact = [image_record(item, number, KEY) for number, item in enumerate(ITEMS)]
    deliver(intact)
    deliver(intact, MemoryKinesis(refuse=["account-1"], stream_name="events"))
    for position in DAMAGED:
        for damage in damaged(ITEMS[position]):
            record = image_record(ITEMS[position], position, KEY)
            record["dynamodb"]["NewImage"] = damage
            deliver([*intact[:position], record, *intact[position + 1 :]])
    broken: list[Any] = [
        AMOUNT,
        {"dynamodb": AMOUNT},
        {**intact[1], "dynamodb": {**intact[1]["dynamodb"], "Keys": AMOUNT}},
    ]
    for each in broken:
        deliver([each])
    return log


def unreadable() -> Iterator[bytes]:
    """The events with each byte changed, the ends cut off, and in damaged aggregates."""
    for data in EVENTS[:3]:
        yield from (data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :] for at in range(len(data)))
        yield from (data[:at] for at in range(len(data)))
        yield data + AMOUNT.encode()
    yield aggregate("0", "0", EVENTS)[:-1] + b"x"
    yield AMOUNT.encode()


class FailingDynamoDB:
    """A DynamoDB client without items, whose writes fail."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_item(self, **_: object) -> dict[str, Any]:
        return {}

    def query(self, **_: object) -> dict[str, Any]:
        return {"Items": []}

    def put_item(self, **_: object) -> None:
        raise self._error

    transact_write_items = update_item = put_item


def owners_log() -> Log:
    log = Log()
    report = OwnersReport(log.logger, log.metrics)

    def receive(inbox: Inbox[Any], *datas: bytes | str) -> None:
        handler = LambdaHandler(Consumer(inbox), now=lambda: 0.0, report=report)
        encoded = [data if isinstance(data, str) else base64.b64encode(data).decode() for data in datas]
        records = [{"kinesis": {"sequenceNumber": str(n), "data": data}} for n, data in enumerate(encoded)]
        log.call(handler, {"Records": records})

    def in_memory() -> Inbox[Any]:
        return Inbox(MemoryInbox(), changes, run_max=500, gap_wait_s=0.0)

    receive(in_memory(), *EVENTS, EVENTS[1])
    receive(in_memory(), EVENTS[3])  # a gap
    receive(in_memory(), f"{AMOUNT}!")
    for data in unreadable():
        receive(in_memory(), data)
    for error in refusals(AMOUNT):
        client: Any = FailingDynamoDB(error)
        receive(Inbox(DynamoDBItemInbox(client, "owned", "inbox"), changes, run_max=500, gap_wait_s=0.0), *EVENTS)
    return log


def lake_log() -> Log:
    log = Log()
    kept: list[dict[str, Any]] = []

    class S3:
        def put_object(self, **request: Any) -> None:  # noqa: ANN401 -- boto3's
            kept.append(request)
            if len(kept) == 1:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "denied"}}, "PutObject")

    report = LakeReport(S3, "lake", log.logger, log.metrics, lambda: datetime(2026, 11, 25, tzinfo=UTC))
    datas = [*EVENTS, *unreadable(), aggregate("0", "0", EVENTS), aggregate("0", "0", [])]
    encoded = [*(base64.b64encode(data).decode() for data in datas), f"{AMOUNT}!", f"§{AMOUNT}"]
    for first_day in ("2020-01-01", "2027-01-01"):  # the second refuses all events
        transform = Transform(Rows(Decoder(), first_day))
        for data in encoded:
            # One per batch, because a report logs only a batch's first refusals.
            event = {"invocationId": "i", "records": [{"recordId": "r", "data": data}]}
            log.call(lambda event=event, transform=transform: report("i", transform(event)))
    assert len(kept) > len(datas)
    return log


def totals_log(root: Path) -> Log:
    log = Log()
    write(root, made_up(11, 5, 2, 20))
    types = ("VARCHAR", "DOUBLE", "DECIMAL(38,2)", "BLOB")
    for day, column_type in enumerate(types, 1):
        path = root / f"events/dt=2026-09-0{day}/event_type=BalanceCredited/other.parquet"
        path.parent.mkdir(parents=True)
        columns = (
            f"'a' AS account_id, 'EUR' AS currency, 1::BIGINT AS sequence, CAST('{AMOUNT}' AS {column_type}) AS amount"
        )
        with duckdb.connect() as connection:
            connection.execute(f"COPY (SELECT {columns}) TO '{path}'")
    s3: Any = Folder(root)
    totals = Totals(s3, "lake", lambda day: DuckDBEngine(str(root), day=day, has_older_files=True))

    def refused() -> bool:
        raise BadManifest("account_months/manifest.json is damaged")

    log.call(Run(totals, lambda: True, log.logger, log.metrics), lambda: True)
    log.call(Run(totals, refused, log.logger, log.metrics), lambda: True)
    assert "account_months/manifest.json is damaged" in log.text
    assert log.text.count("is not a valid file") == 2 * len(types), "each type is refused because of the amount"
    return log


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Everything that each function logs and emits."""
    found = {}
    functions: dict[str, Callable[[], Log]] = {
        "AccountsByOwnerFunction": owners_log,
        "ApiFunction": api_log,
        "LakeTotalsFunction": lambda: totals_log(tmp_path_factory.mktemp("lake")),
        "LakeTransformFunction": lake_log,
        "ProjectorFunction": projector_log,
    }
    for function, run in functions.items():
        output = StringIO()
        with patch.dict(os.environ, {"POWERTOOLS_METRICS_DISABLED": "false"}), redirect_stdout(output):
            found[function] = run().text
        assert "_aws" in output.getvalue(), "metrics"
        found[function] += output.getvalue()
    return found


def test_every_function_is_covered(logs: dict[str, str]) -> None:
    assert logs.keys() == PACKAGES.keys()


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("function", PACKAGES)
def test_no_secret_is_logged(function: str, secret: str, logs: dict[str, str]) -> None:
    found = [line for line in logs[function].splitlines() if SECRETS[secret] in _without_key(line)]
    assert found == []


def test_the_line_of_a_request_has_its_idempotency_key(logs: dict[str, str]) -> None:
    found = [line for line in logs["ApiFunction"].splitlines() if COMMAND_ID in line]
    assert {json.loads(line)["message"] for line in found} == REQUEST_LINES


def _without_key(line: str) -> str:
    """The line; one of a request without its idempotency key, which is logged on purpose."""
    if not line.startswith("{") or (logged := json.loads(line)).get("message") not in REQUEST_LINES:
        return line
    return json.dumps({key: value for key, value in logged.items() if key != "command_id"})


@pytest.mark.parametrize("function", PACKAGES)
def test_every_log_statement_of_a_function_is_reached(function: str, logs: dict[str, str]) -> None:
    """A new statement needs a case above that reaches it."""
    paths = {path for pattern in PACKAGES[function].sources for path in ROOT.glob(pattern) if path.suffix == ".py"}
    messages = {message for path in sorted(paths) for message in _messages(path)}
    assert messages
    assert {message for message in messages if json.dumps(message) not in logs[function]} == set()


def _messages(path: Path) -> Iterator[str]:
    """The messages that a module logs. A module that logs in another way than through a `logger` fails."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in STATEMENTS:
            assert ast.unparse(node.func.value) in {"logger", "self._logger"}, f"{path}:{node.lineno}"
            [message, *_] = node.args
            assert isinstance(message, ast.Constant), f"{path}:{node.lineno}: the message must be a constant"
            yield str(message.value)
