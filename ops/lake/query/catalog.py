"""The shipped queries, `consumers/lake/queries/*.sql`: their names, descriptions and parameters.

A file begins with comments:

    -- name: a description of one sentence.
    -- More description, if needed.
    -- parameter: day (date) the day
    -- parameter: count (integer) how many [10]
    -- parameter: day

There is a `parameter` line for each `?` in the SQL, in order, with the default in brackets. If a parameter occurs
again, its line has only the name. A parameter may be derived from an earlier one, so that partitions are compared with
text: `day of moment` is the day of the timestamp `moment`, to compare with `dt`; `month of moment` its month, also of a
date; `microseconds of moment` the timestamp in microseconds since 1970; `bucket of account` the account's bucket.
`-- ordered: from <= until` requires that the first of two dates is not after the second.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from consumers.lake import table

FOLDER = Path(table.__file__).with_name("queries")
INTEGER_MAX = 10**9
DAY_LENGTH, MONTH_LENGTH = len("2026-11-25"), len("2026-11")
_EPOCH, _MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)  # noqa: DTZ001 -- checked values are UTC, without a zone
_HEADER = re.compile(r"-- (\w+): (.+)")
_EXAMPLES = {
    "date": "a date such as 2026-11-25",
    "timestamp": "a time such as 2026-11-25T09:30:00",
    "integer": "a whole number such as 10",
    "string": "text such as a-1",
}
_PARAMETER = re.compile(r"-- parameter: (\w+)(?: \((date|timestamp|string|integer)\) (.+?)(?: \[(.*)\])?)?")
_DERIVED = re.compile(r"-- parameter: (day|month|microseconds|bucket) of (\w+)")
_DERIVATIONS: dict[str, tuple[frozenset[str], Callable[[str], str]]] = {
    "day": (frozenset({"timestamp"}), lambda text: text[:DAY_LENGTH]),
    "month": (frozenset({"timestamp", "date"}), lambda text: text[:MONTH_LENGTH]),
    "microseconds": (
        frozenset({"timestamp"}),
        lambda text: str((datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND),
    ),
    "bucket": (frozenset({"string"}), table.bucket_of),
}
"""What can be derived from a parameter: of which kinds, and how from its checked value."""
_ORDERED = re.compile(r"-- ordered: (\w+) <= (\w+)")
COMMENTS = re.compile(r"--[^\n]*")


class InvalidArguments(Exception):
    """A query's name or parameters are wrong. The message describes valid ones."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query.

    Attributes:
        kind: date, timestamp, string or integer.
        default: None for a mandatory parameter.
    """

    name: str
    kind: str
    help: str
    default: str | None

    def checked(self, text: str) -> str:
        """The value in the form that the query expects.

        Raises:
            InvalidArguments: the text is not a value of the parameter's kind.
        """
        try:
            match self.kind:
                case "date":
                    # `fromisoformat` also accepts 20261127 and 2026-W48-5.
                    if (day := date.fromisoformat(text).isoformat()) == text:
                        return day
                case "timestamp":
                    return _utc(text)
                # ASCII digits only: Python would also accept 1_0 and the digits of other scripts.
                case "integer" if text.isascii() and text.isdigit() and int(text) <= INTEGER_MAX:
                    return str(int(text))
                case "string" if text:
                    return text
        except (ValueError, OverflowError):  # the offset moves the time to before the year 1
            pass
        raise InvalidArguments(f"{self.name} must be {_EXAMPLES[self.kind]}, not {text!r}.")


@dataclass(frozen=True, slots=True)
class Query:
    """A shipped query.

    Attributes:
        description: one sentence.
        order: for each `?`, the name of its parameter, or what is derived from it, such as `day of moment`.
        ordered: pairs of parameters that are dates; the first of a pair must not be after the second.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    order: tuple[str, ...]
    ordered: tuple[tuple[str, str], ...]
    sql: str

    def arguments(self, given: Mapping[str, str]) -> list[str]:
        """The values for the `?`, in order.

        Raises:
            InvalidArguments: a parameter is missing, unknown or invalid.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        if unknown := sorted(given.keys() - known.keys()):
            raise InvalidArguments(f"{self.name} has no parameter {unknown[0]}; it has {', '.join(known) or 'none'}.")
        values = {}
        for name, parameter in known.items():
            text = given.get(name, parameter.default)
            if text is None:
                raise InvalidArguments(f"{self.name} needs {name}, {parameter.help}: add -p {name}=...")
            values[name] = parameter.checked(text)
        for first, last in self.ordered:
            if values[first] > values[last]:
                raise InvalidArguments(f"{first}, {values[first]}, must not be after {last}, {values[last]}.")
        return [_value(name, values) for name in self.order]


def _value(ordered: str, values: Mapping[str, str]) -> str:
    what, of, name = ordered.partition(" of ")
    return _DERIVATIONS[what][1](values[name]) if of else values[ordered]


def parsed(source: str, name: str) -> Query:
    """The query in a file's text.

    Raises:
        ValueError: its header is invalid.
    """
    header = _HEADER.match(source)
    if header is None or header[1] != name:
        raise ValueError(f"{name}.sql must begin with `-- {name}: ` and a description.")
    parameters: dict[str, Parameter] = {}
    order = []
    for line in source.splitlines():
        if not line.startswith("-- parameter:"):
            continue
        if (derived := _DERIVED.fullmatch(line)) is not None:
            kinds = _DERIVATIONS[derived[1]][0]
            if (of := parameters.get(derived[2])) is None or of.kind not in kinds:
                raise ValueError(
                    f"{name}.sql: {line!r} must name a {' or '.join(sorted(kinds))} that an earlier line describes."
                )
            order.append(f"{derived[1]} of {of.name}")
            continue
        found = _PARAMETER.fullmatch(line)
        if found is None or (found[2] is None) != (found[1] in parameters):
            raise ValueError(f"{name}.sql: {line!r} must describe a new parameter or name one described before.")
        if found[2] is not None:
            parameters[found[1]] = Parameter(found[1], found[2], found[3], found[4])
        order.append(found[1])
    if COMMENTS.sub("", source).count("?") != len(order):
        raise ValueError(f"{name}.sql must have a `-- parameter:` line for each `?`.")
    return Query(
        name, header[2], tuple(parameters.values()), tuple(order), tuple(_ordered(source, name, parameters)), source
    )


def _ordered(source: str, name: str, parameters: Mapping[str, Parameter]) -> Iterator[tuple[str, str]]:
    dates = {each.name for each in parameters.values() if each.kind == "date"}
    for line in source.splitlines():
        if not line.startswith("-- ordered:"):
            continue
        found = _ORDERED.fullmatch(line)
        if found is None or not dates.issuperset(found.groups()):
            raise ValueError(
                f"{name}.sql: {line!r} must be like `-- ordered: from <= until`, with two dates among its parameters."
            )
        yield found[1], found[2]


def queries(folder: Path = FOLDER) -> dict[str, Query]:
    """All shipped queries, by name."""
    return {path.stem: parsed(path.read_text(encoding="utf-8"), path.stem) for path in sorted(folder.glob("*.sql"))}


def _utc(text: str) -> str:
    """The time in UTC, in the form that the SQL casts. A time without an offset is taken as UTC."""
    instant = datetime.fromisoformat(text)
    if (offset := instant.utcoffset()) is not None:
        instant = (instant - offset).replace(tzinfo=None)
    return instant.isoformat(" ")
