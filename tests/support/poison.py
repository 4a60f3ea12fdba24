"""Ready ways for a record to be one that no event can be made of; each changes the copy that it is given."""

from account_events.testing.records import StreamRecord


def unknown_type(record: StreamRecord) -> None:
    """A type of a later release, or of nobody's."""
    record["dynamodb"]["NewImage"]["Type"] = {"S": "INTEREST"}


def no_format(record: StreamRecord) -> None:
    del record["dynamodb"]["NewImage"]["Format"]


def negative_balance(record: StreamRecord) -> None:
    record["dynamodb"]["NewImage"]["Balance"] = {"N": "-1"}


def no_instant(record: StreamRecord) -> None:
    """A time that is none."""
    record["dynamodb"]["NewImage"]["Timestamp"] = {"S": "yesterday"}


def no_image(record: StreamRecord) -> None:
    """The record holds its key and nothing else, as on a stream of another view type."""
    del record["dynamodb"]["NewImage"]


def no_key(record: StreamRecord) -> None:
    """The record does not even hold its account, so that it may be anyone's."""
    del record["dynamodb"]["Keys"]


POISONS = (unknown_type, no_format, negative_balance, no_instant, no_image, no_key)
