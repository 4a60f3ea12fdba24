import json
from datetime import UTC, datetime
from typing import Any

import pytest

from account_events.lambda_mapping.errors import UnsupportedMapping
from account_events.lambda_mapping.filters import FilterCriteria
from account_events.lambda_mapping.records import kinesis_lambda_record
from tests.unit.event_source_mapping.given import KINESIS_ARN, ROLE_ARN, event


def new_image(name: str, rules: list[Any]) -> str:
    return json.dumps({"dynamodb": {"NewImage": {name: {"S": rules}}}})


def image_event(image: dict[str, Any]) -> dict[str, Any]:
    return {**event(1), "dynamodb": {**event(1)["dynamodb"], "NewImage": image}}


TEXT_RULES = [
    (["SNAPSHOT"], "SNAPSHOT", True),
    (["SNAPSHOT"], "snapshot", False),
    (["CREATED", "CREDIT"], "CREDIT", True),
    (["CREATED", "CREDIT"], "WITHDRAW", False),
    ([""], "", True),
    ([""], "x", False),
    ([{"prefix": "CRE"}], "CREDIT", True),
    ([{"prefix": "CRE"}], "xCRE", False),
    ([{"suffix": "DIT"}], "CREDIT", True),
    ([{"suffix": "DIT"}], "CREATED", False),
    ([{"equals-ignore-case": "credit"}], "CREDIT", True),
    ([{"equals-ignore-case": "credit"}], "CREDITS", False),
    ([{"anything-but": ["SNAPSHOT"]}], "CREDIT", True),
    ([{"anything-but": ["SNAPSHOT"]}], "SNAPSHOT", False),
    ([{"anything-but": "SNAPSHOT"}], "CREDIT", True),
    ([{"anything-but": "SNAPSHOT"}], "SNAPSHOT", False),
    ([{"anything-but": {"prefix": "CRE"}}], "CREDIT", False),
    ([{"anything-but": {"prefix": "CRE"}}], "WITHDRAW", True),
    ([{"anything-but": {"prefix": ["CRE", "WITH"]}}], "WITHDRAW", False),
    ([{"anything-but": {"suffix": "SHOT"}}], "SNAPSHOT", False),
    ([{"anything-but": {"suffix": ["SHOT", "DIT"]}}], "CREATED", True),
    ([{"anything-but": {"equals-ignore-case": "snapshot"}}], "SNAPSHOT", False),
    ([{"anything-but": {"equals-ignore-case": ["snapshot", "credit"]}}], "CREATED", True),
    ([{"exists": True}], "CREDIT", True),
    ([{"exists": False}], "CREDIT", False),
    ([None], "CREDIT", False),
    (["CREATED", {"prefix": "WITH"}], "WITHDRAW", True),
]


