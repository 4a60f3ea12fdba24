"""The gate on a folder whose history was edited, or lost in part: nothing that was published is given up."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ops.schema_gate.gate import DIGESTS, Files, check, digest_of
from ops.schema_gate.publication import plan
from tests.support.schema_files import folder, refused, written
from tests.unit.schema_gate.test_gate import V1, V2, V3, V4, rules


def test_a_published_file_that_was_edited_is_found_even_by_a_blank() -> None:
    sound = folder(V1)
    edited = written(V1) + b"\n"
    [refusal] = check(replace(sound, published={"InterestPaid": {1: edited}}))
    assert (refusal.rule, refusal.file) == ("edited", "history/InterestPaid/1.avsc")


def test_the_newest_version_that_was_removed_is_found() -> None:
    sound = folder(V1, V2)
    files = replace(sound, published={"InterestPaid": {1: written(V1)}})
    [refusal] = refused(files, "removed")
    assert refusal.file == "history/InterestPaid/2.avsc"
    assert rules(files) == {"removed"}  # publishing again would be no way out


def test_a_version_in_the_middle_that_was_removed_is_found_though_its_digest_went_too() -> None:
    sound = folder(V1, V2)
    listed = written({"history/InterestPaid/2.avsc": digest_of(written(V2))})
    files = replace(sound, published={"InterestPaid": {2: written(V2)}}, digests=listed)
    [refusal] = refused(files, "removed")
    assert refusal.file == "history/InterestPaid/1.avsc"


def test_a_version_with_an_enormous_number_makes_a_few_refusals() -> None:
    sound = folder(V1)
    files = replace(sound, published={"InterestPaid": {1: written(V1), 10**200: written(V1)}})
    assert [refusal.file for refusal in refused(files, "removed")] == ["history/InterestPaid/2.avsc"]


def test_a_version_that_the_command_did_not_publish_is_found() -> None:
    by_hand = {"InterestPaid": {1: written(V1), 2: written(V2)}}
    [refusal] = refused(replace(folder(V1), published=by_hand), "unlisted")
    assert refusal.file == "history/InterestPaid/2.avsc"
    assert refusal.instead == "remove it and run: account-events schema publish"


def without(files: Files, *lines: str) -> bytes:
    """The digests, of which lines were lost."""
    return written({file: digest for file, digest in json.loads(files.digests or b"").items() if file not in lines})


@pytest.mark.parametrize("digests", [None, b"{}"], ids=["missing", "empty"])
@pytest.mark.parametrize("fingerprints", [False, True], ids=["without fingerprints", "with fingerprints"])
@pytest.mark.parametrize("working", [V2, V3], ids=["published", "draft"])
def test_where_the_digests_are_lost_no_published_file_is_to_be_removed(
    digests: bytes | None,
    working: Any,  # noqa: ANN401 -- Avro's JSON
    *,
    fingerprints: bool,
) -> None:
    sound = folder(V1, V2)
    files = replace(
        sound,
        working={"InterestPaid": written(working)},
        digests=digests,
        fingerprints=sound.fingerprints if fingerprints else None,
    )
    told = [refusal for refusal in check(files) if refusal.file.startswith("history/")]
    assert [refusal.file for refusal in told] == ["history/InterestPaid/1.avsc", "history/InterestPaid/2.avsc"]
    for refusal in told:
        assert f"restore {DIGESTS} from version control" in refusal.instead
        assert "remove" not in refusal.instead
    assert plan(files).refused
    assert plan(files).writes == {}


@pytest.mark.parametrize("lost", [(1,), (2,), (1, 2), (3,), (2, 3), (1, 2, 3)])
@pytest.mark.parametrize("working", [V3, V4], ids=["published", "draft"])
def test_where_lines_of_digests_are_lost_they_are_to_be_restored(lost: tuple[int, ...], working: Any) -> None:  # noqa: ANN401
    sound = replace(folder(V1, V2, V3), working={"InterestPaid": written(working)})
    lines = [f"history/InterestPaid/{number}.avsc" for number in lost]
    files = replace(sound, digests=without(sound, *lines))
    assert [refusal.file for refusal in refused(files, "lost line")] == lines
    assert not refused(files, "unlisted")
    assert plan(files).writes == {}


def test_beside_a_lost_line_what_was_put_there_by_hand_is_told_from_what_was_published() -> None:
    sound = folder(V1, V2)
    by_hand = {"InterestPaid": {1: written(V1), 2: written(V2), 3: written(V3)}}
    files = replace(sound, published=by_hand, digests=without(sound, "history/InterestPaid/2.avsc"))
    assert [refusal.file for refusal in refused(files, "lost line")] == ["history/InterestPaid/2.avsc"]
    assert [refusal.file for refusal in refused(files, "unlisted")] == ["history/InterestPaid/3.avsc"]


def test_lost_digests_and_unreadable_fingerprints_make_no_history_removable() -> None:
    files = replace(folder(V1), digests=None, fingerprints=b"<<<<<<<")
    assert [refusal.file for refusal in refused(files, "lost line")] == ["history/InterestPaid/1.avsc"]


@pytest.mark.parametrize("working", [V1, V2, V3])
@pytest.mark.parametrize("fingerprints", [None, b"<<<<<<<"], ids=["sound", "unreadable"])
def test_an_event_whose_history_is_gone_is_not_published_as_version_1(working: Any, fingerprints: bytes | None) -> None:  # noqa: ANN401
    sound = folder(V1, V2)
    files = replace(
        sound,
        working={"InterestPaid": written(working)},
        published={},
        digests=None,
        fingerprints=fingerprints or sound.fingerprints,
    )
    [refusal] = refused(files, "lost version")
    assert refusal.file == "history/InterestPaid"
    assert "restore history" in refusal.instead
    assert not refused(files, "unpublished")
    assert plan(files).refused
    assert plan(files).writes == {}


@pytest.mark.parametrize("working", [V2, V3], ids=["published", "draft"])
def test_the_newest_version_that_was_removed_with_its_line_is_found_by_its_fingerprint(working: Any) -> None:  # noqa: ANN401
    sound = folder(V1, V2)
    files = replace(
        sound,
        working={"InterestPaid": written(working)},
        published={"InterestPaid": {1: written(V1)}},
        digests=without(sound, "history/InterestPaid/2.avsc"),
    )
    [refusal] = check(files)
    assert (refusal.rule, refusal.file) == ("lost version", "history/InterestPaid")
    assert plan(files).writes == {}
