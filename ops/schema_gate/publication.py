"""Plans the publication of working schemas as the next versions: the files to write, and their order."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ops.schema_gate.columns import WhyNoColumn, every_name
from ops.schema_gate.gate import (
    DIGESTS,
    FINGERPRINTS,
    STALE,
    UNLISTED,
    UNPUBLISHED,
    Files,
    Opened,
    check,
    digest_of,
    entries,
    file_of,
    fingerprints_of,
    opened_schemas,
)
from ops.schema_gate.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Plan:
    """A planned publication.

    Attributes:
        refused: refusals; if there is one, nothing may be written.
        published: the numbers of the new versions, by event name.
        writes: contents by path below the folder. If writing is interrupted between two files, `check` refuses the
            folder, and the next `plan` completes it.
    """

    refused: list[Refusal]
    published: Mapping[str, int]
    writes: Mapping[str, bytes]


def plan(files: Files, only: str | None = None, why_no_column: WhyNoColumn = every_name) -> Plan:
    """Plans to publish the working schema of one event, or of all events whose working schema is new.

    Raises:
        LookupError: there is no event named `only`.
    """
    if only is not None and only not in files.working:
        raise LookupError(f"There is no schema {only}.avsc. Available: {', '.join(sorted(files.working)) or 'none'}.")
    opened = opened_schemas(files)
    unfinished = _unfinished(files, opened)
    refused = [refusal for refusal in check(files, why_no_column) if not _is_fixed_by_publishing(refusal, unfinished)]
    if refused:
        return Plan(refused, {}, {})
    published = {
        schema.name: len(files.published.get(schema.name, {})) + 1
        for schema in opened
        if schema.version is None and only in (None, schema.name) and not _is_published(schema, opened)
    }
    added = {file_of(name, version): files.working[name] for name, version in published.items()}
    listed = {file: digest_of(files.published[name][version]) for file, (name, version) in unfinished.items()}
    listed |= {file: digest_of(data) for file, data in added.items()}
    writes = {
        **added,
        DIGESTS: _written(entries(files.digests) | listed),
        FINGERPRINTS: _written(_marks(opened, published)),
    }
    current = {DIGESTS: files.digests, FINGERPRINTS: files.fingerprints}
    return Plan([], published, {file: data for file, data in writes.items() if current.get(file) != data})


def _unfinished(files: Files, opened: list[Opened]) -> dict[str, tuple[str, int]]:
    """The newest versions that equal the working schema. If one has no digest, its publication was interrupted."""
    newest = {name: max(versions) for name, versions in files.published.items() if versions}
    working = {schema.name: schema.source.json for schema in opened if schema.version is None}
    return {
        schema.file: (schema.name, schema.version)
        for schema in opened
        if schema.version is not None
        and schema.version == newest[schema.name]
        and schema.source.json == working.get(schema.name)
    }


def _marks(opened: list[Opened], published: Mapping[str, int]) -> dict[str, str]:
    """The fingerprints that the encoder is to write into events: only those of published schemas."""
    newest = {schema.name: schema.source.fingerprint for schema in opened if schema.version is not None}
    return newest | {name: found for name, found in fingerprints_of(opened).items() if name in published}


def _is_fixed_by_publishing(refusal: Refusal, unfinished: Mapping[str, object]) -> bool:
    """Whether publishing resolves the refusal."""
    return refusal.rule in (UNPUBLISHED, STALE) or (refusal.rule == UNLISTED and refusal.file in unfinished)


def _is_published(working: Opened, opened: list[Opened]) -> bool:
    versions = [schema for schema in opened if schema.name == working.name and schema.version is not None]
    return bool(versions) and versions[-1].source.without_docs == working.source.without_docs


def _written(found: Mapping[str, str]) -> bytes:
    return (json.dumps({key: found[key] for key in sorted(found, key=_by_name_and_number)}, indent=2) + "\n").encode()


def _by_name_and_number(key: str) -> tuple[str, int, str]:
    """A sort key: by name, and versions by number."""
    folder, _, file = key.rpartition("/")
    number = file.removesuffix(".avsc")
    return folder, int(number) if number.isdigit() else 0, key