@pytest.mark.parametrize(("rules", "value", "expected"), TEXT_RULES)
def test_a_rule_matches_a_string_attribute_or_not(rules: list[Any], value: str, expected: bool) -> None:  # noqa: FBT001 - table
    criteria = FilterCriteria.of([new_image("Type", rules)])
    assert criteria.accepts(image_event({"Type": {"S": value}})) is expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (["CREDIT"], False),
        ([{"anything-but": ["SNAPSHOT"]}], False),
        ([{"anything-but": {"prefix": "SNAP"}}], False),
        ([{"prefix": ""}], False),
        ([{"exists": True}], False),
        ([{"exists": False}], True),
        ([None], False),
    ],
)
def test_only_exists_false_matches_an_absent_attribute(rules: list[Any], expected: bool) -> None:  # noqa: FBT001 - table
    assert FilterCriteria.of([new_image("Type", rules)]).accepts(image_event({"Owner": {"S": "o"}})) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param({"NewImage": {"Amount": {"N": [{"numeric": [">", 5]}]}}}, False, id="an N attribute is a string"),
        pytest.param({"NewImage": {"Amount": {"N": ["10.50"]}}}, True, id="the same string"),
        pytest.param({"NewImage": {"Amount": {"N": ["10.5"]}}}, False, id="another string for the same number"),
        pytest.param({"SizeBytes": [{"numeric": ["=", 100]}]}, True, id="numeric equals"),
        pytest.param({"SizeBytes": [{"numeric": [">", 100]}]}, False, id="numeric bound is exclusive"),
        pytest.param({"SizeBytes": [{"numeric": [">", 99, "<=", 100]}]}, True, id="numeric range"),
        pytest.param({"SizeBytes": [100]}, True, id="number literal"),
        pytest.param({"SizeBytes": [100.0]}, False, id="100 and 100.0 are not equal"),
        pytest.param({"NewImage": {"Closed": {"BOOL": [True]}}}, True, id="boolean"),
        pytest.param({"NewImage": {"Closed": {"BOOL": [1]}}}, False, id="a boolean is not a number"),
        pytest.param({"NewImage": {"Note": {"NULL": [True]}}}, True, id="a DynamoDB null"),
        pytest.param({"NewImage": {"Gap": [None]}}, True, id="a JSON null"),
        pytest.param({"NewImage": {"Tags": {"SS": ["b"]}}}, True, id="any element of an array"),
        pytest.param({"NewImage": {"Tags": {"SS": ["c"]}}}, False, id="no element of an array"),
        pytest.param({"NewImage": {"Tags": {"SS": [{"anything-but": ["b"]}]}}}, True, id="an element that is not b"),
        pytest.param({"NewImage": {"Amount": [{"exists": True}]}}, False, id="exists sees leaves only"),
        pytest.param({"NewImage": {"Amount": [{"exists": False}]}}, True, id="an object is not a leaf"),
        pytest.param({"OldImage": {"Type": {"S": [{"exists": False}]}}}, True, id="absent branch"),
        pytest.param({"SizeBytes": [100], "StreamViewType": ["KEYS_ONLY"]}, False, id="fields are AND-ed"),
        pytest.param({"$or": [{"SizeBytes": [1]}, {"StreamViewType": ["NEW_IMAGE"]}]}, True, id="$or matches"),
        pytest.param({"$or": [{"SizeBytes": [1]}, {"StreamViewType": ["KEYS_ONLY"]}]}, False, id="$or does not match"),
    ],
)
def test_a_pattern_matches_a_stream_record_or_not(pattern: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - table
    image = {
        "Amount": {"N": "10.50"},
        "Closed": {"BOOL": True},
        "Note": {"NULL": True},
        "Gap": None,
        "Tags": {"SS": ["a", "b"]},
    }
    assert FilterCriteria.of([json.dumps({"dynamodb": pattern})]).accepts(image_event(image)) is expected


def test_one_of_the_filters_must_match_unless_there_are_none() -> None:
    credit, created = new_image("Type", ["CREDIT"]), new_image("Type", ["CREATED"])
    either = FilterCriteria.of([credit, created])
    assert either.accepts(event(1, kind="CREDIT"))
    assert either.accepts(event(1, kind="CREATED"))
    assert not either.accepts(event(1, kind="SNAPSHOT"))
    assert FilterCriteria.of([]).accepts(event(1, kind="SNAPSHOT"))


def test_the_projectors_filter_accepts_inserted_events_only() -> None:
    criteria = FilterCriteria.of(
        [
            json.dumps(
                {
                    "eventName": ["INSERT"],
                    "dynamodb": {"NewImage": {"Type": {"S": [{"anything-but": ["SNAPSHOT"]}]}}},
                }
            )
        ]
    )
    assert criteria.accepts(event(1, kind="WITHDRAW"))
    assert not criteria.accepts(event(1, kind="SNAPSHOT"))
    assert not criteria.accepts({**event(1, kind="WITHDRAW"), "eventName": "REMOVE"})


EXPIRY = {
    **event(2),
    "eventName": "REMOVE",
    "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
}


@pytest.mark.parametrize(
    ("pattern", "accepts_expiry", "accepts_insert"),
    [
        ({"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}, True, False),
        ({"userIdentity": {"type": [{"exists": False}]}}, False, True),
        ({"userIdentity": {"type": ["Service"], "principalId": ["another"]}}, False, False),
        ({"$or": [{"userIdentity": {"type": ["Service"]}}, {"eventName": ["INSERT"]}]}, True, True),
        ({"eventID": ["id-2"]}, True, False),
        ({"eventSource": ["aws:dynamodb"], "awsRegion": [{"prefix": "eu-"}], "eventVersion": ["1.1"]}, True, True),
        ({"eventSourceARN": [{"suffix": "another"}]}, False, False),
    ],
)
def test_a_filter_can_use_every_field_of_the_event(
    pattern: dict[str, Any],
    accepts_expiry: bool,  # noqa: FBT001 - table
    accepts_insert: bool,  # noqa: FBT001 - table
) -> None:
    """The first pattern is from the DynamoDB Developer Guide, "DynamoDB Streams and Time to Live"."""
    criteria = FilterCriteria.of([json.dumps(pattern)])
    assert (criteria.accepts(EXPIRY), criteria.accepts(event(1))) == (accepts_expiry, accepts_insert)


def test_both_occurrences_of_a_repeated_field_must_match() -> None:
    """Lambda Developer Guide, "Filtering with Boolean expressions": the example has `dynamodb` twice."""
    new_image, old_image = (
        f'"dynamodb" : {{ "{image}" : {{ "AccountManager" : {{ "S" : [ "{name}" ] }} }} }}'
        for image, name in (("NewImage", "Pat Candella"), ("OldImage", "Terry Whitlock"))
    )
    criteria = FilterCriteria.of([f"{{ {new_image} , {old_image} }}"])
    pat, terry = ({"AccountManager": {"S": name}} for name in ("Pat Candella", "Terry Whitlock"))
    for new, old, expected in ((pat, terry, True), (pat, pat, False), (terry, terry, False)):
        assert criteria.accepts({**event(1), "dynamodb": {"NewImage": new, "OldImage": old}}) is expected


def test_exists_applies_to_the_elements_of_a_list() -> None:
    """Lambda Developer Guide, "Using the Exists operator"."""
    image = {"Organizations": {"L": [{"S": "Sales"}, {"S": "Support"}]}}
    for pattern, expected in (
        ({"Organizations": [{"exists": True}]}, False),
        ({"Organizations": {"L": {"S": [{"exists": True}]}}}, True),
    ):
        criteria = FilterCriteria.of([json.dumps({"dynamodb": {"NewImage": pattern}})])
        assert criteria.accepts(image_event(image)) is expected


ORDER = {"record": 12345, "order": {"type": "buy", "stock": "ANYCO", "quantity": 1000}}


def kinesis_event(data: bytes) -> dict[str, Any]:
    api_record = {
        "SequenceNumber": "4959",
        "ApproximateArrivalTimestamp": datetime.fromtimestamp(1545084650.987, UTC),
        "Data": data,
        "PartitionKey": "1",
    }
    return kinesis_lambda_record(api_record, "shardId-000000000006", KINESIS_ARN, ROLE_ARN)


@pytest.mark.parametrize(
    ("pattern", "accepts_json", "accepts_bytes"),
    [
        ({"data": {"order": {"type": ["buy"]}}}, True, False),
        ({"data": {"order": {"quantity": [{"numeric": [">", 100]}]}}}, True, False),
        ({"data": {"order": {"type": ["sell"]}}}, False, False),
        ({"data": {"price": [{"exists": False}]}}, True, False),
        ({"partitionKey": ["1"], "data": {"record": [12345]}}, True, False),
        ({"partitionKey": ["1"]}, True, True),
        ({"partitionKey": ["2"]}, False, False),
        ({"sequenceNumber": [{"prefix": "49"}], "kinesisSchemaVersion": ["1.0"]}, True, True),
        ({"approximateArrivalTimestamp": [{"numeric": [">", 1545084650]}]}, True, True),
        ({"eventID": [{"prefix": "shardId-000000000006:"}], "eventName": ["aws:kinesis:record"]}, True, True),
        ({"invokeIdentityArn": [ROLE_ARN], "eventSourceARN": [KINESIS_ARN]}, True, True),
        ({"data": [{"exists": True}]}, False, False),
    ],
)
def test_a_kinesis_record_is_filtered_by_its_json_and_its_metadata(
    pattern: dict[str, Any],
    accepts_json: bool,  # noqa: FBT001 - table
    accepts_bytes: bool,  # noqa: FBT001 - table
) -> None:
    """Lambda Developer Guide, "Using event filtering with a Kinesis event source".

    A pattern with `data` never matches data that is not JSON.
    """
    criteria = FilterCriteria.of([json.dumps(pattern)], "kinesis")
    assert criteria.accepts(kinesis_event(json.dumps(ORDER).encode())) is accepts_json
    for data in (b"\xc3\x01\x00", b"Hello", b"[" * 100_000):
        assert criteria.accepts(kinesis_event(data)) is accepts_bytes


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("not json", "not JSON"),
        ('{"eventName": [NaN]}', "NaN is not JSON"),
        ('{"dynamodb": {"SizeBytes": [' + "9" * 5_000 + "]}}", "not JSON"),
        ('{"dynamodb": ' * 100_000, "nested too deep"),
        ("[]", "non-empty JSON object"),
        ("{}", "non-empty JSON object"),
        (
            '{"body": ["aws:dynamodb"]}',
            "no record has body; use awsRegion, .*, userIdentity, dynamodb",
        ),
        ('{"data": {"Type": ["x"]}}', "no record has data"),
        ('{"eventName": ["INSERT"], "eventName": ["REMOVE"]}', "eventName appears twice in one object"),
        ('{"dynamodb": {"SizeBytes": [1]}, "dynamodb": {"SizeBytes": [2]}}', "SizeBytes appears twice"),
        ('{"eventName": [{"prefix": "I", "prefix": "R"}]}', "prefix appears twice"),
        ('{"eventName": "INSERT"}', "eventName must be a non-empty array"),
        ('{"dynamodb": {"NewImage": []}}', "dynamodb.NewImage must be a non-empty array"),
        ('{"eventName": [{"wildcard": "I*"}]}', 'unknown rule {"wildcard": "I\\*"} at eventName'),
        ('{"eventName": [{"cidr": "10.0.0.0/8"}]}', "unknown rule"),
        ('{"eventName": [{"prefix": 1}]}', "unknown rule"),
        ('{"eventName": [{"exists": "yes"}]}', "unknown rule"),
        ('{"eventName": [{"prefix": "I", "suffix": "T"}]}', "unknown rule"),
        (
            '{"eventName": [{"anything-but": {"wildcard": "I*"}}]}',
            "anything-but at eventName takes prefix, .* not wildcard",
        ),
        ('{"eventName": [{"anything-but": {"prefix": 1}}]}', "anything-but at eventName"),
        ('{"eventName": [{"anything-but": {"prefix": []}}]}', "anything-but at eventName"),
        ('{"eventName": [{"anything-but": {}}]}', "anything-but at eventName"),
        ('{"eventName": [{"anything-but": []}]}', "anything-but at eventName"),
        ('{"dynamodb": {"SizeBytes": [{"numeric": [">"]}]}}', "numeric at dynamodb.SizeBytes"),
        ('{"dynamodb": {"SizeBytes": [{"numeric": ["!", 1]}]}}', "numeric at dynamodb.SizeBytes"),
        ('{"dynamodb": {"SizeBytes": [{"numeric": ["=", "1"]}]}}', "numeric at dynamodb.SizeBytes"),
        ('{"dynamodb": {"$or": {"SizeBytes": [1]}}}', "\\$or under 'dynamodb'"),
        ('{"dynamodb": {"$or": []}}', "\\$or under 'dynamodb'"),
    ],
)
def test_an_invalid_filter_is_refused_and_the_error_names_the_place(pattern: str, message: str) -> None:
    with pytest.raises(UnsupportedMapping, match=message):
        FilterCriteria.of([pattern])
