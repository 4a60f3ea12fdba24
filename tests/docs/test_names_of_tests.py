"""The name of a test is a sentence of at most 70 characters, counted with `test_`."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("tests", "benchmarks/tests")
LENGTH_MAX = 70
TEST = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)


def names() -> Iterator[tuple[str, str]]:
    """The file and the name of each test."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in TEST.findall(path.read_text(encoding="utf-8")):
                yield path.relative_to(ROOT).as_posix(), name


def test_the_name_of_a_test_has_at_most_70_characters() -> None:
    found = list(names())
    assert len(found) > 1_000
    too_long = [f"{path}: {name} has {len(name)} characters" for path, name in found if len(name) > LENGTH_MAX]
    assert not too_long, "Shorten:\n" + "\n".join(too_long)
