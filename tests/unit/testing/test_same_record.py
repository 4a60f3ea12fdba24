"""A record captured in two forms counts once. Different records with one sequence number are refused."""

import json
from datetime import datetime
from typing import Any

import pytest

from account_events.testing import BadSource, MemoryKinesis, Settings, from_lambda_events, replay
from tests.unit.testing.test_sources import RECORDS, as_the_cli_prints, with_change

EXPIRED = {
    **with_change(RECORDS[0], NewImage=None),
    "eventName": "REMOVE",
    "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
}
WITH_ATTRIBUTES = with_change(
    NewImage=RECORDS[0]["dynamodb"]["NewImage"] | {"Blob": {"B": "AP8="}, "Tags": {"SS": ["a", "b"]}}
)
AT = "2026-01-31T10:30:00+01:00"


NUMBERS = with_change(
    NewImage=RECORDS[0]["dynamodb"]["NewImage"] | {"Days": {"NS": ["1", "2"]}, "Stray": {"N": "sNaN"}}
)


def numbered(*days: str) -> dict[str, Any]:
    image = NUMBERS["dynamodb"]["NewImage"] | {"Days": {"NS": [*days]}}
    return with_change(NUMBERS, NewImage=image)


@pytest.mark.parametrize(
    ("delivered", "printed"),
    [
        (RECORDS[0], as_the_cli_prints(RECORDS[0], AT)),
        (RECORDS[0], {name: RECORDS[0][name] for name in reversed([*RECORDS[0]]) if name != "eventSourceARN"}),
        (RECORDS[0], {name: value for name, value in RECORDS[0].items() if name not in {"awsRegion", "eventID"}}),
        (RECORDS[0], with_change(ApproximateCreationDateTime=1_769_851_800.0)),
        (RECORDS[0], with_change(ApproximateCreationDateTime=1_769_851_799.72)),
        (RECORDS[0], with_change(ApproximateCreationDateTime="1769851800")),
        (RECORDS[0], with_change(ApproximateCreationDateTime=None, SizeBytes=None, StreamViewType=None)),
        (RECORDS[0], {**with_change(SizeBytes="260"), "userIdentity": None}),
        (RECORDS[0], with_change(ApproximateCreationDateTime=datetime.fromisoformat(AT))),
        (
            RECORDS[0],
            with_change(NewImage=RECORDS[0]["dynamodb"]["NewImage"] | {"Sequence": {"N": "1.0"}}),
        ),
        (NUMBERS, numbered("2.0", "1")),
        (
            WITH_ATTRIBUTES,
            with_change(
                NewImage=RECORDS[0]["dynamodb"]["NewImage"] | {"Blob": {"B": b"\x00\xff"}, "Tags": {"SS": ["b", "a"]}},
            ),
        ),
        (EXPIRED, {**EXPIRED, "userIdentity": {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}}),
    ],
)
def test_a_record_captured_in_two_forms_counts_as_a_repeat(delivered: Any, printed: Any) -> None:  # noqa: ANN401 -- JSON
    printed = {name: value for name, value in printed.items() if name != "eventSourceARN"}
    for captured in ([delivered, printed], [printed, delivered]):
        stream = from_lambda_events([{"Records": [one]} for one in captured])
        assert (stream.records, stream.repeats) == ((delivered,), 1)


@pytest.mark.parametrize(
    ("other", "differing"),
    [
        ({**RECORDS[0], "eventID": "2"}, "eventID"),
        ({**RECORDS[0], "eventName": "MODIFY"}, "eventName"),
        ({**RECORDS[0], "awsRegion": "eu-west-1"}, "awsRegion"),
        ({**RECORDS[0], "eventSourceARN": "arn:aws:dynamodb:eu-central-1:0:table/b/stream/1"}, "eventSourceARN"),
        (with_change(ApproximateCreationDateTime=1_769_851_802), "dynamodb.ApproximateCreationDateTime"),
        (with_change(Keys={"AccountId": {"S": "b"}, "Version": {"N": "1"}}), "dynamodb.Keys"),
        (with_change(NewImage=RECORDS[1]["dynamodb"]["NewImage"]), "dynamodb.NewImage"),
        (with_change(SizeBytes=261), "dynamodb.SizeBytes"),
    ],
)
def test_different_records_with_one_sequence_number_are_refused(other: Any, differing: str) -> None:  # noqa: ANN401 -- JSON
    with pytest.raises(BadSource, match=rf"element 2: two different records have .* \({differing} differs\)"):
        from_lambda_events([RECORDS[0], other])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}, [True]),
        ({"userIdentity": {"type": [{"exists": False}]}}, [False] * len(RECORDS)),
    ],
)
def test_a_filter_matches_an_expiry_in_boto3s_spelling(pattern: dict[str, Any], expected: list[bool]) -> None:
    last = str(int(RECORDS[-1]["dynamodb"]["SequenceNumber"]) + 1)
    expired = with_change(EXPIRED, SequenceNumber=last) | {
        "userIdentity": {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    }
    delivered: list[bool] = []

    def handler(event: dict[str, Any], _: object) -> None:
        delivered.extend("userIdentity" in record for record in event["Records"])

    replay(
        from_lambda_events([*RECORDS, expired]),
        handler,
        kinesis=MemoryKinesis(),
        settings=Settings(filter_patterns=[json.dumps(pattern)]),
    )
    assert delivered == expected
