"""The error for delivery streams that the fake does not support."""


class UnsupportedDelivery(Exception):
    """A delivery stream has a setting that the fake does not model, or that Firehose refuses."""
