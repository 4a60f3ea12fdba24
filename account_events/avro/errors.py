"""The errors of an event on the wire, as a tree ordered by what the caller does about them.

ContractError
├── InvalidEvent              the fields are wrong, nothing was encoded: correct the fields
└── Undecodable               the bytes cannot be decoded: store them for later, never skip them
    ├── UnknownFraming        another framing, or none: use the decoder that the message names
    ├── UnknownFingerprint    written with a schema that this release does not have: upgrade, then decode again
    ├── UnknownSchemaVersion  written with a schema that no registry returned: use its publisher's registry
    ├── ForeignSchema         written with a schema that is not of this contract: find out who writes to the stream
    ├── IncompatibleSchema    a field has another meaning in the writer's schema: upgrade, then decode again
    ├── CorruptBody           the bytes contradict their schema: report it to the team that owns accounts
    └── CorruptAggregate      a KPL aggregate is damaged or incomplete: store the record and have its accounts replayed

No message quotes a field's value, so you may log every message.
"""


class ContractError(Exception):
    """Base class: something violates the contract of `schemas`."""


class InvalidEvent(ContractError):
    """The fields are not those of the event, or a value cannot be written exactly. Correct the fields."""


class Undecodable(ContractError):
    """The bytes cannot be decoded as a domain event. Store them for later; never skip them."""


class UnknownFraming(Undecodable):
    """The bytes begin neither with Avro's single-object marker nor with a header of the Glue Schema Registry.

    If another framing is recognised, the message names it and its decoder.
    """


class UnknownFingerprint(Undecodable):
    """No known schema has the fingerprint in the header. Upgrade, then decode again.

    Attributes:
        fingerprint: CRC-64-AVRO as on the wire (little-endian), 16 hexadecimal digits.
    """

    def __init__(self, fingerprint: str) -> None:
        super().__init__(
            f"No known schema has the fingerprint {fingerprint}: install a newer release of account-events."
        )
        self.fingerprint = fingerprint


class IncompatibleSchema(Undecodable):
    """The writer's schema cannot be resolved to the reader's. Upgrade, then decode again."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"This {name} was written with a schema that is incompatible with this release's: {why}.")


class _OfSchemaVersion(Undecodable):
    """Attributes: version_id: the schema version's id in the registry, as Glue writes it."""

    def __init__(self, version_id: str, what: str) -> None:
        super().__init__(f"The schema version {version_id} in the event's Glue header {what}")
        self.version_id = version_id


class UnknownSchemaVersion(_OfSchemaVersion):
    """No registry returned a schema for the version id in a Glue header. Use its publisher's registry."""


class ForeignSchema(_OfSchemaVersion):
    """The schema of the version id in a Glue header is not an event of this contract. Find out who wrote the record."""


class CorruptBody(Undecodable):
    """The bytes after the header contradict their schema. Report it to the team that owns accounts."""


class CorruptAggregate(Undecodable):
    """The record begins like a KPL aggregate, but its checksum or its content is wrong.

    Store the record for later and have its accounts replayed (docs/consuming.md); never skip it.
    """
