"""Checks a folder of schemas. Events may be written with these schemas only if the check passes.

`<Name>.avsc` are the working schemas. `history/<Name>/<version>.avsc` are all published versions, 1, 2, 3, ....
`history/digests.json` has their SHA-256 digests at publication; `fingerprints.json`, the schema fingerprints that the
encoder writes into events. This module reads and writes no files: it takes their bytes and returns refusals.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, count

from ops.schema_gate.columns import WhyNoColumn, column_faults, every_name
from ops.schema_gate.evolution import changes
from ops.schema_gate.refusal import BOTH, Refusal, grouped
from ops.schema_gate.rules import faults
from ops.schema_gate.source import NotASchema, Source, read_json, read_source

DIGESTS = "history/digests.json"
FINGERPRINTS = "fingerprints.json"
UNPUBLISHED, STALE, UNLISTED = "unpublished", "fingerprints", "unlisted"
FROM_VERSION_CONTROL = "restore it from version control"
RESTORE = f"{FROM_VERSION_CONTROL}; correct a mistake in a new version"


@dataclass(frozen=True, slots=True)
class Files:
    """A folder of schemas.

    Attributes:
        working: schema files by event name.
        published: schema files by event name and version.
        strays: files in `history` that are not versions, and .avsc files elsewhere; paths relative to the folder.
        digests, fingerprints: None if the file does not exist.
    """

    working: Mapping[str, bytes]
    published: Mapping[str, Mapping[int, bytes]] = field(default_factory=dict)
    strays: Sequence[str] = ()
    digests: bytes | None = None
    fingerprints: bytes | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A schema file that could be read; `version` is None for the working schema."""

    name: str
    version: int | None
    source: Source

    @property
    def file(self) -> str:
        return file_of(self.name, self.version)


def check(files: Files, why_no_column: WhyNoColumn = every_name) -> list[Refusal]:
    """All refusals, sorted by file; empty if events may be written with these schemas."""
    opened, found = _open(files)
    found += [
        *(Refusal("strays", path, _no_schema(path), "move it elsewhere") for path in files.strays),
        *_present(files),
        *_dense(files),
        *_unchanged(files, opened),
        *_faults(opened),
        *_names(opened),
        *_columns(opened, why_no_column),
    ]
    by_name = {
        name: [schema for schema in opened if schema.name == name] for name in {schema.name: None for schema in opened}
    }
    found += [*(refusal for versions in by_name.values() for refusal in _evolved(versions)), *_distinct(opened)]
    found += _lost(files, opened, excluded=_events(found))
    # An event that is refused already is not also reported as unpublished or with a stale fingerprint.
    found += _unpublished(by_name, excluded=_events(found))
    found += _fingerprints(files, opened, excluded=_events(found))
    return sorted(grouped(found), key=lambda refusal: (refusal.file, refusal.versions[:1]))


def _no_schema(path: str) -> str:
    if path.startswith("history/"):
        return "it is not a version of a schema"
    return "it is ignored: working schemas are <Name>.avsc, directly in the folder"


def file_of(name: str, version: int | None) -> str:
    """The path of a schema, relative to the folder."""
    return f"{name}.avsc" if version is None else f"history/{name}/{version}.avsc"


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entries(data: bytes | None) -> dict[str, str]:
    """The entries of digests.json or fingerprints.json; empty if the file does not exist.

    Raises:
        NotASchema: the file is not JSON, or not an object of strings.
    """
    found = {} if data is None else read_json(data)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise NotASchema("the file is not a JSON object of strings")
    return found


def opened_schemas(files: Files) -> list[Opened]:
    """All readable schemas: for each event the published versions, in order, and then the working schema."""
    return _open(files)[0]


def _open(files: Files) -> tuple[list[Opened], list[Refusal]]:
    opened, refused = [], []
    for name in sorted(files.working.keys() | files.published.keys()):
        contents: list[tuple[int | None, bytes]] = sorted(files.published.get(name, {}).items())
        contents += [(None, files.working[name])] if name in files.working else []
        for version, data in contents:
            try:
                opened.append(Opened(name, version, read_source(data)))
            except NotASchema as error:
                instead = RESTORE if version else "correct the file"
                refused.append(Refusal("no schema", file_of(name, version), str(error), instead))
    return opened, refused


