"""Filter criteria of an event source mapping.

Source: AWS Lambda Developer Guide, "Control which events Lambda sends to your function" (filter rule syntax) and
"Using event filtering with a DynamoDB event source"; for matching inside arrays and for leaf paths, Amazon EventBridge
User Guide, "Comparison operators for use in event patterns". Lambda matches a record if any one filter matches; in a
filter all fields must match, and of a field's rules any one.

Numbers in DynamoDB images are strings (`{"N": "100"}`), so a `numeric` rule never matches an attribute; it can match
`dynamodb.SizeBytes` or `ApproximateCreationDateTime`.

Our choices: `eventName` is accepted beside `dynamodb` although one page says that only the `dynamodb` key is supported
(the CDK documents it, and it works); any other top-level key is refused, because it could never match here. A nested
rule inside `anything-but` is refused: EventBridge knows it, Lambda's page does not list it.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.mapping.errors import UnsupportedMapping

Rule = Callable[[Any], bool]
Matcher = Callable[[Mapping[str, Any]], bool]

TOP_LEVEL_KEYS = ("eventName", "dynamodb", "$or")
ABSENT = object()

_TEXT_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "equals-ignore-case": lambda value, text: value.casefold() == text.casefold(),
}
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


@dataclass(frozen=True)
class FilterCriteria:
    """The filters of one mapping; without any, every record is accepted."""

    patterns: tuple[str, ...] = ()
    _matchers: tuple[Matcher, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def of(cls, patterns: Iterable[str]) -> "FilterCriteria":
        """Read the `Pattern` strings.

        Raises:
            UnsupportedMapping: a pattern is not JSON, is misshapen, or uses an operator we do not know.
        """
        texts = tuple(patterns)
        return cls(texts, tuple(_compile(text) for text in texts))

    def accepts(self, record: Mapping[str, Any]) -> bool:
        """Whether the function gets this record (an element of a Lambda event's `Records`)."""
        seen = {"eventName": record.get("eventName"), "dynamodb": record.get("dynamodb")}
        return not self._matchers or any(matches(seen) for matches in self._matchers)


def _compile(text: str) -> Matcher:
    try:
        pattern = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnsupportedMapping(f"FilterCriteria: the pattern is not JSON ({error}): {text}") from error
    if not isinstance(pattern, dict) or not pattern:
        raise UnsupportedMapping(f"FilterCriteria: a pattern must be a non-empty JSON object: {text}")
    return _fields(pattern, "", TOP_LEVEL_KEYS)


def _fields(pattern: Mapping[str, Any], path: str, allowed: tuple[str, ...] | None = None) -> Matcher:
    """All fields of one level of the pattern, AND-ed."""
    matchers: list[Matcher] = []
    for key, rule in pattern.items():
        where = f"{path}.{key}" if path else key
        if allowed is not None and key not in allowed:
            raise UnsupportedMapping(
                f"FilterCriteria: {where} is never part of what is filtered; use eventName, dynamodb"
            )
        if key == "$or":
            matchers.append(_any_of(rule, path, allowed))
        elif isinstance(rule, dict) and rule:
            matchers.append(_nested(key, _fields(rule, where)))
        elif isinstance(rule, list) and rule:
            matchers.append(_leaf(key, [_rule(entry, where) for entry in rule]))
        else:
            raise UnsupportedMapping(
                f"FilterCriteria: {where} must be a non-empty array of rules or an object of fields"
            )
    return lambda event: all(matches(event) for matches in matchers)


def _any_of(alternatives: object, path: str, allowed: tuple[str, ...] | None) -> Matcher:
    if (
        not isinstance(alternatives, list)
        or not alternatives
        or not all(isinstance(one, dict) and one for one in alternatives)
    ):
        raise UnsupportedMapping(f"FilterCriteria: $or under '{path}' must be a non-empty array of objects")
    matchers = [_fields(one, path, allowed) for one in alternatives]
    return lambda event: any(matches(event) for matches in matchers)


def _nested(key: str, below: Matcher) -> Matcher:
    def matches(event: Mapping[str, Any]) -> bool:
        value = event.get(key)
        if isinstance(value, list):
            return any(below(item) for item in value if isinstance(item, dict))
        return below(value if isinstance(value, dict) else {})

    return matches


def _leaf(key: str, rules: list[Rule]) -> Matcher:
    def matches(event: Mapping[str, Any]) -> bool:
        value = event.get(key, ABSENT)
        # "Exists" and every other operator work on leaf nodes only: an object here is as good as absent.
        candidates = value if isinstance(value, list) else [ABSENT if isinstance(value, dict) else value]
        return any(rule(candidate) for rule in rules for candidate in candidates)

    return matches


def _rule(rule: object, where: str) -> Rule:
    """One entry of a field's array: a literal to be equal to, or `{operator: operand}`."""
    if rule is None or isinstance(rule, str | int | float):
        return lambda value: _same(value, rule)
    if isinstance(rule, dict) and len(rule) == 1:
        ((operator, operand),) = rule.items()
        if operator in _TEXT_OPERATORS and isinstance(operand, str):
            return lambda value: isinstance(value, str) and _TEXT_OPERATORS[operator](value, operand)
        if operator == "exists" and isinstance(operand, bool):
            return lambda value: (value is not ABSENT) is operand
        if operator == "anything-but":
            return _anything_but(operand, where)
        if operator == "numeric" and isinstance(operand, list):
            return _numeric(operand, where)
    raise UnsupportedMapping(
        f"FilterCriteria: unknown rule {json.dumps(rule)} at {where}; known: a literal, null, prefix, suffix, "
        "equals-ignore-case, exists, anything-but (a value or an array), numeric"
    )


def _same(value: object, literal: object) -> bool:
    """Equal without any normalisation: "300, 300.0, and 3.0e2 are not considered equal"."""
    return type(value) is type(literal) and repr(value) == repr(literal)


def _anything_but(operand: object, where: str) -> Rule:
    excluded = operand if isinstance(operand, list) else [operand]
    if not excluded or not all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in excluded):
        raise UnsupportedMapping(
            f"FilterCriteria: anything-but at {where} takes a string, a number, or an array of them"
        )
    return lambda value: value is not ABSENT and not any(_same(value, item) for item in excluded)


def _numeric(operand: list[Any], where: str) -> Rule:
    pairs = list(zip(operand[::2], operand[1::2], strict=False))
    well_formed = all(
        symbol in _COMPARISONS and isinstance(bound, int | float) and not isinstance(bound, bool)
        for symbol, bound in pairs
    )
    if len(operand) not in {2, 4} or not well_formed:
        raise UnsupportedMapping(f'FilterCriteria: numeric at {where} takes ["=", 1] or [">", 0, "<=", 5]')

    def matches(value: object) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return all(_COMPARISONS[symbol](value, bound) for symbol, bound in pairs)

    return matches
