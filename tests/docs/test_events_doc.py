"""docs/events.md matches the schemas, and its examples are valid events."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from account_core.api.openapi.examples import ROWS
from account_events.avro.codec import CONTRACT, decode
from account_events.avro.schemas_path import SCHEMAS
from ops.schema_gate import schema_folder
from ops.schema_gate.publication import plan
from ops.schema_gate.source import read_source
from projector.translate import translate
from tests.support.schema_files import MONEY, TEXT_OR_NULL, changed, event, field, part, written
from tools import events_doc
from tools.events_doc import DOCUMENT, Event, Version, events, in_words, text

SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text(), re.MULTILINE | re.DOTALL))


def test_the_document_matches_the_schemas() -> None:
    assert DOCUMENT.read_text() == text(), "docs/events.md is out of date: run `make events-doc`"


@pytest.mark.parametrize("found", events(), ids=lambda found: found.name)
def test_an_example_is_an_event_in_both_forms(found: Event) -> None:
    [shown] = re.findall(r"```json\n(.*?)```", SECTIONS[found.name], re.DOTALL)
    [pieces] = re.findall(r"```text\n(.*?)```", SECTIONS[found.name], re.DOTALL)
    whole, _, *lines = pieces.splitlines()
    read = decode(bytes.fromhex(whole))
    assert "".join(line.split()[-1] for line in lines) == whole
    assert (read.name, read.fingerprint) == (found.name, found.newest.source.fingerprint)
    assert json.loads(shown) == {name: events_doc._plain(value) for name, value in read.fields.items()}  # noqa: SLF001
    assert [line.split()[0] for line in lines[2:]] == list(read.fields)


@pytest.mark.parametrize("found", events(), ids=lambda found: found.name)
def test_every_field_and_version_is_listed_once(found: Event) -> None:
    every = re.search(r"## The fields of every event\n(.*?)^## ", text(), re.MULTILINE | re.DOTALL)
    assert every
    listed = re.findall(r"^\| `(\w+)` \|", every[1] + SECTIONS[found.name], re.MULTILINE)
    assert sorted(listed) == sorted(found.newest.source.fields)
    for version in found.versions:
        assert SECTIONS[found.name].count(f"| `{version.source.fingerprint}` |") == 1


def test_a_field_has_its_first_version_and_its_first_null() -> None:
    v1 = event(field("amount", MONEY))
    v2 = changed(v1, lambda schema: schema["fields"].append(field("reason", TEXT_OR_NULL, default=None)))
    v3 = changed(v2, lambda schema: schema["fields"].append(field("bank", TEXT_OR_NULL, default=None)))
    part(v3, "reason")["doc"] = "The reason | the cause."
    found = Event(
        "InterestPaid", [Version(number, read_source(written(v))) for number, v in ((1, v1), (2, v2), (3, v3))]
    )
    assert found.row("amount") == "| `amount` | money, 18 digits, 2 after the point | 1 | never | What the amount is. |"
    assert found.row("reason") == "| `reason` | text or null | 2 | since 2 | The reason \\| the cause. |"
    assert found.row("causation_id").startswith("| `causation_id` | text or null | 1 | since 1 |")
    listed = [line.split(" | ")[-1] for line in events_doc._versions(found).splitlines()[2:]]  # noqa: SLF001 -- a part
    assert listed == ["first version |", "adds `reason` |", "adds `bank`; clarifies the meaning of `reason` |"]


def test_a_corrected_doc_replaces_that_of_its_version() -> None:
    v1 = event(field("amount", MONEY))
    better = changed(v1, lambda schema: part(schema, "amount").update(doc="What was paid, in units of currency."))
    found = Event("InterestPaid", [Version(1, read_source(written(v1)))], read_source(written(better)))
    assert found.row("amount").endswith("| What was paid, in units of currency. |")
    assert events_doc._versions(found).splitlines()[2].endswith("| first version |")  # noqa: SLF001 -- a part


@pytest.mark.parametrize("found", events(), ids=lambda found: found.name)
def test_the_document_has_the_docs_of_the_working_schemas(found: Event) -> None:
    for declared in CONTRACT.working[found.name].source["fields"]:
        assert f"| {declared['doc']} |" in text()


def test_fields_that_differ_are_not_listed_as_common() -> None:
    common = re.search(r"## The fields of every event\n(.*?)^## ", text(), re.MULTILINE | re.DOTALL)
    assert common
    names = fields_in(common[1])
    assert {"event_id", "sequence"} <= names
    assert "owner" not in names
    for section in SECTIONS.values():
        assert not names & fields_in(section)


def fields_in(section: str) -> set[str]:
    """The names in the first column of a section's tables."""
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


@pytest.mark.parametrize("avro_type", ["double", ["string", "null"], {"type": "array", "items": "string"}])
def test_a_type_without_a_description_is_refused(avro_type: Any) -> None:  # noqa: ANN401 -- Avro's JSON
    with pytest.raises(NotImplementedError, match="no description"):
        in_words(avro_type)


def test_an_event_without_an_example_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for row in ROWS if translate(row)[0] != "AccountCreated"]
    monkeypatch.setattr(events_doc, "ROWS", rows)
    with pytest.raises(LookupError, match="no example of AccountCreated: add a row"):
        text()


ADDED = {"name": "channel", "type": TEXT_OR_NULL, "default": None, "doc": "The channel of the command."}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "BalanceCredited",
            "projector/translate.py does not match the working schema: BalanceCredited: missing",
        ),
        (
            "InterestPaid",
            "There is no example of InterestPaid: add a row with this event to ROWS in account_core/api",
        ),
    ],
)
def test_after_a_publication_one_line_names_what_to_add(name: str, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, folder)
    package = SCHEMAS.parent / "account_events"
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / f"{name}.avsc"
    draft = json.loads(path.read_text()) if path.exists() else event(name=name)
    path.write_bytes(written(changed(draft, lambda schema: schema["fields"].append(ADDED))))
    schema_folder.write(folder, plan(schema_folder.read(folder)).writes)
    before = DOCUMENT.read_bytes()
    ran = subprocess.run(  # with the folder's schemas, and all other code unchanged
        [sys.executable, "-m", "tools.events_doc"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": f"{tmp_path}:{DOCUMENT.parents[1]}"},
        cwd=tmp_path,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("docs/events.md was not written: ")
    assert message in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert DOCUMENT.read_bytes() == before
