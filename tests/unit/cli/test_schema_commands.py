"""`account-events schema check` and `schema publish` on real folders: output, exit codes, and interruptions."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.cli.app import app
from ops.schema_gate import schema_folder
from ops.schema_gate.gate import DIGESTS, check
from tests.support.schema_files import TEXT_OR_NULL, changed, event, field, part

ROOT = Path(__file__).parents[3]
NEW_FIELD = field("channel", TEXT_OR_NULL, default=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "schemas"
    shutil.copytree(ROOT / "schemas", copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return copy


def run(command: str, folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["schema", command, *arguments, "--folder", str(folder)])


def edit(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    path.write_text(json.dumps(changed(json.loads(path.read_text()), change)))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_published_schemas_pass(folder: Path) -> None:
    result = run("check", folder)
    assert (result.exit_code, "3 events, 8 published versions" in result.output) == (0, True)


@pytest.mark.parametrize("name", ["event_type", "dt", "published_at", "schema_fingerprint", "copy", "order", "DT"])
def test_a_new_field_that_cannot_be_a_column_is_refused(folder: Path, name: str) -> None:
    before = contents(folder / "history")
    new = {**NEW_FIELD, "name": name}
    edit(folder / "BalanceCredited.avsc", lambda schema: schema["fields"].append(new))  # type: ignore[attr-defined]
    for command, arguments in (("check", ["--allow-unpublished"]), ("publish", [])):
        result = run(command, folder, *arguments)
        assert result.exit_code == 1
        assert f"BalanceCredited.avsc, field {name}: its name cannot be a column of the lake" in result.output
    assert contents(folder / "history") == before


def test_a_corrected_doc_needs_no_new_version(folder: Path) -> None:
    edit(folder / "BalanceCredited.avsc", lambda schema: schema.update(doc="Money came into an account."))
    before = contents(folder)
    assert run("check", folder).exit_code == 0
    result = run("publish", folder)
    assert (result.exit_code, "Nothing to do" in result.output) == (0, True)
    assert contents(folder) == before


def test_a_new_field_is_checked_published_and_checked_again(folder: Path) -> None:
    edit(folder / "BalanceCredited.avsc", lambda schema: schema["fields"].append(NEW_FIELD))  # type: ignore[attr-defined]
    result = run("check", folder)
    assert result.exit_code == 1
    assert "run `account-events schema publish BalanceCredited`" in result.output
    assert run("publish", folder, "BalanceWithdrawn").exit_code == 0
    assert run("check", folder).exit_code == 1
    result = run("publish", folder, "BalanceCredited")
    assert (result.exit_code, "BalanceCredited is published as version 4" in result.output) == (0, True)
    assert (folder / "history/BalanceCredited/4.avsc").read_bytes() == (folder / "BalanceCredited.avsc").read_bytes()
    assert run("check", folder).exit_code == 0
    before = contents(folder)
    result = run("publish", folder)
    assert (result.exit_code, "Nothing to do" in result.output) == (0, True)
    assert contents(folder) == before


def test_allow_unpublished_accepts_valid_drafts(folder: Path) -> None:
    (folder / "InterestPaid.avsc").write_text(json.dumps(event()))
    assert run("check", folder).exit_code == 1
    result = run("check", folder, "--allow-unpublished")
    assert (result.exit_code, "InterestPaid.avsc: it is not published yet" in result.output) == (0, True)
    edit(folder / "InterestPaid.avsc", lambda schema: schema.pop("doc"))
    assert run("check", folder, "--allow-unpublished").exit_code == 1


def test_every_refusal_is_reported_and_nothing_is_published(folder: Path) -> None:
    edit(folder / "BalanceCredited.avsc", lambda schema: part(schema, "sequence").update(type="int"))
    edit(folder / "AccountCreated.avsc", lambda schema: part(schema, "balance")["type"].update(scale=3))
    (folder / "BalanceWithdrawn.avsc").write_text('{"type": "record",}')
    (folder / "history/AccountCreated/1.avsc").unlink()
    before = contents(folder)
    for command in ("check", "publish"):
        result = run(command, folder)
        assert result.exit_code == 1
        lines = result.output.splitlines()
        for part_of_it in (
            "AccountCreated.avsc, field balance, against published version 2: its decimal scale was 2 and is 3",
            "BalanceCredited.avsc, field sequence, against published versions 1, 2, 3: its type was",
            "BalanceWithdrawn.avsc: the file is not JSON",
            "history/AccountCreated/1.avsc: the published version is missing",
        ):
            assert any(part_of_it in line and "What to do: " in line for line in lines), part_of_it
    assert contents(folder) == before


@pytest.mark.parametrize("where", ["x.avsc", "AccountCreated/0.avsc", "AccountCreated/01.avsc", "AccountCreated/a.txt"])
def test_a_stray_file_in_the_history_is_named(folder: Path, where: str) -> None:
    (folder / "history" / where).write_text("{}")
    result = run("check", folder)
    assert (result.exit_code, f"history/{where}: it is not a version of a schema" in result.output) == (1, True)


@pytest.mark.parametrize("where", ["drafts/AccountClosed.avsc", "AccountClosed.AVSC", ".AccountClosed.avsc"])
def test_a_misplaced_schema_is_reported(folder: Path, where: str) -> None:
    (folder / where).parent.mkdir(exist_ok=True)
    (folder / where).write_text("{}")
    (folder / "._AccountClosed.avsc").write_text("what macOS leaves behind")
    result = run("check", folder)
    assert (result.exit_code, f"{where}: it is ignored: working schemas are <Name>.avsc" in result.output) == (1, True)
    assert result.output.count("it is ignored") == 1


@pytest.mark.parametrize("command", ["check", "publish"])
def test_a_missing_folder_is_reported_in_one_line(tmp_path: Path, command: str) -> None:
    result = run(command, tmp_path / "gone")
    assert (result.exit_code, "gone is not a folder: name the folder" in result.output) == (1, True)
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize("command", ["check", "publish"])
@pytest.mark.parametrize(
    ("where", "make", "why"),
    [
        ("dir.avsc", Path.mkdir, "Is a directory"),
        ("Link.avsc", lambda path: path.symlink_to("nowhere"), "No such file or directory"),
        ("history/AccountCreated/9.avsc", lambda path: path.symlink_to("nowhere"), "No such file or directory"),
    ],
)
def test_an_unreadable_file_is_reported_in_one_line(
    folder: Path, command: str, where: str, make: Callable[[Path], object], why: str
) -> None:
    make(folder / where)
    result = run(command, folder)
    assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
    assert f"{where}: {why}. A schema must be a readable file: correct or remove it" in result.output
    assert "Errno" not in result.output


def test_an_unknown_event_is_reported_in_one_line(folder: Path) -> None:
    result = run("publish", folder, "AccountClosed")
    assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
    assert "There is no schema AccountClosed.avsc. Available: AccountCreated" in result.output


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("step", range(3))
def test_an_interrupted_publication_can_be_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: int, error: BaseException
) -> None:
    edit(folder / "BalanceCredited.avsc", lambda schema: schema["fields"].append(NEW_FIELD))  # type: ignore[attr-defined]
    calls = iter(range(99))
    sync = os.fsync

    def stopped(number: int) -> None:
        if next(calls) == step:
            raise error
        sync(number)

    monkeypatch.setattr(os, "fsync", stopped)
    result = run("publish", folder, "BalanceCredited")
    assert result.exit_code == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert "run the command again" in result.output or "again to finish" in result.output
    assert not [path for path in contents(folder) if "unfinished" in path]
    assert check(schema_folder.read(folder))
    monkeypatch.undo()
    assert run("publish", folder).exit_code == 0
    assert run("check", folder).exit_code == 0


def test_temporary_files_of_a_killed_publication_are_ignored(folder: Path) -> None:
    (folder / "history/AccountCreated/.abc.unfinished").write_text("{")
    assert run("check", folder).exit_code == 0


def test_the_digests_list_exactly_the_history(folder: Path) -> None:
    listed = json.loads((folder / DIGESTS).read_text())
    assert set(listed) == {path for path in contents(folder) if path.startswith("history/") and path.endswith(".avsc")}
