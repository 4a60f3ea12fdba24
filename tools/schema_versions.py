"""The published schemas as resources of template.yaml, and their ids in Glue's registry. Pure.

If the text of a version changes, CloudFormation replaces the version, but published events may name the old version's
id. So the text comes from `schemas/history`, which never changes, and its layout here must not change either.
"""

import json
import re
from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Any

from account_events.avro.contract import parse

Versions = Sequence[tuple[str, int, str]]
"""Each published version as (event, number, text of its file), ordered by event and number."""

_KEPT = (
    "    Condition: OnAws\n    DeletionPolicy: RetainExceptOnCreate\n    UpdateReplacePolicy: Retain\n    Properties:\n"
)
_IDS = re.compile(r'^( *)\{(?="[0-9a-f]{16}": "\$\{)(?:[^{}]|\$\{[^}]*\})*\}$', re.MULTILINE)
"""A JSON object of ids by fingerprint, as CloudFormation's Sub fills it."""


def resources(versions: Versions) -> str:
    """An AWS::Glue::Schema for each event's first version and an AWS::Glue::SchemaVersion for each later one."""
    return "\n".join(_resource(*version) for version in versions)


def with_ids(template: str, versions: Versions) -> str:
    """The template with the ids of all versions wherever it lists ids by fingerprint.

    Raises:
        ValueError: the template lists no ids.
    """
    if not _IDS.search(template):
        raise ValueError("template.yaml must list the schema version ids by fingerprint, in SCHEMA_VERSIONS.")
    first: dict[str, tuple[str, int]] = {}  # versions with the same fingerprint have the same bytes
    for name, number, source in versions:
        first.setdefault(parse(source).fingerprint.hex(), (name, number))
    ids = ",\n".join(f'"{fingerprint}": "{_id(*version)}"' for fingerprint, version in first.items())
    return _IDS.sub(lambda found: indent(f"{{{ids}}}", found[1]), template)


def _resource(name: str, number: int, source: str) -> str:
    if number == 1:
        properties = (
            f"      Registry: {{ Arn: !GetAtt EventSchemas.Arn }}\n      Name: {name}\n"
            "      DataFormat: AVRO\n      Compatibility: FULL_ALL\n"
        )
        kind, depends_on = "Schema", ""
    else:
        properties = f"      Schema: {{ SchemaArn: !GetAtt {_logical_id(name, 1)}.Arn }}\n"
        # Glue must create the versions in order. The second one already waits for the first, whose ARN it refers to.
        depends_on = f"    DependsOn: {_logical_id(name, number - 1)}\n" if number > 2 else ""  # noqa: PLR2004
        kind = "SchemaVersion"
    definition = indent(_definition(json.loads(source)), " " * 8)
    return (
        f"  {_logical_id(name, number)}:\n    Type: AWS::Glue::{kind}\n{depends_on}{_KEPT}{properties}"
        f"      SchemaDefinition: |\n{definition}\n"
    )


def _definition(avro: Mapping[str, Any]) -> str:
    """A schema's JSON with a line for each field."""
    head = json.dumps({name: value for name, value in avro.items() if name != "fields"}, ensure_ascii=False)
    fields = ",\n".join(f"  {json.dumps(field, ensure_ascii=False)}" for field in avro["fields"])
    return f'{head[:-1]}, "fields": [\n{fields}\n]}}'


def _logical_id(name: str, number: int) -> str:
    return f"{name}Schema" if number == 1 else f"{name}Schema{number}"


def _id(name: str, number: int) -> str:
    return f"${{{_logical_id(name, number)}.{'InitialSchemaVersionId' if number == 1 else 'VersionId'}}}"
