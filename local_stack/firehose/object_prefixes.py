"""Prefixes and names of the objects that Firehose writes. Pure.

Source: Amazon Data Firehose Developer Guide, "Custom prefixes for Amazon S3 objects" (namespaces timestamp, firehose
and partitionKeyFromLambda; times are UTC) and "Amazon S3 object name format".
"""

import re
from collections.abc import Mapping
from datetime import datetime

from local_stack.firehose.errors import UnsupportedDelivery

_EXPRESSION = re.compile(r"!\{([A-Za-z]+):([^}]+)\}")
_JAVA_TIME = (("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"))
PROCESSING_FAILED, CONVERSION_FAILED = "processing-failed", "format-conversion-failed"


class NoSuchKey(Exception):
    """The prefix contains a partition key that the record does not have."""


def partition_prefix(prefix: str, keys: Mapping[str, str], now: datetime) -> str:
    """Return the prefix of a row's object.

    Raises:
        NoSuchKey: the prefix contains a partition key that is not in `keys`.
        UnsupportedDelivery: the prefix contains an expression that is not modelled.
    """
    return _EXPRESSION.sub(lambda found: _evaluated(found[1], found[2], {"partitionKeyFromLambda": keys}, now), prefix)


def error_prefix(prefix: str, error_type: str, now: datetime) -> str:
    """Return the prefix of an object with failed records.

    Raises:
        UnsupportedDelivery: the prefix contains an expression that is not modelled.
    """
    names = {"firehose": {"error-output-type": error_type}}
    return _EXPRESSION.sub(lambda found: _evaluated(found[1], found[2], names, now), prefix)


def object_name(stream_name: str, now: datetime, unique: str, suffix: str = "") -> str:
    """Return an object's name: the delivery stream's name and version, the time, and a UUID."""
    return f"{stream_name}-1-{now:%Y-%m-%d-%H-%M-%S}-{unique}{suffix}"


def _evaluated(namespace: str, expression: str, names: Mapping[str, Mapping[str, str]], now: datetime) -> str:
    if namespace == "timestamp":
        for java, ours in _JAVA_TIME:
            expression = expression.replace(java, f"{now:{ours}}")
        return expression
    if namespace not in names:
        raise UnsupportedDelivery(f"!{{{namespace}:{expression}}} in a prefix is not modelled")
    try:
        return names[namespace][expression]
    except KeyError:
        raise NoSuchKey(expression) from None
