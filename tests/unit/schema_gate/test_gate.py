"""Each rule of the gate, on a folder with a single fault."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_events.avro import encoder
from account_events.avro.schemas_path import SCHEMAS
from ops.schema_gate.gate import DIGESTS, FINGERPRINTS, Files, check
from ops.schema_gate.publication import plan
from ops.schema_gate.schema_folder import read
from ops.schema_gate.source import NotASchema, read_source
from tests.support.schema_files import (
    INSTANT,
    MONEY,
    TEXT_OR_NULL,
    changed,
    event,
    field,
    folder,
    part,
    refused,
    written,
)

V1 = event(field("amount", MONEY))
V2 = changed(V1, lambda schema: schema["fields"].append(field("reason", TEXT_OR_NULL, default=None)))

V3 = changed(V2, lambda schema: schema["fields"].append(field("bank", TEXT_OR_NULL, default=None)))
V4 = changed(V3, lambda schema: schema["fields"].append(field("branch", TEXT_OR_NULL, default=None)))


def rules(files: Files) -> set[str]:
    return {refusal.rule for refusal in check(files)}


def test_the_project_s_own_schemas_pass() -> None:
    assert check(read(SCHEMAS)) == []


def test_a_valid_folder_passes() -> None:
    assert check(folder(V1)) == []
    assert check(folder(V1, V2)) == []


def test_the_encoder_reads_the_file_that_is_checked() -> None:
    assert encoder.FINGERPRINTS == FINGERPRINTS


def test_an_unpublished_schema_is_refused_with_the_command() -> None:
    for files, number in ((folder(working=V1), 1), (folder(V1, working=V2), 2)):
        [refusal] = check(files)
        assert refusal.rule == "unpublished"
        assert f"not published yet (as version {number})" in refusal.problem
        assert refusal.instead == "run `account-events schema publish InterestPaid`"


# --- one schema ---


def nest(schema: dict[str, Any], **more: Any) -> None:  # noqa: ANN401 -- Avro's JSON
    nested = {
        "type": "record",
        "name": "Origin",
        "doc": "Where it comes from.",
        "fields": [field("iban", "string") | more],
    }
    schema["fields"].append(field("origin", {"type": "array", "items": ["null", nested]}))


FAULTS = [
    ("name", None, lambda schema: schema.update(name="InterestPayed")),
    ("name", None, lambda schema: schema.update(namespace="account.events.v2")),
    ("name", None, lambda schema: schema.pop("namespace")),
    ("aliases", None, lambda schema: schema.update(aliases=["Interest"])),
    ("aliases", "amount", lambda schema: part(schema, "amount").update(aliases=["sum"])),
    ("aliases", "origin.iban", lambda schema: nest(schema, aliases=["account"])),
    ("attributes", None, lambda schema: schema.update(docs="Interest.")),
    ("attributes", "amount", lambda schema: part(schema, "amount").update(order="descending")),
    ("attributes", "occurred_at", lambda schema: part(schema, "occurred_at")["type"].update(logicaltype="date")),
    ("attributes", "origin.iban", lambda schema: nest(schema, defualt="")),
    ("doc", None, lambda schema: schema.pop("doc")),
    ("doc", None, lambda schema: schema.update(doc=" ")),
    ("doc", "amount", lambda schema: part(schema, "amount").pop("doc")),
    ("doc", "amount", lambda schema: part(schema, "amount").update(doc="")),
    ("doc", "amount", lambda schema: part(schema, "amount").update(doc="The amount")),
    ("doc", "amount", lambda schema: part(schema, "amount").update(doc=7)),
    ("doc", "amount", lambda schema: part(schema, "amount").update(doc=".")),
    ("doc", "amount", lambda schema: part(schema, "amount").update(doc="- - - .")),
    ("doc", "amount", lambda schema: part(schema, "amount").update(doc="The amount.")),
    ("doc", "origin.iban", lambda schema: nest(schema, doc="")),
    ("field name", "Amount", lambda schema: part(schema, "amount").update(name="Amount")),
    ("field name", "class", lambda schema: part(schema, "amount").update(name="class")),
    ("field name", "origin.IBAN", lambda schema: nest(schema, name="IBAN")),
    ("common fields", "sequence", lambda schema: schema["fields"].remove(part(schema, "sequence"))),
    ("common fields", "sequence", lambda schema: part(schema, "sequence").update(type="int")),
    ("common fields", "occurred_at", lambda schema: part(schema, "occurred_at").update(type="long")),
    ("type without a rule", "amount", lambda schema: part(schema, "amount").update(type="double")),
    ("type without a rule", "amount", lambda schema: part(schema, "amount").update(type=["string", "null"])),
    ("type without a rule", "amount", lambda schema: part(schema, "amount").update(type=MONEY | {"precision": 9})),
    ("type without a rule", "amount", lambda schema: part(schema, "amount").update(type={"type": "string"})),
    ("type without a rule", "amount", lambda schema: part(schema, "amount").update(type=[])),
]


@pytest.mark.parametrize(("rule", "name", "change"), FAULTS)
def test_a_schema_with_a_fault_is_refused(rule: str, name: str | None, change: Any) -> None:  # noqa: ANN401
    [refusal] = refused(folder(working=changed(V1, change)), rule)
    assert (refusal.file, refusal.field, refusal.versions) == ("InterestPaid.avsc", name, ())
    assert refusal.instead


@pytest.mark.parametrize(
    ("avro_type", "default"),
    [
        ("long", 2**63),
        ("long", True),
        (MONEY, "\u0001"),
        (INSTANT, 0),
        (TEXT_OR_NULL, "unknown"),
    ],
)
def test_a_default_that_no_reader_can_use_is_refused(avro_type: Any, default: object) -> None:  # noqa: ANN401
    draft = changed(V1, lambda schema: schema["fields"].append(field("more", avro_type, default=default)))
    [refusal] = refused(folder(working=draft), "default value")
    assert refusal.field == "more"


def test_the_default_of_a_nested_field_is_checked() -> None:
    draft = changed(V1, lambda schema: nest(schema, type=INSTANT, default=0))
    assert [refusal.field for refusal in refused(folder(working=draft), "default value")] == ["origin.iban"]


@pytest.mark.parametrize(("avro_type", "default"), [("long", -(2**63)), ("string", ""), (TEXT_OR_NULL, None)])
def test_a_default_that_readers_can_use_passes(avro_type: Any, default: object) -> None:  # noqa: ANN401 -- Avro's JSON
    draft = changed(V1, lambda schema: schema["fields"].append(field("more", avro_type, default=default)))
    assert rules(folder(working=draft)) == {"unpublished"}


# --- one file ---


def nested_types(lists: int, innermost: object = "string") -> bytes:
    """An event with a field of nested lists. Each list takes two levels of JSON, the field itself three."""
    avro_type = innermost
    for _ in range(lists):
        avro_type = {"type": "array", "items": ["null", avro_type]}
    return written(changed(V1, lambda schema: schema["fields"].append(field("more", avro_type))))


BROKEN = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"\xff\xfe{", "not UTF-8"),
    (b"\xef\xbb\xbf" + written(V1), "not JSON"),
    (b"null", "not a record"),
    (b"[]", "not a record"),
    (b'"string"', "not a record"),
    (b'{"type": "enum", "name": "InterestPaid", "symbols": ["A"]}', "not a record"),
    (b'{"type": "record", "type": "record"}', 'key "type" twice'),
    (b'{"type": "record", "name": "A", "fields": [{"name": "a", "type": "long", "default": NaN}]}', "NaN"),
    (b"[" * 100_000, "levels deep"),
    (nested_types(14, {"type": {"type": "string"}}), "levels deep"),
    (nested_types(300), "levels deep"),
    (b'{"type": "record", "x": ' + b"1" * 5_000 + b"}", "too many digits"),
    (written(changed(V1, lambda schema: part(schema, "amount").update(doc="Half of a \ud83d pair."))), "surrogate"),
    (written(changed(V1, lambda schema: schema.update({"\udc00": 1}))), "surrogate"),
    (b'{"type": "record", "name": "InterestPaid"}', "not an Avro schema"),
    (b'{"type": "record", "name": "InterestPaid", "fields": [7]}', "not an Avro schema"),
    (b'{"type": "record", "name": "InterestPaid", "fields": [{"name": "a", "type": "strin"}]}', "strin"),
    (
        b'{"type": "record", "name": "A", "fields": [{"name": "a", "type": {"type": {"type": "long"}}}]}',
        "not an Avro schema",
    ),
    (b'{"type": "record", "name": "1st", "fields": []}', "1st"),
    (
        b'{"type": "record", "name": "A", "fields": [{"name": "a", "type": "long", "default": "x"}]}',
        "Default value <x>",
    ),
    (written(changed(V1, lambda schema: part(schema, "amount")["type"].update(scale=19))), "scale"),
    (written(changed(V1, lambda schema: part(schema, "amount")["type"].update(logicalType="dezimal"))), "dezimal"),
    (written(changed(V1, lambda schema: schema["fields"].append(schema["fields"][0]))), "event_id"),
]


@pytest.mark.parametrize(("data", "problem"), BROKEN, ids=[problem for _, problem in BROKEN])
@pytest.mark.parametrize("is_published", [False, True])
def test_a_file_that_is_not_a_schema_is_refused_in_one_line(data: bytes, problem: str, is_published: bool) -> None:  # noqa: FBT001
    valid = folder(V1)
    published = {"InterestPaid": {1: data}} if is_published else valid.published
    files = replace(valid, working=valid.working if is_published else {"InterestPaid": data}, published=published)
    [refusal] = refused(files, "no schema")
    assert refusal.file == ("history/InterestPaid/1.avsc" if is_published else "InterestPaid.avsc")
    assert problem in refusal.problem
    assert "\n" not in str(refusal)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["record", "long", "x", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "name", "fields", "items", "logicalType", "scale", "default", "doc", "aliases"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def test_the_deepest_allowed_nesting_is_checked_by_type() -> None:
    files = replace(folder(V1), working={"InterestPaid": nested_types(14, {"type": "string"})})
    assert rules(files) == {"type without a rule", "added"}


@given(st.binary(max_size=20) | JSON.map(written) | JSON.map(lambda found: written(V1 | {"fields": found})))
def test_any_bytes_are_refused_without_a_traceback(data: bytes) -> None:
    try:
        read_source(data)
    except NotASchema:
        assert rules(Files({"InterestPaid": data})) >= {"no schema"}


@given(st.sampled_from([found["name"] for found in V1["fields"]]), JSON, st.sampled_from(["type", "default", "doc"]))
def test_any_field_content_is_refused_without_a_traceback(name: str, content: object, attribute: str) -> None:
    draft = written(changed(V1, lambda schema: part(schema, name).update({attribute: content})))
    assert bool(check(replace(folder(V1), working={"InterestPaid": draft}))) == (draft != written(V1))


# --- names and docs ---


@pytest.mark.parametrize("name", ["interestPaid", "Interest_Paid", "interest", "ÜberPaid", "Paid\u0661", "_Paid"])
def test_an_event_s_name_is_in_cap_words(name: str) -> None:
    files = Files({name: written(V1 | {"name": name})})
    assert [refusal.file for refusal in check(files) if refusal.rule in ("event name", "no schema")] == [f"{name}.avsc"]
    assert plan(files).writes == {}


def test_event_names_that_differ_only_in_case_are_refused() -> None:
    valid = folder(V1)
    twin = V2 | {"name": "Interestpaid"}
    [refusal] = check(replace(valid, working={**valid.working, "Interestpaid": written(twin)}))
    assert (refusal.rule, refusal.file) == ("event name", "Interestpaid.avsc")
    assert "InterestPaid" in refusal.problem
    earlier = folder(V1 | {"name": "Interestpaid"}, name="Interestpaid")
    files = replace(earlier, working={**earlier.working, "InterestPaid": written(V2)})
    assert [refusal.file for refusal in refused(files, "event name")] == ["InterestPaid.avsc"]


def test_a_name_that_contains_the_namespace_is_refused() -> None:
    draft = {key: value for key, value in V1.items() if key != "namespace"} | {"name": "account.events.v1.InterestPaid"}
    [refusal] = refused(folder(working=draft), "name")
    assert "its name contains the namespace" in refusal.problem


@pytest.mark.parametrize(
    ("doc", "is_lost"),
    [
        ("One two three four five six.", False),
        ("Quite other words: three.", False),
        ("What the amount.", False),
        ("Two words, and more than that; many more than it had.", False),
        ("One two.", True),
    ],
)
def test_a_doc_may_be_reworded_but_not_shortened(doc: str, is_lost: bool) -> None:  # noqa: FBT001
    long = changed(V1, lambda schema: part(schema, "amount").update(doc="One two three four five six."))
    draft = changed(long, lambda schema: schema["fields"].append(field("reason", TEXT_OR_NULL, default=None)))
    part(draft, "amount")["doc"] = doc
    found = refused(folder(long, working=draft), "shortened doc")
    assert [(refusal.field, refusal.versions) for refusal in found] == ([("amount", (1,))] if is_lost else [])
    assert all("had 6 words and has 2" in refusal.problem for refusal in found)
    draft["doc"] = "Interest."
    before = changed(long, lambda schema: schema.update(doc="Interest was paid into it."))
    assert None in [refusal.field for refusal in refused(folder(before, working=draft), "shortened doc")]


@pytest.mark.parametrize("digests", [b"{", b"[]", b'{"a": 1}', b'{"a": "1", "a": "1"}'])
def test_an_invalid_list_of_digests_is_refused(digests: bytes) -> None:
    [refusal] = check(replace(folder(V1), digests=digests))
    assert (refusal.rule, refusal.file) == ("digests", DIGESTS)


def test_a_stray_file_in_the_history_is_refused() -> None:
    [refusal] = check(replace(folder(V1), strays=["history/InterestPaid/01.avsc"]))
    assert (refusal.rule, refusal.file) == ("strays", "history/InterestPaid/01.avsc")


def test_an_event_whose_working_schema_is_gone_is_refused() -> None:
    files = replace(folder(V1), working={"Other": written(V1 | {"name": "Other"})})
    [refusal] = refused(files, "missing")
    assert (refusal.file, "history/InterestPaid/1.avsc" in refusal.instead) == ("InterestPaid.avsc", True)


def test_a_folder_without_schemas_is_refused() -> None:
    assert rules(Files({})) == {"missing"}


def test_versions_published_before_a_rule_are_exempt() -> None:
    assert check(folder(changed(V1, lambda schema: schema.pop("doc")), V2)) == []


def test_a_published_version_of_another_event_is_refused() -> None:
    [refusal] = refused(folder(V1 | {"namespace": "elsewhere"}, V2), "name")
    assert refusal.file == "history/InterestPaid/1.avsc"


# --- fingerprints ---


@pytest.mark.parametrize(
    "change",
    [
        lambda schema: part(schema, "causation_id").pop("default"),
        lambda schema: part(schema, "amount")["type"].update(scale=3),
        lambda schema: part(schema, "amount").update(type="bytes"),
    ],
    ids=["default", "scale", "logical type"],
)
def test_a_fingerprint_with_two_meanings_is_refused(change: Any) -> None:  # noqa: ANN401 -- a callable
    [refusal] = refused(folder(V1, working=changed(V1, change)), "same fingerprint")
    assert (refusal.file, refusal.versions) == ("InterestPaid.avsc", (1,))
    assert not refused(folder(V1, working=changed(V1, change)), "unpublished")


def test_the_same_schema_under_another_name_is_refused() -> None:
    files = folder(V1)
    [refusal] = refused(replace(files, working={**files.working, "Other": written(V1)}), "same fingerprint")
    assert (refusal.file, "history/InterestPaid/1.avsc" in refusal.problem) == ("Other.avsc", True)


def test_unpublished_is_reported_only_without_other_faults() -> None:
    draft = changed(V2, lambda schema: part(schema, "amount").update(doc=""))
    assert rules(replace(folder(V1), working={"InterestPaid": written(draft)})) == {"doc"}


def test_a_version_published_twice_is_refused() -> None:
    [refusal] = check(folder(V1, V1))
    assert (refusal.rule, refusal.file, refusal.versions) == ("same fingerprint", "history/InterestPaid/2.avsc", (1,))


def test_a_working_schema_laid_out_differently_is_the_published_one() -> None:
    assert check(replace(folder(V1), working={"InterestPaid": json.dumps(V1, indent=4, sort_keys=True).encode()})) == []


@pytest.mark.parametrize("kept", [None, b"{}", b"{", b"[7]"], ids=["none", "empty", "broken", "list"])
def test_fingerprints_that_are_not_current_are_refused(kept: bytes | None) -> None:
    [refusal] = check(replace(folder(V1), fingerprints=kept))
    assert (refusal.rule, refusal.file) == ("fingerprints", FINGERPRINTS)
    assert "schema publish" in refusal.instead


def test_the_fingerprint_of_an_earlier_version_is_not_current() -> None:
    [refusal] = check(replace(folder(V1, V2), fingerprints=folder(V1).fingerprints))
    assert (refusal.rule, refusal.file) == ("fingerprints", FINGERPRINTS)


@pytest.mark.parametrize("name", ["InterestPaid", "Gone"])
def test_a_fingerprint_without_a_version_reveals_a_lost_one(name: str) -> None:
    valid = folder(V1)
    more = written(json.loads(valid.fingerprints or b"") | {name: "0011223344556677"})
    [refusal] = check(replace(valid, fingerprints=more))
    assert (refusal.rule, refusal.file) == ("lost version", f"history/{name}")
    assert "0011223344556677" in refusal.problem
