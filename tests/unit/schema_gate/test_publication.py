"""Plans of publications: what is published and written, and how an interrupted publication is completed."""

import json
from dataclasses import replace
from itertools import accumulate

import pytest

from ops.schema_gate.gate import DIGESTS, FINGERPRINTS, Files, check, digest_of
from ops.schema_gate.publication import plan
from tests.support.schema_files import MONEY, TEXT_OR_NULL, changed, event, field, folder, part, written

V1 = event(field("amount", MONEY))
V2 = changed(V1, lambda schema: schema["fields"].append(field("reason", TEXT_OR_NULL, default=None)))
OTHER = event(name="FeeTaken")
FIRST, SECOND = "history/InterestPaid/1.avsc", "history/InterestPaid/2.avsc"


def after(files: Files, writes: dict[str, bytes]) -> Files:
    """The folder after these files are written."""
    published = {name: dict(versions) for name, versions in files.published.items()}
    for path, data in writes.items():
        if path.endswith(".avsc"):
            _, name, number = path.removesuffix(".avsc").split("/")
            published.setdefault(name, {})[int(number)] = data
    return replace(
        files,
        published=published,
        digests=writes.get(DIGESTS, files.digests),
        fingerprints=writes.get(FINGERPRINTS, files.fingerprints),
    )


def test_the_working_schema_is_published_byte_for_byte() -> None:
    files = replace(folder(V1), working={"InterestPaid": json.dumps(V2, indent=3).encode()})
    planned = plan(files)
    assert (planned.refused, planned.published) == ([], {"InterestPaid": 2})
    assert planned.writes[SECOND] == files.working["InterestPaid"]
    assert json.loads(planned.writes[DIGESTS]) == {
        FIRST: digest_of(written(V1)),
        SECOND: digest_of(files.working["InterestPaid"]),
    }
    assert check(after(files, dict(planned.writes))) == []


def test_a_first_publication_is_version_1() -> None:
    files = Files({"InterestPaid": written(V1)})
    planned = plan(files)
    assert planned.published == {"InterestPaid": 1}
    assert list(planned.writes) == [FIRST, DIGESTS, FINGERPRINTS]
    assert check(after(files, dict(planned.writes))) == []


def test_publishing_again_changes_nothing() -> None:
    files = folder(V1, working=V2)
    files = after(files, dict(plan(files).writes))
    planned = plan(files)
    assert (planned.refused, planned.published, planned.writes) == ([], {}, {})


def test_one_event_can_be_published_alone() -> None:
    files = Files({"InterestPaid": written(V1), "FeeTaken": written(OTHER)})
    planned = plan(files, "FeeTaken")
    assert planned.published == {"FeeTaken": 1}
    assert json.loads(planned.writes[FINGERPRINTS]).keys() == {"FeeTaken"}
    assert [refusal.rule for refusal in check(after(files, dict(planned.writes)))] == ["unpublished"]


def test_the_fingerprints_never_include_drafts() -> None:
    valid = folder(V1)
    files = replace(valid, working={"InterestPaid": written(V2), "FeeTaken": written(OTHER)})
    planned = plan(files, "FeeTaken")
    fingerprints = json.loads(planned.writes[FINGERPRINTS])
    assert fingerprints.keys() == {"FeeTaken", "InterestPaid"}
    assert fingerprints["InterestPaid"] == json.loads(valid.fingerprints or b"")["InterestPaid"]
    then = after(files, dict(planned.writes))
    assert [refusal.rule for refusal in check(then)] == ["unpublished"]
    assert plan(then).published == {"InterestPaid": 2}


def test_an_unknown_event_is_refused_with_a_list_of_events() -> None:
    with pytest.raises(LookupError, match=r"no schema Gone.avsc. Available: InterestPaid\."):
        plan(folder(V1), "Gone")


def test_nothing_is_written_if_any_event_is_refused() -> None:
    bad = changed(V2, lambda schema: part(schema, "amount").update(type="string"))
    files = replace(folder(V1), working={"FeeTaken": written(OTHER), "InterestPaid": written(bad)})
    planned = plan(files, "FeeTaken")
    assert {refusal.file for refusal in planned.refused} == {"InterestPaid.avsc"}
    assert (planned.published, planned.writes) == ({}, {})


def test_fingerprints_that_are_not_current_are_written_again() -> None:
    planned = plan(replace(folder(V1), fingerprints=b"{"))
    assert (planned.published, list(planned.writes)) == ({}, [FINGERPRINTS])


def test_an_interrupted_publication_is_refused_and_completed() -> None:
    for files in (folder(V1, working=V2), Files({"InterestPaid": written(V1), "FeeTaken": written(OTHER)})):
        writes = dict(plan(files).writes)
        parts = list(accumulate(([item] for item in writes.items()), initial=[]))
        for done in parts[:-1]:
            stopped = after(files, dict(done))
            assert check(stopped), done
            again = plan(stopped)
            assert again.refused == [], done
            assert check(after(stopped, dict(again.writes))) == [], done


def test_a_version_added_by_hand_is_not_published() -> None:
    by_hand = {"InterestPaid": {1: written(V1), 2: written(V2)}}
    planned = plan(replace(folder(V1), published=by_hand))
    assert {(refusal.rule, refusal.file) for refusal in planned.refused} >= {("unlisted", SECOND)}


def test_digests_are_sorted_by_version() -> None:
    versions = [V1]
    for number in range(2, 12):
        more = field(f"more_{number}", TEXT_OR_NULL, default=None)
        versions.append(versions[-1] | {"fields": [*versions[-1]["fields"], more]})
    planned = plan(folder(*versions[:-1], working=versions[-1]))
    assert list(json.loads(planned.writes[DIGESTS])) == [
        f"history/InterestPaid/{number}.avsc" for number in range(1, 12)
    ]
