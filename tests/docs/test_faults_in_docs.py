"""The documented faults are those that exist, with their texts."""

import re
from pathlib import Path

import pytest

from local_stack.faults.catalogue import FAULTS, Fault
from local_stack.faults.settings import SHARE_DEFAULT
from tests.docs.test_commands_in_docs import fault_in

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/local-stack.md").read_text(encoding="utf-8")
SECTION = DOCUMENT.partition("## Break it\n")[2].partition("\n## ")[0]
RUNBOOK = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
ENTRIES = {name.lower(): name for name in re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE)}


def row(fault: Fault) -> str:
    entry = f"[{ENTRIES[fault.runbook]}](runbook.md#{fault.runbook})"
    repair = f"`{fault.repair}`" if fault.repair else "nothing"
    return f"| `{fault.name}` | {fault.what} | {fault.watch} | {entry} | {repair} |"


def test_the_table_has_exactly_the_faults_and_their_texts() -> None:
    assert re.findall(r"^\| `.*$", SECTION, re.MULTILINE) == [row(fault) for fault in FAULTS.values()]


def test_faults_that_happen_once_are_named() -> None:
    [sentence] = re.findall(r"([^.]*)happen once", SECTION)
    assert re.findall(r"`([\w-]+)`", sentence) == [name for name, fault in FAULTS.items() if fault.is_momentary]


@pytest.mark.parametrize("name", FAULTS)
def test_every_repair_is_a_command_that_exists(name: str) -> None:
    repair = FAULTS[name].repair
    if repair:
        program, _, command = repair.partition(" ")
        assert program == "account-events"
        assert fault_in(command) is None
        assert repair in RUNBOOK


def test_the_default_share_is_documented() -> None:
    assert f"{SHARE_DEFAULT} by default" in SECTION
