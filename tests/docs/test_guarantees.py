"""Each guarantee has all its parts, and its proof can be run."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ["Proof", "Depends on", "Known exceptions", "What would break it", "Symptoms"]
_, *SECTIONS = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8").split("\n## ")


def test_the_document_has_guarantees() -> None:
    assert len(SECTIONS) > 5


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_each_guarantee_has_all_its_parts_in_order(section: str) -> None:
    assert re.findall(r"^- \*\*(.+?)\*\*:", section, re.MULTILINE) == PARTS


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_each_proof_names_existing_tests_or_commands(section: str) -> None:
    proof = section.split("- **Proof**:")[1].split("- **Depends on**:", maxsplit=1)[0]
    paths = re.findall(r"`pytest (\S+?)`", proof)
    assert paths or "`account-events " in proof
    for path in paths:
        target = ROOT / path
        tests = [target] if target.suffix == ".py" else [*target.glob("test_*.py")]
        assert tests, path
        assert all("def test_" in each.read_text(encoding="utf-8") for each in tests), path
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z-]+)", proof)) <= set(targets)


def test_the_order_window_is_that_of_the_template() -> None:
    default = re.search(r"OrderWindowSeconds:\n +Type: Number\n +Default: (\d+)", (ROOT / "template.yaml").read_text())
    assert default is not None
    promise = next(section for section in SECTIONS if section.startswith("Each account's events are in order"))
    assert f"`OrderWindowSeconds` ({default[1]} by default)" in promise
