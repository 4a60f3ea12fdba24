"""What docs/consuming.md gives its readers to run with the KCL: a program and its properties."""

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "consuming.md"
PROGRAM, PROPERTIES = "consumer.py", "consumer.properties"
_FILE = re.compile(r"```\w+\n# (consumer\.\w+)\n(.*?)```", re.DOTALL)


def files() -> dict[str, str]:
    """By name: code blocks whose first line is a comment with the file's name."""
    return dict(_FILE.findall(GUIDE.read_text()))


def properties(text: str) -> dict[str, str]:
    """As java.util.Properties reads them, of as much of its syntax as is used here."""
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}
