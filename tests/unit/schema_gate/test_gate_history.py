"""The gate on a folder whose history was edited or partly lost."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ops.schema_gate.gate import DIGESTS, Files, check, digest_of
from ops.schema_gate.publication import plan
from tests.support.schema_files import folder, refused, written
from tests.unit.schema_gate.test_gate import V1, V2, V3, V4, rules


def test_an_edit_of_a_published_file_is_found() -> None:
    valid = folder(V1)
    edited = written(V1) + b"\n"
    [refusal] = check(replace(valid, published={"InterestPaid": {1: edited}}))
    assert (refusal.rule, refusal.file) == ("edited", "history/InterestPaid/1.avsc")


def test_a_removed_newest_version_is_found() -> None:
    valid = folder(V1, V2)
    files = replace(valid, published={"InterestPaid": {1: written(V1)}})
    [refusal] = refused(files, "removed")
    assert refusal.file == "history/InterestPaid/2.avsc"
    assert rules(files) == {"removed"}  # publishing again must not be advised


def test_a_version_removed_with_its_digest_is_found() -> None:
    valid = folder(V1, V2)
    listed = written({"history/InterestPaid/2.avsc": digest_of(written(V2))})
    files = replace(valid, published={"InterestPaid": {2: written(V2)}}, digests=listed)
    [refusal] = refused(files, "removed")
    assert refusal.file == "history/InterestPaid/1.avsc"


def test_an_enormous_version_number_causes_few_refusals() -> None:
    valid = folder(V1)
    files = replace(valid, published={"InterestPaid": {1: written(V1), 10**200: written(V1)}})
    assert [refusal.file for refusal in refused(files, "removed")] == ["history/InterestPaid/2.avsc"]


def test_a_version_added_by_hand_is_found() -> None:
    by_hand = {"InterestPaid": {1: written(V1), 2: written(V2)}}
    [refusal] = refused(replace(folder(V1), published=by_hand), "unlisted")
    assert refusal.file == "history/InterestPaid/2.avsc"
    assert refusal.instead == "remove it and run `account-events schema publish`"


def without(files: Files, *lines: str) -> bytes:
    """The digests without the lost lines."""
    return written({file: digest for file, digest in json.loads(files.digests or b"").items() if file not in lines})


@pytest.mark.parametrize("digests", [None, b"{}"], ids=["missing", "empty"])
@pytest.mark.parametrize("fingerprints", [False, True], ids=["without fingerprints", "with fingerprints"])
@pytest.mark.parametrize("working", [V2, V3], ids=["published", "draft"])
def test_lost_digests_never_advise_removing_a_published_file(
    digests: bytes | None,
    working: Any,  # noqa: ANN401 -- Avro's JSON
    *,
    fingerprints: bool,
) -> None:
    valid = folder(V1, V2)
    files = replace(
        valid,
        working={"InterestPaid": written(working)},
        digests=digests,
        fingerprints=valid.fingerprints if fingerprints else None,
    )
    found = [refusal for refusal in check(files) if refusal.file.startswith("history/")]
    assert [refusal.file for refusal in found] == ["history/InterestPaid/1.avsc", "history/InterestPaid/2.avsc"]
    for refusal in found:
        assert f"restore {DIGESTS} from version control" in refusal.instead
        assert "remove" not in refusal.instead
    assert plan(files).refused
    assert plan(files).writes == {}


@pytest.mark.parametrize("lost", [(1,), (2,), (1, 2), (3,), (2, 3), (1, 2, 3)])
@pytest.mark.parametrize("working", [V3, V4], ids=["published", "draft"])
def test_lost_lines_of_digests_must_be_restored(lost: tuple[int, ...], working: Any) -> None:  # noqa: ANN401
    valid = replace(folder(V1, V2, V3), working={"InterestPaid": written(working)})
    lines = [f"history/InterestPaid/{number}.avsc" for number in lost]
    files = replace(valid, digests=without(valid, *lines))
    assert [refusal.file for refusal in refused(files, "lost line")] == lines
    assert not refused(files, "unlisted")
    assert plan(files).writes == {}


def test_a_lost_line_differs_from_a_version_added_by_hand() -> None:
    valid = folder(V1, V2)
    by_hand = {"InterestPaid": {1: written(V1), 2: written(V2), 3: written(V3)}}
    files = replace(valid, published=by_hand, digests=without(valid, "history/InterestPaid/2.avsc"))
    assert [refusal.file for refusal in refused(files, "lost line")] == ["history/InterestPaid/2.avsc"]
    assert [refusal.file for refusal in refused(files, "unlisted")] == ["history/InterestPaid/3.avsc"]


def test_lost_digests_and_fingerprints_make_no_version_removable() -> None:
    files = replace(folder(V1), digests=None, fingerprints=b"<<<<<<<")
    assert [refusal.file for refusal in refused(files, "lost line")] == ["history/InterestPaid/1.avsc"]


@pytest.mark.parametrize("working", [V1, V2, V3])
@pytest.mark.parametrize("fingerprints", [None, b"<<<<<<<"], ids=["valid", "unreadable"])
def test_an_event_without_history_is_not_published_as_version_1(working: Any, fingerprints: bytes | None) -> None:  # noqa: ANN401
    valid = folder(V1, V2)
    files = replace(
        valid,
        working={"InterestPaid": written(working)},
        published={},
        digests=None,
        fingerprints=fingerprints or valid.fingerprints,
    )
    [refusal] = refused(files, "lost version")
    assert refusal.file == "history/InterestPaid"
    assert "restore history" in refusal.instead
    assert not refused(files, "unpublished")
    assert plan(files).refused
    assert plan(files).writes == {}


@pytest.mark.parametrize("working", [V2, V3], ids=["published", "draft"])
def test_a_version_removed_with_its_line_is_found_by_fingerprint(working: Any) -> None:  # noqa: ANN401
    valid = folder(V1, V2)
    files = replace(
        valid,
        working={"InterestPaid": written(working)},
        published={"InterestPaid": {1: written(V1)}},
        digests=without(valid, "history/InterestPaid/2.avsc"),
    )
    [refusal] = check(files)
    assert (refusal.rule, refusal.file) == ("lost version", "history/InterestPaid")
    assert plan(files).writes == {}