def _present(files: Files) -> Iterator[Refusal]:
    if not files.working:
        instead = "name the folder that holds <Name>.avsc with --folder"
        yield Refusal("missing", ".", "the folder contains no schema", instead)
    for name in sorted(files.published.keys() - files.working.keys()):
        yield Refusal(
            "missing",
            file_of(name, None),
            "the file is missing, but the event was published",
            f"restore it from {file_of(name, max(files.published[name], default=1))}; to retire an event, keep its "
            "schema and stop writing it",
        )


def _dense(files: Files) -> Iterator[Refusal]:
    for name, versions in files.published.items():
        # Only the first gap: a file named 999999999.avsc must not cause as many refusals.
        first = next(number for number in count(1) if number not in versions)
        if first < max(versions, default=0):
            yield Refusal("removed", file_of(name, first), "the published version is missing", RESTORE, breaks=BOTH)


def _unchanged(files: Files, opened: Sequence[Opened]) -> Iterator[Refusal]:
    try:
        digests = entries(files.digests)
    except NotASchema as error:
        yield Refusal("digests", DIGESTS, str(error), FROM_VERSION_CONTROL)
        return
    published = {
        file_of(name, version): data for name, versions in files.published.items() for version, data in versions.items()
    }
    for file, data in published.items():
        if file in digests and digests[file] != digest_of(data):
            yield Refusal("edited", file, "the published file was edited", RESTORE, breaks=BOTH)
    for file in digests.keys() - published.keys():
        yield Refusal("removed", file, "the published version is missing", RESTORE, breaks=BOTH)
    for name in files.published:
        yield from _unlisted(files, digests, name, [schema for schema in opened if schema.name == name])


def _unlisted(files: Files, digests: Mapping[str, str], name: str, opened: Sequence[Opened]) -> Iterator[Refusal]:
    """Refuses published files without a digest: its line was lost, or the command did not publish the file."""
    versions = files.published[name]
    listed = {version for version in versions if file_of(name, version) in digests}
    marks = _marks(files)
    marked = [schema.version for schema in opened if schema.version and schema.source.fingerprint == marks.get(name)]
    # Certainly published: versions with a digest, the version whose fingerprint events have, and all older ones.
    newest = max([*listed, *marked[:1]], default=0) if listed or name not in marks else max(versions, default=0)
    way_out = "remove it and run `account-events schema publish`"
    if not digests:
        way_out = f"restore {DIGESTS} from version control; only if nothing was ever published, publish again"
    for version in sorted(versions.keys() - listed):
        file = file_of(name, version)
        if version > newest:
            problem = f"{DIGESTS} does not list it, so the command did not publish it"
            yield Refusal(UNLISTED, file, problem, way_out)
        else:
            problem = f"it was published, but its line in {DIGESTS} is missing"
            yield Refusal("lost line", file, problem, f"restore {DIGESTS} from version control")


def _marks(files: Files) -> Mapping[str, str]:
    """The fingerprints that the encoder writes, by event name; empty strings if the file cannot be read."""
    try:
        return entries(files.fingerprints)
    except NotASchema:
        return dict.fromkeys([*files.working, *files.published], "")


def _lost(files: Files, opened: Sequence[Opened], excluded: set[str]) -> Iterator[Refusal]:
    """Refuses a fingerprint without a published version: events have only published ones, so history was lost."""
    for name, mark in _marks(files).items():
        published = {schema.source.fingerprint for schema in opened if schema.name == name and schema.version}
        if name in excluded or mark in published or (not mark and published):
            continue
        which = f"a version with the fingerprint {mark}" if mark else "some version"
        problem = f"according to {FINGERPRINTS}, {which} was published, but it is missing"
        instead = f"restore history and {FINGERPRINTS} from version control"
        yield Refusal("lost version", f"history/{name}", problem, instead, breaks=BOTH)


