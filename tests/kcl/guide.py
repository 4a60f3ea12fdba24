"""The program and properties for the KCL in docs/consuming.md."""

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "consuming.md"
PROGRAM, PROPERTIES = "consumer.py", "consumer.properties"
_FILE = re.compile(r"```\w+\n# (consumer\.\w+)\n(.*?)```", re.DOTALL)


def files() -> dict[str, str]:
    """The guide's files by name: code blocks whose first line is a comment with the file's name."""
    return dict(_FILE.findall(GUIDE.read_text()))


def properties(text: str) -> dict[str, str]:
    """Parse properties in the part of the syntax of java.util.Properties that the guide uses."""
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}
