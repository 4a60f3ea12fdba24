"""`doctor` compares the views in Athena with those that `lake tables` would create now."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from ops.lake.query.history import History
from ops.lake.query.manifest import KEY, Manifest, Mark
from tests.support.aws_stack import AwsStack
from tests.support.lake import put
from tests.unit.doctor.examined import Doctor, found

COMPACTED = History({"2026-08": ("2026-08-31", "2026-08-a")}).select()
REPAIR = "account-events lake tables --stack bank"


@pytest.fixture
def stack(healthy: AwsStack) -> Iterator[AwsStack]:
    """The stack, which is healthy again at the end."""
    views = dict(healthy.views)
    yield healthy
    healthy.views = views
    (healthy.root / KEY).unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["events", "account_history"])
def test_a_missing_view_is_found(stack: AwsStack, doctor: Doctor, name: str) -> None:
    del stack.views[name]
    [finding] = found(doctor(stack))
    assert (finding["kind"], finding["where"], finding["repair"]) == ("lake-view-missing", name, REPAIR)


def test_a_view_of_another_release_is_found(stack: AwsStack, doctor: Doctor) -> None:
    stack.views["events"] = stack.views["events"].replace("  occurred_at_us,\n", "")
    [finding] = found(doctor(stack))
    assert (finding["kind"], finding["where"], finding["repair"]) == ("lake-view-differs", "events", REPAIR)


def test_a_view_for_other_files_is_found(stack: AwsStack, doctor: Doctor) -> None:
    """It reads a month from files that are not in the bucket."""
    stack.views["account_history"] = COMPACTED
    [finding] = found(doctor(stack))
    assert (finding["kind"], finding["where"], finding["repair"]) == ("lake-view-differs", "account_history", REPAIR)
    assert finding["what"].endswith("creates, or the files have changed since it was created.")


def test_a_view_that_a_command_is_about_to_create_is_no_finding(stack: AwsStack, doctor: Doctor) -> None:
    stack.views["account_history"] = COMPACTED
    put(stack.root / KEY, marked(stack.now - timedelta(hours=1)))
    assert found(doctor(stack)) == []
    del stack.views["account_history"]
    assert [finding["kind"] for finding in found(doctor(stack))] == ["lake-view-missing"]


def test_the_mark_of_a_killed_command_hides_nothing(stack: AwsStack, doctor: Doctor) -> None:
    """A command that still runs renews its mark every hour."""
    stack.views["account_history"] = COMPACTED
    put(stack.root / KEY, marked(stack.now - timedelta(hours=3)))
    assert [finding["kind"] for finding in found(doctor(stack))] == ["lake-view-differs"]


def marked(at: datetime) -> bytes:
    return Manifest(reopened={"x": Mark(at, ("2026-08-01",))}).to_json()


@pytest.mark.parametrize("source", ["other.account_events", "account_events TABLESAMPLE BERNOULLI (10)"])
def test_a_view_on_other_data_is_found(stack: AwsStack, doctor: Doctor, source: str) -> None:
    stack.views["events"] = stack.views["events"].replace("account_events", source)
    [finding] = found(doctor(stack))
    assert (finding["kind"], finding["where"]) == ("lake-view-differs", "events")


def test_a_table_under_the_name_of_a_view_is_found(
    stack: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_tables = stack._glue_get_table  # noqa: SLF001 -- the answer that is replaced

    def answer(DatabaseName: str, Name: str) -> object:  # noqa: N803 -- the API's
        return {"Table": {"Name": Name}} if Name == "events" else of_tables(DatabaseName, Name)

    monkeypatch.setattr(stack, "_glue_get_table", answer)
    [finding] = found(doctor(stack))
    assert (finding["kind"], finding["where"]) == ("lake-view-differs", "events")
