"""What the stand-in refuses to do."""


class UnsupportedDelivery(Exception):
    """A delivery stream asks for what is not modelled here, or for what Firehose refuses."""