def _names(opened: Iterable[Opened]) -> Iterator[Refusal]:
    """Refuses names that differ only in case, which Athena and some file systems ignore."""
    published = {schema.name for schema in opened if schema.version}
    first: dict[str, str] = {}
    for name in sorted({schema.name for schema in opened}, key=lambda name: (name not in published, name)):
        other = first.setdefault(name.lower(), name)
        if other != name:
            problem = f"its name differs from {other} only in case, which Athena and some file systems ignore"
            yield Refusal("event name", file_of(name, None), problem, "give it a different name")


def _faults(opened: Iterable[Opened]) -> Iterator[Refusal]:
    """All faults of working schemas; of published ones, which cannot be changed, only those that prevent loading."""
    for schema in opened:
        for fault in faults(schema.source, schema.name):
            if schema.version is None or fault.rule == "name":
                yield Refusal(fault.rule, schema.file, fault.problem, fault.instead, fault.field)


def _columns(opened: Iterable[Opened], why_no_column: WhyNoColumn) -> Iterator[Refusal]:
    working = {schema.name: schema.source for schema in opened if schema.version is None}
    published = {(schema.name, field) for schema in opened if schema.version for field in schema.source.fields}
    for name, fault in column_faults(working, published, why_no_column):
        yield Refusal(fault.rule, file_of(name, None), fault.problem, fault.instead, fault.field)


def _evolved(versions: Sequence[Opened]) -> Iterator[Refusal]:
    """Compares every pair of versions in both directions (FULL_TRANSITIVE)."""
    for old, new in combinations(versions, 2):
        if old.version is not None:  # the working schema comes last
            for found in changes(old.source, new.source):
                rule, where = found.rule, found.field
                yield Refusal(rule, new.file, found.problem, found.instead, where, (old.version,), found.breaks)


def _events(refusals: Iterable[Refusal]) -> set[str]:
    return {refusal.file.removeprefix("history/").partition("/")[0].removesuffix(".avsc") for refusal in refusals}


def _unpublished(by_name: Mapping[str, Sequence[Opened]], excluded: set[str]) -> list[Refusal]:
    """Refuses working schemas that differ from the newest published version but could be published."""
    return [
        Refusal(
            UNPUBLISHED,
            working.file,
            f"it is not published yet (as version {len(published) + 1}), so no consumer could read its events",
            f"run `account-events schema publish {name}`",
        )
        for name, (*published, working) in by_name.items()
        if working.version is None
        and name not in excluded
        and not (published and published[-1].source.without_docs == working.source.without_docs)
    ]


def _distinct(opened: Sequence[Opened]) -> Iterator[Refusal]:
    """Refuses two schemas with the same fingerprint, since an event identifies its schema only by the fingerprint."""
    first: dict[str, Opened] = {}
    for schema in opened:
        other = first.setdefault(schema.source.fingerprint, schema)
        is_same = (other.name, other.source.without_docs) == (schema.name, schema.source.without_docs)
        if other is schema or (schema.version is None and is_same):
            continue
        yield Refusal(
            "same fingerprint",
            schema.file,
            f"its fingerprint, {schema.source.fingerprint}, is also that of {other.file}, so readers cannot know which "
            "of the two an event was written with: fingerprints omit docs, defaults and logical types",
            "undo the change; only a doc may be corrected in the working schema",
            versions=(other.version,) if other.version and other.name == schema.name else (),
        )


def _fingerprints(files: Files, opened: Iterable[Opened], excluded: set[str]) -> Iterator[Refusal]:
    """Refuses an outdated fingerprints.json, for all events without other refusals."""
    instead = "run `account-events schema publish`"
    try:
        kept = entries(files.fingerprints)
    except NotASchema as error:
        yield Refusal(STALE, FINGERPRINTS, str(error), instead)
        return
    actual = fingerprints_of(opened)
    for name in sorted(actual.keys() | kept.keys()):
        if kept.get(name) != actual.get(name) and name not in excluded:
            stale, current = kept.get(name, "none"), actual.get(name, "(no schema)")
            problem = f"{name} has the fingerprint {current}, but the encoder would write {stale} into its events"
            yield Refusal(STALE, FINGERPRINTS, problem, instead)


def fingerprints_of(opened: Iterable[Opened]) -> dict[str, str]:
    """The fingerprints of the working schemas, by event name."""
    return {schema.name: schema.source.fingerprint for schema in opened if schema.version is None}
