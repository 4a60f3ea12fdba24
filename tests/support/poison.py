"""Ready-made damages that turn a record into a poison; each changes the copy that it receives."""

from account_events.testing.records import StreamRecord


def unknown_type(record: StreamRecord) -> None:
    """A type that this release does not know."""
    record["dynamodb"]["NewImage"]["Type"] = {"S": "INTEREST"}


def no_format(record: StreamRecord) -> None:
    del record["dynamodb"]["NewImage"]["Format"]


def negative_balance(record: StreamRecord) -> None:
    record["dynamodb"]["NewImage"]["Balance"] = {"N": "-1"}


def invalid_timestamp(record: StreamRecord) -> None:
    record["dynamodb"]["NewImage"]["Timestamp"] = {"S": "yesterday"}


def no_image(record: StreamRecord) -> None:
    """The record has only its key, as on a stream of another view type."""
    del record["dynamodb"]["NewImage"]


def no_key(record: StreamRecord) -> None:
    """The record has no key, so its account is unknown."""
    del record["dynamodb"]["Keys"]


POISONS = (unknown_type, no_format, negative_balance, invalid_timestamp, no_image, no_key)
