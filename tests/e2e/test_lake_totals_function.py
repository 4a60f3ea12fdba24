"""The deployed function that refreshes daily totals and view, and what its role allows, with IAM enforced."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from consumers.lake import table
from local_stack.build import RUNTIME
from local_stack.local_deployment import LocalDeployment
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.query.catalog import queries
from ops.lake.query.history import MONTH_LENGTH
from ops.lake.query.history import NAME as HISTORY
from ops.lake.query.history_store import HistoryStore
from ops.lake.query.history_view import HistoryView, StoredView
from ops.lake.query.manifest import KEY as MANIFEST
from ops.lake.query.manifest import Manifest, Month
from tests.e2e.test_lake import open_account, wait_until_idle
from tests.support.glue_view import stored_view

PROBE = """
import botocore.session
def handler(event, context):
    client = botocore.session.get_session().create_client(event["service"])
    try:
        getattr(client, event["operation"])(**event["arguments"])
    except Exception as error:
        return type(error).__name__ + ": " + str(error)
    return "allowed"
"""


def refresh(deployment: LocalDeployment) -> dict[str, Any]:
    """Invoke the function as its schedule does, and return the last line that it logged before its metrics."""
    answer = deployment.address.client("lambda", 60.0, attempts_max=1).invoke(
        FunctionName=deployment.address.outputs["LakeTotalsFunctionName"], Payload=b"{}", LogType="Tail"
    )
    log = base64.b64decode(answer["LogResult"]).decode()
    assert "FunctionError" not in answer, log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    found: dict[str, Any] = [line for line in lines if line.get("message") == "totals refreshed"][-1]
    return found


def lake(deployment: LocalDeployment) -> Lake:
    return Lake.of(Deployment.local(deployment.address))


def test_events_are_in_the_totals_after_a_refresh(deployment: LocalDeployment) -> None:
    open_account(deployment, "12.34", "0.66")
    wait_until_idle(deployment)
    assert refresh(deployment)["updated"] >= 1
    today, engine = f"{datetime.now(UTC):%Y-%m-%d}", lake(deployment).engine()
    [[credited, events]] = engine.query(
        "SELECT sum(amount), count(*) FROM events WHERE event_type = 'BalanceCredited' AND currency = 'EUR' AND dt = ?",
        [today],
    ).rows
    assert credited >= Decimal("13.00")
    totals = "SELECT credited, credits FROM daily_totals WHERE currency = 'EUR' AND dt = ?"
    assert engine.query(totals, [today]).rows == [(credited, events)]
    report = queries()["daily_report"]
    [row] = [
        row for row in engine.query(report.sql, report.arguments({"day": today})).records() if row["currency"] == "EUR"
    ]
    assert row["closing_balance"] == row["opening_balance"] + row["net_flow"]
    assert row["credited"] == credited


def test_a_second_run_refreshes_nothing(deployment: LocalDeployment) -> None:
    open_account(deployment, "1.00")
    wait_until_idle(deployment)
    refresh(deployment)
    again = refresh(deployment)
    assert (again["updated"], again["left"], again["failed"]) == (0, 0, 0)
    assert lake(deployment).totals().refresh() == 0, "the command computes the same digests"


def test_the_schedule_invokes_the_function(deployment: LocalDeployment) -> None:
    outputs = deployment.address.outputs
    schedules = deployment.address.client("scheduler")
    group = outputs["LakeTotalsScheduleGroupName"]
    [listed] = schedules.list_schedules(GroupName=group)["Schedules"]
    found = schedules.get_schedule(GroupName=group, Name=listed["Name"])
    assert (found["State"], found["ScheduleExpression"], found["Target"]["Input"]) == ("ENABLED", "rate(1 hour)", "{}")
    assert found["Target"]["Arn"].endswith(f":function:{outputs['LakeTotalsFunctionName']}")
    queue = found["Target"]["DeadLetterConfig"]["Arn"].rpartition(":")[2]
    assert outputs["LakeTotalsNotInvokedUrl"].endswith(f"/{queue}")


@pytest.fixture(scope="module")
def probe(deployment: LocalDeployment) -> Iterator[Any]:
    """Makes calls in a function with the role of the deployed one."""
    functions = deployment.address.client("lambda", 60.0, attempts_max=1)
    role = functions.get_function_configuration(FunctionName=deployment.address.outputs["LakeTotalsFunctionName"])[
        "Role"
    ]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("probe.py", PROBE)
    functions.create_function(
        FunctionName="probe-of-totals",
        Runtime="python" + ".".join(map(str, RUNTIME)),
        Role=role,
        Handler="probe.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=30,
    )

    def call(service: str, operation: str, **arguments: object) -> str:
        payload = json.dumps({"service": service, "operation": operation, "arguments": arguments}).encode()
        answer = functions.invoke(FunctionName="probe-of-totals", Payload=payload)
        return str(json.loads(answer["Payload"].read()))

    yield call
    functions.delete_function(FunctionName="probe-of-totals")
    deployment.address.client("s3").delete_object(
        Bucket=deployment.address.outputs["LakeBucketName"], Key="daily_totals/probe"
    )


@pytest.mark.parametrize(
    ("operation", "arguments", "is_allowed"),
    [
        ("put_object", {"Key": "daily_totals/probe", "Body": "x"}, True),
        ("get_object", {"Key": "daily_totals/probe"}, True),
        ("list_objects_v2", {"Prefix": "events/"}, True),
        ("list_objects_v2", {"Prefix": "daily_totals/"}, True),
        ("list_objects_v2", {"Prefix": "account_months/"}, True),
        ("put_object", {"Key": "account_months/manifest.json", "Body": "x"}, False),
        ("get_object", {"Key": "account_months/probe"}, False),
        ("put_object", {"Key": "events/probe", "Body": "x"}, False),
        ("put_object", {"Key": "errors/probe", "Body": "x"}, False),
        ("get_object", {"Key": "errors/probe"}, False),
        ("delete_object", {"Key": "daily_totals/probe"}, False),
        ("list_objects_v2", {"Prefix": "errors/"}, False),
        ("list_objects_v2", {}, False),
    ],
)
def test_the_role_allows_the_function_s_own_work_only(
    deployment: LocalDeployment,
    probe: Any,  # noqa: ANN401 -- the fixture's function
    operation: str,
    arguments: dict[str, str],
    *,
    is_allowed: bool,
) -> None:
    answer = probe("s3", operation, Bucket=deployment.address.outputs["LakeBucketName"], **arguments)
    assert (answer == "allowed") is is_allowed, answer
    assert is_allowed or "AccessDenied" in answer or "Forbidden" in answer


def test_the_role_may_replace_the_view_but_not_create_or_delete_it(
    deployment: LocalDeployment,
    probe: Any,  # noqa: ANN401 -- the fixture's function
    history_view: Any,  # noqa: ANN401 -- a client
) -> None:
    """The emulator does not distinguish Glue's tables: tests/template checks which one the role may change."""
    database = deployment.address.outputs["LakeDatabaseName"]
    view = history_view.get_table(DatabaseName=database, Name=HISTORY)["Table"]
    for operation, arguments, is_allowed in (
        ("get_table", {"Name": HISTORY}, True),
        ("update_table", {"TableInput": stored_view(), "VersionId": view["VersionId"]}, True),
        ("update_table", {"TableInput": stored_view(), "VersionId": view["VersionId"]}, False),
        ("create_table", {"TableInput": {**stored_view(), "Name": "other"}}, False),
        ("delete_table", {"Name": HISTORY}, False),
        ("get_tables", {}, False),
    ):
        answer = probe("glue", operation, DatabaseName=database, **arguments)
        reason = "ConcurrentModification" if operation == "update_table" else "AccessDenied"
        assert (answer == "allowed") if is_allowed else (reason in answer), (operation, answer)


