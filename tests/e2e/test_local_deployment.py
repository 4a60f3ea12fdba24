"""The path of an event through the real template on the local stack, with IAM enforced."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from account_core.domain.events import EventRow
from account_events.aggregation.unpacking import MAGIC, unpack
from local_stack.emulator import REGION
from local_stack.faults.kinesis_proxy import Entries
from local_stack.faults.workers import kill_workers
from local_stack.local_deployment import LocalDeployment
from ops.demo.demo import read_published
from ops.ledger.audit import AccountAudit, audit
from tests.e2e.faults import faulty_kinesis

IDLE_TIMEOUT_S = 90.0
ANSWER_TIMEOUT_S = 120.0
"""Ends a test that hangs. It is long, because sixteen cold starts at once take half a minute on a busy machine."""
CLIENTS = 16
TRIES_MAX = 20


class Api(httpx.Client):
    def __init__(self, deployment: LocalDeployment) -> None:
        address = deployment.address
        super().__init__(base_url=address.api_url, auth=address.caller(), timeout=ANSWER_TIMEOUT_S, trust_env=False)

    def open_account(self, balance: str | None = None) -> str:
        answer = self.post("/accounts", json={"owner": "owner-1", "currency": "EUR"})
        assert answer.status_code == 201, answer.text
        account_id: str = answer.json()["accountId"]
        if balance is not None:
            assert self.command(account_id, "credit", balance).status_code == 200
        return account_id

    def command(self, account_id: str, command: str, amount: str, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.post(f"/accounts/{account_id}/{command}", json={"amount": amount}, headers=headers)


def credit_times(api: Api, number: int, account_id: str) -> None:
    for _ in range(number):
        assert api.command(account_id, "credit", "1.00").status_code == 200


def audited(deployment: LocalDeployment, *account_ids: str) -> list[AccountAudit]:
    """Audit these accounts in the table and the stream, once the projector is idle."""
    assert deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S), deployment.mapping.status()
    rows = [row for row in deployment.rows() if row.account_id in account_ids]
    stored = sum(isinstance(row, EventRow) for row in rows)
    events = [event for event in read_published(deployment, stored) if event.fields["account_id"] in account_ids]
    found = audit(rows, events)
    return [found[account_id] for account_id in account_ids]


def assert_no_findings(audits: Sequence[AccountAudit]) -> None:
    assert [finding for found in audits for finding in found.findings] == []


def test_sixteen_clients_withdraw_from_one_account(deployment: LocalDeployment) -> None:
    with Api(deployment) as api:
        account_id = api.open_account("200.00")

        def withdraw(number: int) -> int:
            """Withdraw once; retry a 503 of a busy machine with the same key, as docs/api.md requires."""
            for _ in range(TRIES_MAX):
                answer = api.command(account_id, "withdraw", "3.70", f"{account_id}-{number}")
                if answer.status_code != 503:
                    break
            return answer.status_code

        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = list(pool.map(withdraw, range(CLIENTS * 4)))
        final = api.get(f"/accounts/{account_id}").json()
    accepted = answers.count(200)
    assert set(answers) <= {200, 409, 422}
    assert accepted >= CLIENTS
    [found] = audited(deployment, account_id)
    assert_no_findings([found])
    assert Decimal(final["balance"]) == found.balance == Decimal("200.00") - accepted * Decimal("3.70")
    assert found.published == list(range(1, accepted + 3))
    assert final["sequence"] == accepted + 2
    assert found.rows == final["sequence"] + found.snapshots
    assert found.snapshots == found.rows // 10


def records_on(deployment: LocalDeployment) -> list[bytes]:
    """Return the stream's raw records, shard by shard."""
    kinesis, name = deployment.address.client("kinesis"), deployment.address.outputs["EventStreamName"]
    found: list[bytes] = []
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        position = {"StreamName": name, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**position)["ShardIterator"]
        found += [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]
    return found


