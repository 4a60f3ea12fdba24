import pytest

from account_events.lambda_mapping.outcome import BatchResult, Invoked, batch_result
from account_events.lambda_mapping.retry import Backoff

BATCH = ["9", "10", "11"]
SUCCESS, COMPLETE_FAILURE = BatchResult(3), BatchResult(0, is_complete_failure=True)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, SUCCESS),
        ({}, SUCCESS),
        ([], SUCCESS),
        ("", SUCCESS),
        ({"batchItemFailures": None}, SUCCESS),
        ({"batchItemFailures": []}, SUCCESS),
        ({"batchItemFailures": [{"itemIdentifier": "9"}]}, BatchResult(0)),
        ({"batchItemFailures": [{"itemIdentifier": "11"}]}, BatchResult(2)),
        ({"batchItemFailures": [{"itemIdentifier": "11"}, {"itemIdentifier": "10"}]}, BatchResult(1)),
        ({"batchItemFailures": [{"itemIdentifier": "10"}, {"itemIdentifier": "9"}]}, BatchResult(0)),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, COMPLETE_FAILURE),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, COMPLETE_FAILURE),
        ({"batchItemFailures": [{"itemIdentifier": 10}]}, COMPLETE_FAILURE),
        ({"batchItemFailures": [{"itemIdentifier": "12"}]}, COMPLETE_FAILURE),
        ({"batchItemFailures": [{"itemIdentifier": "10"}, {"itemIdentifier": ""}]}, COMPLETE_FAILURE),
        ({"batchItemFailures": [{"identifier": "10"}]}, COMPLETE_FAILURE),
        ({"batchItemFailures": ["10"]}, COMPLETE_FAILURE),
        ({"batchItemFailures": {"itemIdentifier": "10"}}, COMPLETE_FAILURE),
        ({"batchItemFailure": []}, COMPLETE_FAILURE),
        ({"statusCode": 200}, COMPLETE_FAILURE),
        ("ok", COMPLETE_FAILURE),
        ([1], COMPLETE_FAILURE),
        (0, COMPLETE_FAILURE),
        (False, COMPLETE_FAILURE),
    ],
)
def test_each_form_of_response_has_the_documented_result(result: object, expected: BatchResult) -> None:
    assert batch_result(Invoked(result), BATCH, reports_item_failures=True) == expected


def test_a_function_error_fails_the_batch_whatever_the_payload() -> None:
    outcome = Invoked({"batchItemFailures": []}, function_error="Handled")
    assert batch_result(outcome, BATCH, reports_item_failures=True) == COMPLETE_FAILURE
    assert batch_result(outcome, BATCH, reports_item_failures=False) == COMPLETE_FAILURE


def test_without_the_setting_reported_failures_are_ignored() -> None:
    outcome = Invoked({"batchItemFailures": [{"itemIdentifier": "9"}]})
    assert batch_result(outcome, BATCH, reports_item_failures=False) == SUCCESS


def test_backoff_doubles_and_is_bounded() -> None:
    backoff = Backoff(initial_s=0.5, factor=2.0, limit_s=10.0)
    assert [backoff.delay_s(failures) for failures in (1, 2, 3, 5, 6, 100_000)] == [0.5, 1.0, 2.0, 8.0, 10.0, 10.0]
