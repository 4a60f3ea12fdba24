"""The threat model names files, tests and resources that exist, and every role that the template creates."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
QUOTED = re.findall(r"`([^`]+)`", TEXT)
FILES = sorted({each for each in QUOTED if re.fullmatch(r"[\w/]+\.(py|yaml)(::test_\w+)?", each)})
NAMES = {each.partition("=")[0] for each in QUOTED if re.fullmatch(r"[A-Z][a-z]+\w*(=\w+)?", each)}
HEADER = "| what could happen | what prevents or detects it | what remains, and who acts |"


def threats() -> Iterator[list[str]]:
    """The cells of each threat."""
    for table in TEXT.split(HEADER)[1:]:
        for line in table.strip().splitlines()[1:]:
            if not line.startswith("|"):
                break
            yield [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("file", FILES)
def test_each_named_file_and_test_exists(file: str) -> None:
    path, _, test = file.partition("::")
    assert (ROOT / path).is_file()
    if test or Path(path).name.startswith("test_"):
        assert f"def {test or 'test_'}" in (ROOT / path).read_text(encoding="utf-8")


def test_each_named_resource_or_parameter_is_in_the_template() -> None:
    assert len(NAMES) > 20
    assert NAMES - TEMPLATE["Resources"].keys() - TEMPLATE["Parameters"].keys() == set()


def test_every_role_of_the_template_is_described() -> None:
    roles = {name for name, resource in TEMPLATE["Resources"].items() if resource["Type"] == "AWS::IAM::Role"}
    assert roles - NAMES == set()


def test_every_threat_has_a_defence_and_a_remainder() -> None:
    found = list(threats())
    assert len(found) > 20
    for cells in found:
        assert len(cells) == 3, cells
        assert all(cells), cells
