"""Filter criteria of an event source mapping.

Source: AWS Lambda Developer Guide, "Control which events Lambda sends to your function" (filter rule syntax) and
"Using event filtering with a DynamoDB event source"; for matching inside arrays and for leaf paths, Amazon EventBridge
User Guide, "Comparison operators for use in event patterns". A record matches if any filter does, a filter if all its
fields match, and a field if any of its rules matches.

Numbers in DynamoDB images are strings (`{"N": "100"}`), so a `numeric` rule never matches an attribute. It can match
`dynamodb.SizeBytes` or `ApproximateCreationDateTime`.

Every field of a DynamoDB event can be filtered on. One page of the guide allows only the key `dynamodb`, but "DynamoDB
Streams and Time to Live" filters on `userIdentity`, and the CDK's reference filters on `eventName`. If an object names
a field twice, as in the example of "Filtering with Boolean expressions", both rules apply.

For a Kinesis record, "Using event filtering with a Kinesis event source": `data` is the record's JSON, and a record
without JSON is dropped. The metadata fields, such as `partitionKey`, are next to `data`.

Lambda's page claims the same rules as EventBridge, but lists fewer. This module accepts the rules that the page lists
and, within `anything-but`, EventBridge's `prefix`, `suffix` and `equals-ignore-case`; it refuses `wildcard` and `cidr`.
It also refuses a top-level key that no record has, because such a pattern could never match.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from account_events.lambda_mapping.errors import UnsupportedMapping

SourceKind = Literal["dynamodb", "kinesis"]
Rule = Callable[[Any], bool]
Matcher = Callable[[Mapping[str, Any]], bool]

_EVENT_KEYS = ("awsRegion", "eventID", "eventName", "eventSource", "eventSourceARN", "eventVersion")
_KINESIS_KEYS = ("approximateArrivalTimestamp", "data", "kinesisSchemaVersion", "partitionKey", "sequenceNumber")
_TOP_LEVEL_KEYS: Mapping[SourceKind, tuple[str, ...]] = {
    "dynamodb": (*_EVENT_KEYS, "userIdentity", "dynamodb"),
    "kinesis": (*_EVENT_KEYS, "invokeIdentityArn", *_KINESIS_KEYS),
}
ABSENT = object()
NOT_JSON = object()
QUOTED_MAX = 200
"""How many characters of a pattern an error message quotes."""

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
    """The filters of one mapping. Without patterns, every record is accepted.

    Attributes:
        source: the kind of stream that the patterns are for.
    """

    patterns: tuple[str, ...] = ()
    source: SourceKind = "dynamodb"
    _matchers: tuple[Matcher, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def of(cls, patterns: Iterable[str], source: SourceKind = "dynamodb") -> "FilterCriteria":
        """Compile the `Pattern` strings.

        Raises:
            UnsupportedMapping: a pattern is not JSON, has the wrong shape, or uses an unknown operator.
        """
        texts = tuple(patterns)
        if not texts:
            return cls()
        return cls(texts, source, tuple(_compile(text, _TOP_LEVEL_KEYS[source]) for text in texts))

    def accepts(self, record: Mapping[str, Any]) -> bool:
        """Whether this record (an element of a Lambda event's `Records`) is delivered to the function."""
        if not self._matchers:
            return True
        seen = record if self.source == "dynamodb" else _kinesis_fields(record)
        return any(matches(seen) for matches in self._matchers)


def _kinesis_fields(record: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        data = json.loads(base64.b64decode(record["kinesis"]["data"]))
    except (ValueError, RecursionError):
        data = NOT_JSON
    return {**record, **record["kinesis"], "data": data}


def _compile(text: str, keys: tuple[str, ...]) -> Matcher:
    try:
        pattern = json.loads(text, object_pairs_hook=_merged, parse_constant=_no_constant)
        if isinstance(pattern, dict) and pattern:
            return _fields(pattern, "", keys)
    except RecursionError as error:
        raise UnsupportedMapping(f"FilterCriteria: the pattern is nested too deeply: {text[:QUOTED_MAX]}") from error
    except ValueError as error:  # also raised by `int` for a number of thousands of digits
        raise UnsupportedMapping(f"FilterCriteria: the pattern is not JSON ({error}): {text[:QUOTED_MAX]}") from error
    raise UnsupportedMapping(f"FilterCriteria: a pattern must be a non-empty JSON object: {text[:QUOTED_MAX]}")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _merged(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object; objects under the same name are merged."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key not in found:
            found[key] = value
        elif isinstance(there := found[key], dict) and isinstance(value, dict):
            found[key] = _merged([*there.items(), *value.items()])
        else:
            raise UnsupportedMapping(f"FilterCriteria: {key} appears twice in one object; put its rules into one array")
    return found


def _fields(pattern: Mapping[str, Any], path: str, allowed: tuple[str, ...] | None = None) -> Matcher:
    """The conjunction of all fields at one level of the pattern."""
    matchers: list[Matcher] = []
    for key, rule in pattern.items():
        where = f"{path}.{key}" if path else key
        if allowed is not None and key not in (*allowed, "$or"):
            raise UnsupportedMapping(f"FilterCriteria: no record has {where}; use {', '.join(allowed)} or $or")
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
        if value is NOT_JSON:
            return False
        if isinstance(value, list):
            return any(below(item) for item in value if isinstance(item, dict))
        return below(value if isinstance(value, dict) else {})

    return matches


def _leaf(key: str, rules: list[Rule]) -> Matcher:
    def matches(event: Mapping[str, Any]) -> bool:
        value = event.get(key, ABSENT)
        if value is NOT_JSON:
            return False
        # "Exists" and every other operator apply to leaf nodes only, so an object counts as absent.
        candidates = value if isinstance(value, list) else [ABSENT if isinstance(value, dict) else value]
        return any(rule(candidate) for rule in rules for candidate in candidates)

    return matches


def _rule(rule: object, where: str) -> Rule:
    """The rule of one entry in a field's array: a literal for equality, or `{operator: operand}`."""
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
        "equals-ignore-case, exists, anything-but, numeric; Lambda does not list EventBridge's wildcard and cidr"
    )


def _same(value: object, literal: object) -> bool:
    """Equality without normalisation: "300, 300.0, and 3.0e2 are not considered equal"."""
    return type(value) is type(literal) and repr(value) == repr(literal)


def _anything_but(operand: object, where: str) -> Rule:
    if isinstance(operand, dict) and len(operand) == 1:
        return _anything_but_text(*next(iter(operand.items())), where)
    excluded = operand if isinstance(operand, list) else [operand]
    if not excluded or not all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in excluded):
        raise UnsupportedMapping(
            f"FilterCriteria: anything-but at {where} takes a string, a number, an array of them, or one of "
            f"{', '.join(_TEXT_OPERATORS)} with a string or an array of strings"
        )
    return lambda value: value is not ABSENT and not any(_same(value, item) for item in excluded)


def _anything_but_text(operator: str, operand: object, where: str) -> Rule:
    texts = [text for text in (operand if isinstance(operand, list) else [operand]) if isinstance(text, str)]
    if operator not in _TEXT_OPERATORS or not texts or operand not in (texts, *texts):
        raise UnsupportedMapping(
            f"FilterCriteria: anything-but at {where} takes {', '.join(_TEXT_OPERATORS)} with a string or an array of "
            f"strings, not {operator}"
        )
    matches = _TEXT_OPERATORS[operator]
    return lambda value: (
        value is not ABSENT and not (isinstance(value, str) and any(matches(value, text) for text in texts))
    )


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
