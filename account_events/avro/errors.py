"""What can go wrong with an event on the wire, as a tree ordered by what the caller must do.

ContractError
├── InvalidEvent              the writer's mistake: correct the fields, nothing was encoded
└── Undecodable               the bytes are no event that this package can read: set them aside, never skip them
    ├── UnknownFraming        they are framed differently, or not at all: use the decoder the message names
    ├── UnknownFingerprint    written with a schema this package does not hold: update the package, then read again
    ├── UnknownSchemaVersion  written with a schema that no registry told of: ask its publisher's, then read again
    ├── ForeignSchema         written with a schema that is none of this contract's: it came here by mistake
    ├── IncompatibleSchema    the writer's schema says something else than the reader's: update the package
    ├── CorruptBody           the schema is known and the bytes contradict it: report it to the team that owns accounts
    └── CorruptAggregate      the record begins like a KPL aggregate, and is damaged or only a part of one

No message quotes a field's value, so every one of them may be logged.
"""


class ContractError(Exception):
    """Anything that breaks the contract of `schemas`."""


class InvalidEvent(ContractError):
    """The fields are not those of the event, or a value cannot be written exactly."""


class Undecodable(ContractError):
    """The bytes cannot be read as a domain event."""


class UnknownFraming(Undecodable):
    """The bytes begin neither with Avro's single-object marker nor with a header of the Glue Schema Registry."""


class UnknownFingerprint(Undecodable):
    """No schema here has the fingerprint in the header.

    Attributes:
        fingerprint: CRC-64-AVRO as on the wire (little-endian), 16 hexadecimal digits.
    """

    def __init__(self, fingerprint: str) -> None:
        super().__init__(f"No known schema has the fingerprint {fingerprint}; a newer release may have it.")
        self.fingerprint = fingerprint


class IncompatibleSchema(Undecodable):
    """What was written cannot be resolved to the schema that it is to be read with."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"This {name} was written with a schema that cannot be read as the one expected: {why}.")


class _OfSchemaVersion(Undecodable):
    """Attributes: version_id: of the schema in the registry, as Glue writes it."""

    def __init__(self, version_id: str, what: str) -> None:
        super().__init__(f"The schema version {version_id} of the event's Glue header {what}")
        self.version_id = version_id


class UnknownSchemaVersion(_OfSchemaVersion):
    """No schema has been found for the version id in a Glue header."""


class ForeignSchema(_OfSchemaVersion):
    """The version id in a Glue header leads to a schema that is none of this contract's events."""


class CorruptBody(Undecodable):
    """The bytes behind the header are not what the schema says."""


class CorruptAggregate(Undecodable):
    """The record begins like an aggregate, and its checksum or its content is wrong: set it aside, never skip it."""
