"""Filter patterns of CloudWatch Logs, as far as the runbook and the template use them.

Source: Amazon CloudWatch Logs User Guide, "Filter pattern syntax for metric filters, subscription filters, filter log
events". Only `&&` joins conditions, and terms are optional (`?TERM`).
"""

import json
import operator
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

_CONDITION = re.compile(r"""\$\.([\w.]+) (=|!=|>=|<=|>|<) ("[^"]*"|%[^%]*%|-?[\d.]+)""")
_TERM = re.compile(r'\?(?:"([^"]+)"|(\S+))')
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def matches(pattern: str, message: str) -> bool:
    """Whether a log event's message matches the pattern; an empty pattern matches every message."""
    if not pattern:
        return True
    if not pattern.startswith("{"):
        terms = ["".join(found) for found in _TERM.findall(pattern)]
        assert terms, pattern
        return any(term in message for term in terms)
    try:
        document = json.loads(message)
    except ValueError:
        return False
    conditions = pattern.removeprefix("{").removesuffix("}").split("&&")
    return isinstance(document, dict) and all(_holds(each.strip(), document) for each in conditions)


def _holds(condition: str, document: Mapping[str, Any]) -> bool:
    found = _CONDITION.fullmatch(condition)
    assert found, condition
    path, comparison, expected = found.groups()
    value: Any = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return False
    if expected.startswith("%"):
        return re.search(expected.strip("%"), str(value)) is not None
    if expected.startswith('"'):
        is_equal = isinstance(value, str) and fnmatchcase(value, expected.strip('"'))
        return is_equal == (comparison == "=")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return _COMPARISONS[comparison](value, float(expected))
