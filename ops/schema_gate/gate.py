"""The gate in front of the contract: what a folder of schemas must be before an event may be written with it.

`<Name>.avsc` are the working schemas; `history/<Name>/<version>.avsc` hold every version ever published, 1, 2, 3, ...;
`history/digests.json` says what was in them when they were published; `fingerprints.json` is what the encoder reads. No
file is touched here: the bytes come in, refusals go out.
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
        working: by event name.
        published: by event name and version.
        strays: what stands in `history` and is none, or is called a schema and is neither; relative to the folder.
        digests, fingerprints: None where there is no such file.
    """

    working: Mapping[str, bytes]
    published: Mapping[str, Mapping[int, bytes]] = field(default_factory=dict)
    strays: Sequence[str] = ()
    digests: bytes | None = None
    fingerprints: bytes | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """One file that holds a schema; `version` is None for the working one."""

    name: str
    version: int | None
    source: Source

    @property
    def file(self) -> str:
        return file_of(self.name, self.version)


def check(files: Files, why_no_column: WhyNoColumn = every_name) -> list[Refusal]:
    """Everything that is refused, in the order of the files; nothing if events may be written with these schemas."""
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
    found += _lost(files, opened, spoilt=_events(found))
    # Where an event has faults, that it is not published or its fingerprint not kept goes without saying.
    found += _unpublished(by_name, spoilt=_events(found))
    found += _fingerprints(files, opened, spoilt=_events(found))
    return sorted(grouped(found), key=lambda refusal: (refusal.file, refusal.versions[:1]))


def _no_schema(path: str) -> str:
    if path.startswith("history/"):
        return "it is no version of a schema"
    return "it is not read: working schemas are <Name>.avsc, in the folder itself"


def file_of(name: str, version: int | None) -> str:
    """Relative to the folder."""
    return f"{name}.avsc" if version is None else f"history/{name}/{version}.avsc"


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entries(data: bytes | None) -> dict[str, str]:
    """What a file of names and hexadecimal digits holds; nothing if there is none.

    Raises:
        NotASchema: it is not JSON, or holds something else.
    """
    found = {} if data is None else read_json(data)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise NotASchema("the file is no JSON object of strings")
    return found


def opened_schemas(files: Files) -> list[Opened]:
    """Those that can be opened: of each event first the published ones, in order, then the working one."""
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
        yield Refusal("missing", ".", "there is no schema in the folder", "name the folder that holds <Name>.avsc")
    for name in sorted(files.published.keys() - files.working.keys()):
        yield Refusal(
            "missing",
            file_of(name, None),
            "the file is missing, and the event was published",
            f"restore it, as {file_of(name, max(files.published[name], default=1))}; an event that is not needed any "
            "more keeps its schema and is not written",
        )


def _dense(files: Files) -> Iterator[Refusal]:
    for name, versions in files.published.items():
        # The first gap only: a file called 999999999.avsc makes one refusal, not as many.
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
    """An event's published files without a digest: the line was lost, or the command never published the file."""
    versions = files.published[name]
    listed = {version for version in versions if file_of(name, version) in digests}
    marks = _marks(files)
    marked = [schema.version for schema in opened if schema.version and schema.source.fingerprint == marks.get(name)]
    # What is history without doubt: what is listed, what events are marked with, and all that is older.
    newest = max([*listed, *marked[:1]], default=0) if listed or name not in marks else max(versions, default=0)
    way_out = "remove it and run: account-events schema publish"
    if not digests:
        way_out = f"restore {DIGESTS} from version control; only where nothing was ever published, publish again"
    for version in sorted(versions.keys() - listed):
        file = file_of(name, version)
        if version > newest:
            problem = f"{DIGESTS} does not list it, so it was not published by the command"
            yield Refusal(UNLISTED, file, problem, way_out)
        else:
            problem = f"it was published, and its line in {DIGESTS} is missing"
            yield Refusal("lost line", file, problem, f"restore {DIGESTS} from version control")


def _marks(files: Files) -> Mapping[str, str]:
    """What events are marked with, by event name. Where that cannot be read, every event may have been published."""
    try:
        return entries(files.fingerprints)
    except NotASchema:
        return dict.fromkeys([*files.working, *files.published], "")


