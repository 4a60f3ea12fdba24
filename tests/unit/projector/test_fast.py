"""The short way and the long way say the same of every row, or the short way says nothing."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from account_core.items import is_snapshot_version
from account_events.testing.records import history, stream_record
from projector import fast
from projector.fast import headers_of
from projector.outgoing import Outgoing
from projector.parse import read_image
from schemas.encoder import ENCODERS, Encoders, glue_encoders

ROWS = list(history("account-1", 30))
IMAGES = [stream_record(row, 1)["dynamodb"] for row in ROWS]
CHANGES = [image for image in IMAGES if image["NewImage"]["Type"]["S"] != "SNAPSHOT"]

odd: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(
            {"S": text}
            for text in ("", "x", "ü", "\ud800", "a" * 257, "SNAPSHOT", "CREATED", "WITHDRAW", "0", "1", "2")
        ),
        *(
            {"S": at}
            for at in ("2026-01-31T09:30:00.000001Z", "2026-01-31T09:30:00Z", "0001-01-01T00:00:00.000001+14:00")
        ),
        *(
            {"S": at}
            for at in ("2026-13-31T09:30:00.000001Z", "2026-01-31t09:30:00.000001Z", "2026-01-31T09:30:00,000001Z")
        ),
        *({"N": number} for number in ("0", "1", "2", "-1", "1.5", "10", "100", "1e3", "1E+2", "٣", "1_0", " 1", "+1")),
        *({"N": number} for number in ("0.0", "00.10", "1.50", "0.001", "9999999999999999.99", "10000000000000000")),
        *({"N": number} for number in ("NaN", "Infinity", "", ".", ".5", "5.", "-0", "0.00", "1" * 40, "12.3")),
        *({kind: None} for kind in "SN"),
        {"N": 1},
        {"S": b"x"},
        {"NULL": True},
        {"S": "x", "N": "1"},
        {},
        None,
        "x",
        [],
    ]
)
names = st.sampled_from(sorted({name for change in CHANGES for name in change["NewImage"]} | {"Digest"}))
edits = st.dictionaries(names, odd, max_size=3)


def fast_event(change: dict[str, Any], position: int, encoders: Encoders = ENCODERS) -> Outgoing | None:
    return fast.fast_event(change, position, headers_of(encoders))


def long_way(change: dict[str, Any], encoders: Encoders = ENCODERS) -> object:
    keys = change["Keys"]
    return read_image(change["NewImage"], keys["AccountId"]["S"], int(keys["Version"]["N"]), 7, encoders)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change["NewImage"]["Version"]["N"])
def test_both_ways_frame_alike(change: dict[str, Any]) -> None:
    ids = {encoder.fingerprint.hex(): str(UUID(int=n)) for n, encoder in enumerate(ENCODERS.values(), 1)}
    event = fast_event(change, 7, glue_encoders(ids))
    assert isinstance(event, Outgoing)
    assert event == long_way(change, glue_encoders(ids))
    assert event.data.startswith(b"\x03\x00")
    assert event.data[18:] == fast_event(change, 7).data[10:]  # type: ignore[union-attr]  # as the next test shows


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change["NewImage"]["Version"]["N"])
def test_every_row_that_is_as_it_should_be_goes_the_short_way(change: dict[str, Any]) -> None:
    event = fast_event(change, 7)
    assert isinstance(event, Outgoing)
    assert event == long_way(change)


def test_a_snapshot_goes_the_long_way() -> None:
    assert [fast_event(image, 7) for image in IMAGES if image not in CHANGES] == [None] * 3
    assert all(is_snapshot_version(row.version) for row in ROWS if row.version % 10 == 0)


@given(st.sampled_from(CHANGES), edits, st.sets(names, max_size=2))
@example(CHANGES[0], {"Timestamp": {"S": "0001-01-01T00:00:00.000001+14:00"}}, set())
def test_whatever_the_row_holds_they_agree(change: dict[str, Any], edited: dict[str, Any], missing: set[str]) -> None:
    image = {name: value for name, value in {**change["NewImage"], **edited}.items() if name not in missing}
    mutated = {**change, "NewImage": image}
    event = fast_event(mutated, 7)
    if event is not None:
        assert event == long_way(mutated)


@pytest.mark.parametrize("keys", [{"AccountId": {"S": "account-2"}}, {"Version": {"N": "3"}}, {}])
def test_a_row_under_another_key_goes_the_long_way(keys: dict[str, Any]) -> None:
    change = CHANGES[0]
    assert fast_event({**change, "Keys": {**change["Keys"], **keys} if keys else {}}, 7) is None
