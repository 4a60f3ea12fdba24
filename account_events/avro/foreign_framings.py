"""What bytes are that are no domain event: the framings met beside ours, by their first bytes, and what to do."""

from account_events.avro import glue_framing
from account_events.avro.encoder import HEADER_SIZE, MARKER

# A digit of base64 holds six bits: two hold a header's first byte and half of the second, the third the other half and
# two bits of what varies.
_KNOWN = (
    ((b"\xf3\x89\x9a\xc2",), "a KPL aggregate: de-aggregate it first"),
    ((b"Obj\x01",), "an Avro object container file: read it with an Avro file reader"),
    ((b"\x1f\x8b",), "gzip: decompress it first"),
    ((b"wwE", b"wwF", b"wwG", b"wwH"), "single-object encoding in base64: decode that first"),
    ((b"AwA", b"AwB", b"AwC", b"AwD"), "Glue's framing in base64: decode that first"),
    ((b"AwU", b"AwV", b"AwW", b"AwX"), "Glue's framing in base64: decode that first"),
    ((b"\x00",), "Confluent Schema Registry framing: read it with Confluent's deserializer"),
)
_JSON = (b"{", b"[")


def what_it_is(data: bytes) -> str | None:
    """A sentence, or None where the first bytes tell nothing.

    Args:
        data: neither single-object encoding with a whole header nor `glue_framing.is_framed`.
    """
    if not data:
        return "There are no bytes at all."
    if data.startswith(MARKER):
        return f"The single-object header is {HEADER_SIZE} bytes; there are only {len(data)}."
    if data.startswith(glue_framing.VERSION):
        if len(data) < glue_framing.HEADER_SIZE:
            return f"Glue's header is {glue_framing.HEADER_SIZE} bytes; there are only {len(data)}."
        return f"Glue's header has an unknown compression, {data[1]:02x}; 00 (none) and 05 (zlib) are known."
    for first_bytes, what in (*_KNOWN, (_JSON, "JSON text: events are in Avro")):
        if (data.lstrip() if first_bytes is _JSON else data).startswith(first_bytes):
            return f"Neither single-object encoding nor Glue's framing; it looks like {what}."
    return None