@pytest.fixture
def history_view(deployment: LocalDeployment) -> Iterator[Any]:
    """Glue, with the view over all events, as Athena has created it."""
    glue, database = deployment.address.client("glue"), deployment.address.outputs["LakeDatabaseName"]
    glue.create_table(DatabaseName=database, TableInput=stored_view())
    yield glue
    glue.delete_table(DatabaseName=database, Name=HISTORY)


@pytest.fixture
def compacted(deployment: LocalDeployment) -> Iterator[HistoryStore]:
    """The lake's manifest, in which all of this month's days until today are compacted."""
    open_account(deployment, "1.00")
    wait_until_idle(deployment)
    deployed = lake(deployment)
    store, today = deployed.history_store(), f"{datetime.now(UTC):%Y-%m-%d}"
    month = today[:MONTH_LENGTH]
    key = f"{table.MONTHS_PREFIX}dt_month={month}/account_bucket={table.BUCKETS[0]}/{month}-probe.parquet"
    deployed.s3.put_object(Bucket=deployed.bucket, Key=key, Body=b"not read by this test")
    days = {day: digest for day, digest in store.days().items() if day.startswith(month) and day <= today}
    name = f"{month}-probe"
    store.update(lambda _: Manifest({month: Month(today, name, store.compactions()[name], days, 1)}))
    yield store
    for each in (key, MANIFEST):
        deployed.s3.delete_object(Bucket=deployed.bucket, Key=each)


def test_a_late_delivery_is_in_the_view_of_the_catalog_after_a_run(
    deployment: LocalDeployment,
    history_view: Any,  # noqa: ANN401 -- a client
    compacted: HistoryStore,
) -> None:
    """The view reads the day from `account_months` until a file is added to it."""
    view = HistoryView(history_view, deployment.address.outputs["LakeDatabaseName"])

    def stored() -> StoredView:
        found = view.read()
        assert found is not None
        return found

    before = stored()
    refresh(deployment)
    assert stored().select == compacted.history().select(), "the manifest is newer than the view"
    assert compacted.history().reopened == frozenset()
    assert not view.replace(before, "SELECT 1"), "it was replaced since"
    open_account(deployment, "2.00")
    wait_until_idle(deployment)
    refresh(deployment)
    assert stored().select == compacted.history().select()
    assert compacted.history().reopened == {f"{datetime.now(UTC):%Y-%m-%d}"}
    version = stored().version
    refresh(deployment)
    assert stored().version == version


@pytest.mark.usefixtures("compacted")
def test_a_compacted_lake_without_the_view_is_no_failure(deployment: LocalDeployment) -> None:
    """As on the local stack after `account-events lake compact`: DuckDB needs no view in a catalog."""
    assert refresh(deployment)["failed"] == 0
