"""The gate's rules for docs, which may be corrected, and for fields, which must be possible columns of the lake."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ops.schema_gate.gate import check
from ops.schema_gate.publication import plan
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
from tests.unit.schema_gate.test_gate import V1, V2, rules


def correct_docs(schema: dict[str, Any]) -> None:
    schema.update(doc="Interest was paid into it.")
    part(schema, "amount").update(doc="The amount, in cents.")


def test_docs_alone_may_be_corrected_in_the_working_schema() -> None:
    corrected = changed(V2, correct_docs)
    assert check(folder(V1, V2, working=corrected)) == []
    planned = plan(folder(V1, V2, working=corrected))
    assert (planned.refused, planned.published, planned.writes) == ([], {}, {})
    assert plan(folder(V1, V2, working=changed(corrected, add_bank))).published == {"InterestPaid": 3}


def add_bank(schema: dict[str, Any]) -> None:
    schema["fields"].append(field("bank", TEXT_OR_NULL, default=None))


def test_a_corrected_doc_does_not_restore_an_earlier_version() -> None:
    assert rules(folder(V1, V2, working=changed(V1, correct_docs))) >= {"removed"}


@pytest.mark.parametrize("doc", ["", "No full stop here"])
def test_a_corrected_doc_must_still_follow_the_rules(doc: str) -> None:
    [refusal] = check(folder(V1, working=changed(V1, lambda schema: part(schema, "amount").update(doc=doc))))
    assert (refusal.rule, refusal.field) == ("doc", "amount")


def test_a_shortened_doc_is_not_a_correction() -> None:
    long = changed(V1, lambda schema: part(schema, "amount").update(doc="One two three four five six seven eight."))
    [refusal] = check(folder(long, working=changed(long, correct_amount)))
    assert (refusal.rule, refusal.field, refusal.versions) == ("shortened doc", "amount", (1,))


def correct_amount(schema: dict[str, Any]) -> None:
    part(schema, "amount").update(doc="One two three.")


def test_a_published_version_that_only_changes_a_doc_is_refused() -> None:
    [refusal] = check(folder(V1, changed(V1, correct_docs)))
    assert (refusal.rule, refusal.file) == ("same fingerprint", "history/InterestPaid/2.avsc")


def test_a_corrected_doc_does_not_edit_the_history() -> None:
    valid = folder(V1)
    edited = {"InterestPaid": {1: written(changed(V1, correct_docs))}}
    [refusal] = refused(replace(valid, published=edited), "edited")
    assert refusal.file == "history/InterestPaid/1.avsc"


# --- columns of the lake ---


def refuses_columns(*names: str) -> Callable[[str], str | None]:
    return lambda name: "is taken" if name in names else None


def test_a_new_field_that_cannot_be_a_column_is_refused() -> None:
    draft = changed(V1, lambda schema: schema["fields"].append(field("event_type", TEXT_OR_NULL, default=None)))
    [refusal] = check(folder(V1, working=draft), refuses_columns("event_type"))
    assert (refusal.rule, refusal.file, refusal.field) == ("column name", "InterestPaid.avsc", "event_type")
    assert "it is taken" in refusal.problem
    assert plan(folder(V1, working=draft), why_no_column=refuses_columns("event_type")).writes == {}


def test_a_published_field_that_cannot_be_a_column_is_exempt() -> None:
    assert check(folder(V1), refuses_columns("amount")) == []


def test_a_name_longer_than_glue_s_columns_is_refused() -> None:
    for length, is_refused in ((255, False), (256, True)):
        draft = changed(V1, lambda schema: schema["fields"].append(field("x" * length, TEXT_OR_NULL, default=None)))  # noqa: B023
        assert bool(refused(folder(V1, working=draft), "column name")) == is_refused


@pytest.mark.parametrize(
    ("avro_type", "is_refused"),
    [("string", True), ("long", True), (INSTANT, True), (TEXT_OR_NULL, True), (MONEY, False)],
)
def test_a_field_has_the_same_type_in_every_event(avro_type: Any, is_refused: bool) -> None:  # noqa: ANN401, FBT001
    valid = folder(V1)
    other = event(field("amount", avro_type), field("reason", "string"), name="FeeTaken")
    files = replace(valid, working={**valid.working, "FeeTaken": written(other)})
    found = refused(files, "column type")
    assert [(refusal.file, refusal.field) for refusal in found] == ([("FeeTaken.avsc", "amount")] if is_refused else [])
    assert all("InterestPaid has a field of that name" in refusal.problem for refusal in found)


def test_nullability_is_not_part_of_a_columns_type() -> None:
    valid = folder(V2)
    files = replace(
        valid, working={**valid.working, "FeeTaken": written(event(field("reason", "string"), name="FeeTaken"))}
    )
    assert {refusal.rule for refusal in check(files)} == {"unpublished"}
