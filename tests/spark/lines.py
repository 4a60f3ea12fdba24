"""Lines of an export that are nearly valid."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

VALUES = (
    "", "0", "00", "1", "2", "3", "-1", "1.5", "1e3", "1E+2", "100.00", "100.001", "0.0", "0.00", "-0", "12.", ".5",
    "9999999999999999.99", "10000000000000000", "999999999999999999", "1000000000000000000",
    "9" * 38, "\u0661", " 1", "+1",
    "CREATED", "CREDIT", "WITHDRAW", "SNAPSHOT", "credit", "a-1", 'a"b', "a\\b", "Zo\u00eb", "\U0001f4b6", "a\nb", "}",
    '"},',
    "2026-01-31T09:30:00.000001Z", "2026-02-29T09:30:00.000001Z", "2024-02-29T09:30:00.000001Z",
    "2026-01-31T24:00:00.000000Z", "2026-01-31T09:30:60.000000Z", "2026-01-31T09:30:00Z", "2026-01-31 09:30:00.000001Z",
    "1969-12-31T23:59:59.999999Z", "1582-10-10T00:00:00.000000Z", "1000-01-01T00:00:00.000000Z",
    "0000-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "2026-13-01T00:00:00.000000Z",
)  # fmt: skip
TYPES = ("S", "N", "NULL", "BOOL", "M")


def damaged_lines(lines: Sequence[str], number: int = 3_000, seed: int = 1) -> Iterator[str]:
    """Each is a line with one or two changes; also changes after which it is still valid."""
    generator = random.Random(seed)  # noqa: S311 -- test data
    for _ in range(number):
        line = generator.choice(lines)
        for _ in range(generator.choice((1, 1, 2))):
            line = generator.choice(CHANGES)(generator, line)
        yield line


def _item(line: str) -> dict[str, Any]:
    try:
        item = json.loads(line)["Item"]
    except (ValueError, TypeError, KeyError):
        return {}
    return item if isinstance(item, dict) else {}


def _line(item: Any) -> str:  # noqa: ANN401 -- JSON
    return json.dumps({"Item": item}, separators=(",", ":"), ensure_ascii=False)


def _value(generator: random.Random, line: str) -> str:
    item = _item(line)
    if not item:
        return line
    name = generator.choice(sorted(item))
    kind = generator.choice((*item[name], generator.choice(TYPES))) if isinstance(item[name], dict) else "S"
    value: Any = generator.choice((*VALUES, None, True, 5, {}))
    return _line(item | {name: {kind: value}})


def _other_value(generator: random.Random, line: str) -> str:
    """A value of the same type."""
    item = _item(line)
    names = [name for name in item if isinstance(item[name], dict) and item[name]]
    if not names:
        return line
    name = generator.choice(names)
    return _line(item | {name: {next(iter(item[name])): generator.choice(VALUES)}})


def _removed(generator: random.Random, line: str) -> str:
    item = _item(line)
    item.pop(generator.choice(sorted(item) or [""]), None)
    return _line(item)


def _added(generator: random.Random, line: str) -> str:
    names = ("Owner", "Amount", "Digest", "CommandId", "RequestId", "TransferId", "CounterpartyId", "New", "owner", "")
    return _line(_item(line) | {generator.choice(names): {generator.choice(TYPES): generator.choice(VALUES)}})


def _shuffled(generator: random.Random, line: str) -> str:
    pairs = list(_item(line).items())
    generator.shuffle(pairs)
    return _line(dict(pairs))


def _twice(generator: random.Random, line: str) -> str:
    """An attribute occurs twice; the last one counts."""
    item = _item(line)
    if not item:
        return line
    name = generator.choice(sorted(item))
    again = json.dumps({name: {"S": "twice"}}, separators=(",", ":"))[1:-1]
    return line.replace('{"Item":{', '{"Item":{' + again + ",", 1)


def _spaced(_generator: random.Random, line: str) -> str:
    return json.dumps({"Item": _item(line)}, ensure_ascii=True)


def _bytes(generator: random.Random, line: str) -> str:
    at = generator.randrange(len(line) + 1)
    return line[:at] + generator.choice(("", " ", ",", "}", "0", "\\u0041", '"')) + line[at + generator.randrange(2) :]


CHANGES = (_value, _other_value, _other_value, _removed, _added, _shuffled, _twice, _spaced, _bytes)