@pytest.mark.parametrize("aggregation", ["on", "off"])
def test_the_same_events_arrive_with_and_without_aggregation(aggregation: str) -> None:
    with LocalDeployment(parameters={"Aggregation": aggregation, "Buckets": "3"}) as deployment, Api(deployment) as api:
        account_ids = [api.open_account() for _ in range(3)]
        for account_id in account_ids:
            for _ in range(9):
                api.command(account_id, "credit", "1.00")
        audits = audited(deployment, *account_ids)
        records = records_on(deployment)
    assert_no_findings(audits)
    assert [found.published for found in audits] == [list(range(1, 11))] * 3
    assert {data.startswith(MAGIC) for data in records} == {aggregation == "on"}
    assert sum(len(unpack(data)) for data in records) == 30


def test_entries_that_kinesis_refuses_keep_their_order(deployment: LocalDeployment) -> None:
    """Every second entry of each request fails, on several accounts with several events each."""

    def every_second(number: int, entries: Entries) -> set[int]:
        return {index for index in range(len(entries)) if (index + number) % 2 == 0}

    with Api(deployment) as api, faulty_kinesis(deployment, fails=every_second) as requests:
        account_ids = [api.open_account() for _ in range(4)]
        for number in (2, 2, 2, 2, 2, 1):  # at least one batch each, so that enough faults occur on any machine
            assert deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S), deployment.mapping.status()
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(partial(credit_times, api, number), account_ids))
        audits = audited(deployment, *account_ids)
    assert sum(bool(every_second(number, entries)) for number, entries in enumerate(requests)) > 5, "too few faults"
    assert_no_findings(audits)
    assert [found.published for found in audits] == [list(range(1, 13))] * 4


def test_a_projector_killed_during_a_batch_loses_nothing(deployment: LocalDeployment) -> None:
    """The process is killed during its second PutRecords, when only a part of the batch is on the stream."""
    reached, released = threading.Event(), threading.Event()

    def hold_the_second(number: int) -> None:
        if number == 1:
            reached.set()
            assert released.wait(60)

    with Api(deployment) as api, faulty_kinesis(deployment, before=hold_the_second) as requests:
        account_ids = [api.open_account("10.00") for _ in range(3)]
        for account_id in account_ids:
            for _ in range(12):
                api.command(account_id, "credit", "1.00")
        assert reached.wait(60), "the projector never made a second request"
        try:
            killed = kill_workers(deployment, deployment.address.outputs["ProjectorFunctionName"])
        finally:
            released.set()
        audits = audited(deployment, *account_ids)
    assert killed == 1
    assert len(requests) > 2, "the batch was not delivered again"
    assert_no_findings(audits)
    assert [found.published for found in audits] == [list(range(1, 15))] * 3


def test_a_bad_request_returns_a_problem_document(deployment: LocalDeployment) -> None:
    with Api(deployment) as api:
        account_id = api.open_account("5.00")
        for content in (b"\xff\xfe", b'{"amount": NaN}', b'{"amount": 1e400}', b"[]", b""):
            answer = api.post(
                f"/accounts/{account_id}/credit", content=content, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 400, (content, answer.text)
            assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert api.get("/accounts/%2e%2e/%2e%2e/etc/passwd").status_code == 404
        assert api.get(f"/accounts/{account_id}").json()["balance"] == "5.00"


@pytest.mark.parametrize("action", ["scan", "delete_item"])
def test_iam_is_enforced_locally(deployment: LocalDeployment, action: str) -> None:
    """The emulator denies actions that the API function's role does not grant."""
    outputs = deployment.address.outputs
    role = deployment.address.client("lambda").get_function_configuration(FunctionName=outputs["ApiFunctionName"])[
        "Role"
    ]
    credentials = deployment.address.client("sts").assume_role(RoleArn=role, RoleSessionName="probe")["Credentials"]
    client = boto3.client(
        "dynamodb",
        endpoint_url=deployment.address.endpoint_url,
        region_name=REGION,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    name = outputs["TableName"]
    key = {"AccountId": {"S": "a"}, "Version": {"N": "1"}}
    with pytest.raises(ClientError, match="AccessDenied"):
        client.scan(TableName=name) if action == "scan" else client.delete_item(TableName=name, Key=key)
