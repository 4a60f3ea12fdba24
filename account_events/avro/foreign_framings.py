"""Recognises other framings by their first bytes, and names the decoder for each."""

from account_events.avro import glue_framing
from account_events.avro.encoder import HEADER_SIZE, MARKER

# A base64 digit encodes six bits. The first two digits encode a header's first byte and half of the second; the third
# encodes the other half and two variable bits, so four digits are possible.
_KNOWN = (
    ((b"\xf3\x89\x9a\xc2",), "a KPL aggregate: de-aggregate it first"),
    ((b"Obj\x01",), "an Avro object container file: read it with an Avro file reader"),
    ((b"\x1f\x8b",), "gzip: decompress it first"),
    ((b"wwE", b"wwF", b"wwG", b"wwH"), "single-object encoding in base64: decode the base64 first"),
    ((b"AwA", b"AwB", b"AwC", b"AwD"), "Glue's framing in base64: decode the base64 first"),
    ((b"AwU", b"AwV", b"AwW", b"AwX"), "Glue's framing in base64: decode the base64 first"),
    ((b"\x00",), "Confluent Schema Registry framing: read it with Confluent's deserializer"),
)
_JSON = (b"{", b"[")


def describe(data: bytes) -> str | None:
    """Describe the framing in a sentence; None if it is not recognised.

    Args:
        data: bytes that have neither a complete single-object header nor a complete Glue header.
    """
    if not data:
        return "The data is empty."
    if data.startswith(MARKER):
        return f"A single-object header has {HEADER_SIZE} bytes; the data has only {len(data)}."
    if data.startswith(glue_framing.VERSION):
        if len(data) < glue_framing.HEADER_SIZE:
            return f"Glue's header has {glue_framing.HEADER_SIZE} bytes; the data has only {len(data)}."
        return f"Glue's header has an unknown compression, {data[1]:02x}; 00 (none) and 05 (zlib) are known."
    for first_bytes, what in (*_KNOWN, (_JSON, "JSON; events are in Avro")):
        if (data.lstrip() if first_bytes is _JSON else data).startswith(first_bytes):
            return f"The data has neither Avro's single-object header nor Glue's. It looks like {what}."
    return None
