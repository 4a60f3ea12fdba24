"""What Athena and Firehose know of the lake: its tables and views in the Glue Data Catalog, and the workgroup."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind, quoted
from ops.doctor.stack_view import StackView
from ops.lake.query.duckdb_engine import EVENTS_SELECT
from ops.lake.query.history import NAME as HISTORY
from ops.lake.query.history_store import MARK_RENEWED
from ops.lake.query.stored_view import is_same, select_in

DIFFERS = Kind(
    "lake-table-differs",
    "Queries fail or omit events, or Firehose cannot write them.",
    "undo-a-change-made-by-hand",
)
WORKGROUP_DIFFERS = Kind(
    "lake-workgroup-differs",
    "Queries are refused, or one of them may cost more than LakeQueryBytesMax allows.",
    "undo-a-change-made-by-hand",
)
VIEW_MISSING = Kind("lake-view-missing", "Queries in Athena fail.", "lake-view-differs")
VIEW_DIFFERS = Kind("lake-view-differs", "Queries in Athena may fail or omit events.", "lake-view-differs")


def check(view: StackView) -> Iterator[Finding]:
    """Checks each table of the template, without its comments, the views, and the workgroup."""
    wrong_tables = list(_tables(view))
    yield from wrong_tables
    for name in view.of_type("AWS::Athena::WorkGroup"):
        yield from _workgroup(view, name)
    if view.is_local or wrong_tables:  # locally, there are no views; a repair begins with the tables
        return
    yield from _view(view, "events", EVENTS_SELECT)
    yield from _history(view)


def _history(view: StackView) -> Iterator[Finding]:
    """Checks the view `account_history`. While a command holds days open, it will create the view again itself."""
    store = view.lake.history_store()
    marks = store.read()[0].reopened.values()
    is_changing = any(view.now - mark.at < 2 * MARK_RENEWED for mark in marks)
    yield from _view(view, HISTORY, None if is_changing else store.history().select())


def _view(view: StackView, name: str, select: str | None) -> Iterator[Finding]:
    """Compares a view with the one that `lake tables` would create now, if that is known."""
    database, repair = view.deployment.outputs["LakeDatabaseName"], f"account-events lake tables{view.option}"
    request = partial(view.client("glue").get_table, DatabaseName=database, Name=name)
    described = found(request, {"EntityNotFoundException"})
    if described is None:
        if not view.is_new:  # it is created after the deployment
            yield VIEW_MISSING.at(name, f"The view {name} does not exist in Athena.", repair)
        return
    stored = select_in(described["Table"].get("ViewOriginalText", ""))
    if select is not None and (stored is None or not is_same(stored, select)):
        older = ", or the files have changed since it was created" if name == HISTORY else ""
        what = f"The view {name} in Athena is not the one that this release creates{older}."
        yield VIEW_DIFFERS.at(name, what, repair)


def _tables(view: StackView) -> Iterator[Finding]:
    for name in view.of_type("AWS::Glue::Table"):
        properties = view.properties(name)
        database, expected = properties["DatabaseName"], properties["TableInput"]
        names = {"DatabaseName": database, "Name": expected["Name"]}
        described = found(partial(view.client("glue").get_table, **names), {"EntityNotFoundException"})
        if described is None:
            yield deleted(view, name)
        elif wrong := _differing(expected, described["Table"]):
            what = f"The lake's table {expected['Name']} differs from the template in {', '.join(wrong)}."
            repair = f"aws glue update-table --database-name {database} --table-input {quoted(expected)}"
            yield DIFFERS.at(name, what, repair)


def _workgroup(view: StackView, name: str) -> Iterator[Finding]:
    expected = view.properties(name)
    workgroup, bytes_max = expected["Name"], int(expected["WorkGroupConfiguration"]["BytesScannedCutoffPerQuery"])
    request = partial(view.client("athena").get_work_group, WorkGroup=workgroup)
    try:
        described = request()["WorkGroup"]
    except view.client("athena").exceptions.InvalidRequestException as error:
        if "not found" not in str(error):
            raise
        yield deleted(view, name)
        return
    configuration = described.get("Configuration", {})
    limits = (described.get("State"), configuration.get("EnforceWorkGroupConfiguration"))
    if (*limits, int(configuration.get("BytesScannedCutoffPerQuery", 0))) != ("ENABLED", True, bytes_max):
        updates = {"EnforceWorkGroupConfiguration": True, "BytesScannedCutoffPerQuery": bytes_max}
        repair = f"aws athena update-work-group --work-group {workgroup} --state ENABLED"
        repair += f" --configuration-updates {quoted(updates)}"
        what = f"The workgroup {workgroup} is disabled, or does not limit queries to {bytes_max} bytes."
        yield WORKGROUP_DIFFERS.at(name, what, repair)


def _differing(expected: Mapping[str, Any], deployed: Mapping[str, Any]) -> list[str]:
    """What differs, in words."""
    storage, there = expected["StorageDescriptor"], deployed.get("StorageDescriptor", {})
    parameters = deployed.get("Parameters", {})
    compared = {
        "its columns": (_columns(storage["Columns"]), _columns(there.get("Columns", ()))),
        "its partition keys": (_columns(expected["PartitionKeys"]), _columns(deployed.get("PartitionKeys", ()))),
        "its location": (storage["Location"], there.get("Location")),
        "its format": (storage["SerdeInfo"]["SerializationLibrary"], _library(there)),
    }
    wrong = [words for words, (own, other) in compared.items() if own != other]
    return wrong + sorted(key for key, value in expected["Parameters"].items() if parameters.get(key) != value)


def _columns(listed: Any) -> list[tuple[str, str]]:  # noqa: ANN401 -- a list of columns
    return [(each["Name"], each["Type"]) for each in listed]


def _library(storage: Mapping[str, Any]) -> object:
    return storage.get("SerdeInfo", {}).get("SerializationLibrary")