def _lost(files: Files, opened: Sequence[Opened], spoilt: set[str]) -> Iterator[Refusal]:
    """Events are marked with published versions only: where there is none of that fingerprint, history was lost."""
    for name, mark in _marks(files).items():
        published = {schema.source.fingerprint for schema in opened if schema.name == name and schema.version}
        if name in spoilt or mark in published or (not mark and published):
            continue
        which = f"a version with the fingerprint {mark}" if mark else "some version"
        yield Refusal(
            "lost version",
            f"history/{name}",
            f"by {FINGERPRINTS} {which} was published, and it is missing",
            f"restore history and {FINGERPRINTS} from version control",
            breaks=BOTH,
        )


def _names(opened: Iterable[Opened]) -> Iterator[Refusal]:
    """Athena, and the file systems of some, do not tell capitals from small letters."""
    published = {schema.name for schema in opened if schema.version}
    first: dict[str, str] = {}
    for name in sorted({schema.name for schema in opened}, key=lambda name: (name not in published, name)):
        other = first.setdefault(name.lower(), name)
        if other != name:
            problem = f"its name and {other} differ in capitals only, which Athena and some file systems do not see"
            yield Refusal("event name", file_of(name, None), problem, "give it a name of its own")


def _faults(opened: Iterable[Opened]) -> Iterator[Refusal]:
    """Of working schemas all, of published ones, which cannot be helped, what keeps them from being loaded."""
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
    """Both ways for every pair: FULL_TRANSITIVE."""
    for old, new in combinations(versions, 2):
        if old.version is not None:  # the working one is the last
            for found in changes(old.source, new.source):
                rule, where = found.rule, found.field
                yield Refusal(rule, new.file, found.problem, found.instead, where, (old.version,), found.breaks)


def _events(refusals: Iterable[Refusal]) -> set[str]:
    return {refusal.file.removeprefix("history/").partition("/")[0].removesuffix(".avsc") for refusal in refusals}


def _unpublished(by_name: Mapping[str, Sequence[Opened]], spoilt: set[str]) -> list[Refusal]:
    """Working schemas that are not the newest published ones and could be."""
    return [
        Refusal(
            UNPUBLISHED,
            working.file,
            f"it is not published yet, as version {len(published) + 1}, and no consumer could read its events",
            f"run: account-events schema publish {name}",
        )
        for name, (*published, working) in by_name.items()
        if working.version is None
        and name not in spoilt
        and not (published and published[-1].source.without_docs == working.source.without_docs)
    ]


def _distinct(opened: Sequence[Opened]) -> Iterator[Refusal]:
    """Whether a fingerprint, which is all that an event says of its schema, means one schema."""
    first: dict[str, Opened] = {}
    for schema in opened:
        other = first.setdefault(schema.source.fingerprint, schema)
        is_same = (other.name, other.source.without_docs) == (schema.name, schema.source.without_docs)
        if other is schema or (schema.version is None and is_same):
            continue
        yield Refusal(
            "same fingerprint",
            schema.file,
            f"its fingerprint, {schema.source.fingerprint}, is that of {other.file} as well, so no reader can tell "
            "which of the two an event was written with: fingerprints leave out docs, defaults and logical types",
            "undo the change; a doc alone may be corrected in the working schema",
            versions=(other.version,) if other.version and other.name == schema.name else (),
        )


def _fingerprints(files: Files, opened: Iterable[Opened], spoilt: set[str]) -> Iterator[Refusal]:
    """Whether the encoder's file is current, for all events about which nothing else was said."""
    instead = "run: account-events schema publish"
    try:
        kept = entries(files.fingerprints)
    except NotASchema as error:
        yield Refusal(STALE, FINGERPRINTS, str(error), instead)
        return
    actual = fingerprints_of(opened)
    for name in sorted(actual.keys() | kept.keys()):
        if kept.get(name) != actual.get(name) and name not in spoilt:
            told = f"{name} has the fingerprint {actual.get(name, 'of no schema')}, not {kept.get(name, 'none')}"
            yield Refusal(STALE, FINGERPRINTS, f"{told}, with which the encoder would mark its events", instead)


def fingerprints_of(opened: Iterable[Opened]) -> dict[str, str]:
    """Of the working schemas, by event name."""
    return {schema.name: schema.source.fingerprint for schema in opened if schema.version is None}
