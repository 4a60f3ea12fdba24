"""Executes docs/evolving-events.md: its examples step by step, and its table row by row."""

import doctest
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli.schema import app
from ops.lake.query.column_names import why_no_column
from ops.schema_gate import schema_folder
from ops.schema_gate.gate import Files, check, entries
from tests.support.schema_files import MONEY, TEXT_OR_NULL, Json, changed, event, field, kept, part, written

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/evolving-events.md").read_text()
EXAMPLES = dict(re.findall(r"^## Example: (.*?)\n(.*?)(?=^## )", DOCUMENT, re.MULTILINE | re.DOTALL))
ROWS = [
    row.split(" | ")
    for row in re.findall(r"^\| (.*) \|$", DOCUMENT.partition("## What the gate refuses")[2], re.MULTILINE)
][1:]
EVENT = "BalanceCredited"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a folder with a copy of the project's schemas."""
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_document_has_three_examples() -> None:
    assert set(EXAMPLES) == {"a new optional field", "a new event type", "a corrected doc"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_runs_as_written(name: str, project: Path) -> None:
    names: dict[str, Any] = {}
    steps = re.findall(r"^```(\w+)\n(.*?)^```$", EXAMPLES[name], re.MULTILINE | re.DOTALL)
    assert {"console", "pycon"} < {kind for kind, _ in steps}
    for kind, text in steps:
        match kind:
            case "diff":
                apply_diff(text, project / "schemas")
            case "json":
                create_schema(text, project / "schemas")
            case "console":
                run_commands(text, project / "schemas")
            case "pycon":
                run_doctest(text, names)
            case _:
                pytest.fail(f"no rule for the block: {text}")


def apply_diff(diff: str, folder: Path) -> None:
    """Applies a diff that matches once in one file."""
    was, now = (
        "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] in marks) for marks in (" -", " +")
    )
    [path] = [path for path in folder.glob(f"{EVENT}.avsc") if path.read_text().count(was) == 1]
    path.write_text(path.read_text().replace(was, now))


def create_schema(source: str, folder: Path) -> None:
    path = folder / f"{json.loads(source)['name']}.avsc"
    assert not path.exists()
    path.write_text(source)


def run_commands(session: str, folder: Path) -> None:
    """Runs the commands after `$ ` and compares their output."""
    for command, expected in re.findall(r"^\$ account-events schema (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
        result = CliRunner().invoke(app, [*command.split(), "--folder", str(folder)])
        assert result.output == expected
        assert result.exit_code == ("refused" in expected)


def run_doctest(code: str, names: dict[str, Any]) -> None:
    """Runs an interactive Python session and compares its output; `names` are those of the example so far."""
    test = doctest.DocTestParser().get_doctest(code, names, "evolving-events.md", None, 0)
    failures: list[str] = []
    flags = doctest.ELLIPSIS
    doctest.DocTestRunner(verbose=False, optionflags=flags).run(test, out=failures.append, clear_globs=False)
    names.update(test.globs)
    assert test.examples
    assert not failures, "".join(failures)


# --- the table ---


def schema(change: Callable[[Json], object]) -> Callable[[Files], Files]:
    """A change to the working schema."""

    def spoil(files: Files) -> Files:
        draft = changed(json.loads(files.working[EVENT]), change)
        return replace(files, working={**files.working, EVENT: written(draft)})

    return spoil


def published(change: Callable[[dict[int, bytes]], object]) -> Callable[[Files], Files]:
    """A change to the published versions."""

    def spoil(files: Files) -> Files:
        versions = dict(files.published[EVENT])
        change(versions)
        return replace(files, published={**files.published, EVENT: versions})

    return spoil


def new_event(change: Callable[[Json], object]) -> Callable[[Files], Files]:
    return lambda files: replace(files, working={**files.working, "InterestPaid": written(changed(event(), change))})


def add(*fields: Json) -> Callable[[Files], Files]:
    return schema(lambda found: found["fields"].extend(fields))


def update(name: str, /, **attributes: object) -> Callable[[Files], Files]:
    return schema(lambda found: part(found, name).update(attributes))


def mandatory(declared: Json) -> Json:
    return field("causation_id", "string") if declared["name"] == "causation_id" else declared


def rename_event(files: Files) -> Files:
    working = dict(files.working)
    working["MoneyCredited"] = working.pop(EVENT)
    return replace(files, working=working)


CHANGES: dict[str, Callable[[Files], Files]] = {
    "add an optional field": add(field("channel", TEXT_OR_NULL, default=None)),
    "add a field that every event must have": add(field("channel", "string")),
    "add a field with a default of a logical type": add(field("fee", MONEY, default="\u0000")),
    "add a field of a type not used so far": add(field("is_instant", ["null", "boolean"], default=None)),
    "add a field in camelCase": add(field("valueDate", TEXT_OR_NULL, default=None)),
    "add a field named like a column or partition key that the lake adds": add(
        field("event_type", TEXT_OR_NULL, default=None)
    ),
    "add a field named like a reserved word of Athena or DuckDB": add(field("order", TEXT_OR_NULL, default=None)),
    "add a field that another event has with another type": add(field("owner", "long")),
    "remove a field": schema(lambda found: found["fields"].remove(part(found, "currency"))),
    "remove an optional field": schema(lambda found: found["fields"].remove(part(found, "request_id"))),
    "rename a field": update("amount", name="value"),
    "rename a field by an alias": update("amount", name="value", aliases=["amount"]),
    "change the order of fields": schema(lambda found: found["fields"].append(found["fields"].pop(-2))),
    "widen a type": update("sequence", type="double"),
    "change text to bytes": update("currency", type="bytes"),
    "make a field optional": update("currency", type=TEXT_OR_NULL, default=None),
    "make a field mandatory": schema(lambda found: found.update(fields=[*map(mandatory, found["fields"])])),
    "reorder the branches of a union": update("causation_id", type=["string", "null"]),
    "change the scale of money": update("amount", type=MONEY | {"scale": 4}),
    "change the precision of money": update("amount", type=MONEY | {"precision": 20}),
    "change times to milliseconds": update("occurred_at", type={"type": "long", "logicalType": "timestamp-millis"}),
    "change a default": update("causation_id", default="none"),
    "shorten a doc": update("amount", doc="What was paid in."),
    "remove a doc": update("amount", doc=""),
    "add an unknown or misspelt attribute": update("amount", order="ignore"),
    "rename an event": rename_event,
    "change the namespace": schema(lambda found: found.update(namespace="account.events.v2")),
    "name an event in lower case": lambda files: replace(
        files, working={**files.working, "interest_paid": written(event(name="interest_paid"))}
    ),
    "name two events alike except for case": lambda files: replace(
        files, working={**files.working, "Balancecredited": written(event(name="Balancecredited"))}
    ),
    "add an event without the common fields": new_event(lambda found: found["fields"].pop(2)),
    "retire an event": lambda files: replace(
        files, working={name: data for name, data in files.working.items() if name != EVENT}
    ),
    "edit a published version": published(lambda versions: versions.update({1: versions[1] + b"\n"})),
    "remove a published version": published(lambda versions: versions.pop(2)),
    "remove all published versions of an event, and their digests": lambda files: replace(
        files,
        published={name: versions for name, versions in files.published.items() if name != EVENT},
        digests=kept({file: digest for file, digest in entries(files.digests).items() if EVENT not in file}),
    ),
    "remove the digests": lambda files: replace(files, digests=None),
    "add a version by hand": published(lambda versions: versions.update({4: versions[2]})),
    "repeat a key in an object": lambda files: replace(
        files, working={**files.working, EVENT: files.working[EVENT].replace(b'"doc"', b'"name"', 1)}
    ),
}


def test_every_row_has_a_test_and_every_test_a_row() -> None:
    assert [title for title, _, _ in ROWS] == list(CHANGES)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_row_matches_the_gates_refusal(row: list[str]) -> None:
    title, problem, instead = (cell.replace("`", "") for cell in row)
    refused = check(CHANGES[title](schema_folder.read(ROOT / "schemas")), why_no_column)
    assert [
        refusal for refusal in refused if problem in refusal.problem and instead in refusal.instead.replace("`", "")
    ], refused
