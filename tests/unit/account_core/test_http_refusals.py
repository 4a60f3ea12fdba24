"""The messages with which the API refuses invalid numbers, bodies, parameters and ETags."""

import re

import pytest

from tests.support.api import Api


@pytest.fixture
def api() -> Api:
    api = Api()
    assert api("POST", "/accounts", '{"owner": "owner-1", "currency": "EUR"}')[0] == 201
    return api


EXPONENT = "1000000000000000000000"
PYTHON = re.compile(
    r"decimal\.|class|Error|Exception|Invalid(?!Request)|recursion|codec|delimiter|Expecting|object at", re.ASCII
)


@pytest.mark.parametrize(
    "number",
    [
        *(
            f"1E+{EXPONENT}",
            f"-1E+{EXPONENT}",
            f"1e-{EXPONENT}",
            f"0e{EXPONENT}",
            f"0.0E-{EXPONENT}",
            f"12.5e{EXPONENT}",
        ),
        *("1E+999999999999999999", "1E-999999999999999999", "1e400", "1e-400", "-0", "-0.0", "0e5", "9" * 5_000),
        *("0." + "0" * 5_000 + "1", "-" + "9" * 5_000, "1" + "0" * 4_301, "1e" + "9" * 5_000),
    ],
    ids=lambda number: number[:20],
)
def test_a_number_out_of_range_is_an_invalid_amount(api: Api, number: str) -> None:
    status, problem, _ = api("POST", "/accounts/account-1/credit", f'{{"amount": {number}}}')
    assert (status, problem["code"]) == (400, "invalid_amount")
    assert not PYTHON.search(problem["detail"])
    for body in (f'{{"owner": {number}, "currency": "EUR"}}', f'{{"currency": {number}, "owner": "o"}}'):
        status, problem, _ = api("POST", "/accounts", body)
        assert (status, problem["code"]) in {(400, "invalid_owner"), (400, "invalid_currency")}
    status, problem, _ = api("POST", "/accounts/account-1/credit", f'{{"amount": 1, "note": [{number}]}}')
    assert (status, problem["code"]) == (400, "unknown_field")


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", '{"amount"', '{"amount": 1', '{"amount": 01}', '{"amount": +1}', '{"amount": .5}', '{"amount": 1.}'),
        *(
            '{"amount": NaN}',
            '{"amount": -Infinity}',
            '{"amount": 1}}',
            "\ufeff{}",
            '{"amount": "\x00"}',
            '{"amount": "\\x"}',
        ),
        *("[" * 8_000, '{"amount":' * 700, '{"a": 1, "a": 1}', '{"amount": {"a": 1, "a": 2}}', "\ud800", "nul", "'a'"),
    ],
    ids=lambda body: body[:20],
)
def test_a_refusal_of_a_body_never_shows_pythons_own_messages(api: Api, body: str) -> None:
    status, problem, _ = api("POST", "/accounts/account-1/credit", body)
    assert status == 400
    assert problem["code"] in {"invalid_json", "invalid_encoding"}
    assert not PYTHON.search(problem["detail"])


@pytest.mark.parametrize(
    ("target", "body"), [("/accounts", '{"\\ud800": 1, "owner": "o", "currency": "EUR"}'), ("/\ud800", None)]
)
def test_text_quoted_in_an_answer_is_valid_unicode(api: Api, target: str, body: str | None) -> None:
    status, problem, _ = api("POST", target, body)
    assert status in {400, 404}
    assert "?" in problem["detail"].encode().decode()


@pytest.mark.parametrize("query", ["limit", "after", "order", "atSequence", "at", "afterAccount"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "-0",
        "1e3",
        "NaN",
        "1_0",
        "%2B1",
        "%201",
        "1%20",
        "%D9%A1",
        "9" * 5_000,
        "1.0",
        "1E%2B9",
        "%00",
        "%FF",
        "0x1",
    ],
    ids=lambda value: value[:9],
)
def test_a_malformed_parameter_is_refused_with_our_message(api: Api, query: str, value: str) -> None:
    path = {
        "at": "/accounts/account-1",
        "atSequence": "/accounts/account-1",
        "afterAccount": "/owners/owner-1/accounts",
    }
    status, problem, _ = api("GET", f"{path.get(query, '/accounts/account-1/events')}?{query}={value}")
    if query == "afterAccount" and status == 200:
        assert re.fullmatch("[A-Za-z0-9_-]{1,64}", value)
    else:
        assert (status, problem["code"]) == (400, "invalid_parameter")
        assert not PYTHON.search(problem["detail"])


@pytest.mark.parametrize(
    "at",
    [
        *("2026-01-31%2009:30:00Z", "2026-01-31_09:30:00Z", "2026-W05-6T09:30:00Z", "20260131T093000Z", "2026-01-31"),
        *("2026-01-31T09:30:00,5Z", "2026-01-31T09:30:00", "2026-01-31T24:00:00Z", "2026-02-30T09:30:00Z"),
        *(
            "%D9%A2026-01-31T09:30:00Z",
            "2026-01-31T09:30:00Z%0A",
            "0000-01-31T09:30:00Z",
            "0001-01-01T00:00:00%2B14:00",
        ),
    ],
)
def test_a_moment_in_another_form_is_refused(api: Api, at: str) -> None:
    status, problem, _ = api("GET", f"/accounts/account-1?at={at}")
    assert (status, problem["code"]) == (400, "invalid_parameter")
    assert not PYTHON.search(problem["detail"])


@pytest.mark.parametrize(
    "account_id", [".", "..", "%2e%2e", "a%2Fb", "a;b", "a\\b", "a#b", " a", "a ", "a\n", "\x00", "a:b"]
)
def test_an_account_id_that_a_url_cannot_carry_is_refused(api: Api, account_id: str) -> None:
    for method, end, body in (("GET", "", None), ("GET", "/events", None), ("POST", "/credit", '{"amount": 1}')):
        status, problem, _ = api(method, f"/accounts/{account_id}{end}", body)
        assert (status, problem["code"]) == (400, "invalid_account_id")


@pytest.mark.parametrize(
    ("if_match", "altered"),
    [
        *(
            (tag, tag)
            for tag in (
                *('W/"s-1"', '"s-1-gzip"', '"s-1;gzip"', '"s-1--gzip"', '"s-01"', '"s-0"', '""', '"one"'),
                *('W/"s-1-gzip"', 'W/"1"', '"01"', '"0"', '"1-gzip"', '"s1"', '"S-1"'),
            )
        ),
        ('W/"s-1", "s-1-gzip"', 'W/"s-1"'),
        ('"s-7", W/"s-1"', 'W/"s-1"'),
        (f'"s-{"9" * 5_000}"', f'"s-{"9" * 37}'),
    ],
)
def test_a_412_names_the_etag_that_a_proxy_altered(api: Api, if_match: str, altered: str) -> None:
    status, problem, _ = api("POST", "/accounts/account-1/credit", '{"amount": 5}', if_match=if_match)
    assert (status, problem["code"]) == (412, "precondition_failed")
    assert f"If-Match has {altered}: a weak or altered ETag never matches" in problem["detail"]
    assert ("read it and decide again" in problem["detail"]) == ('"s-7"' in if_match), "useless if a proxy alters ETags"
    assert len(api.items()) == 1


@pytest.mark.parametrize("if_match", ['"1"', '"2"', '"1", "2"', '"1", "s-9"'])
def test_a_412_names_the_etag_of_an_earlier_release(api: Api, if_match: str) -> None:
    status, problem, _ = api("POST", "/accounts/account-1/credit", '{"amount": 5}', if_match=if_match)
    assert (status, problem["code"]) == (412, "precondition_failed")
    assert f"If-Match has {if_match[:3]}: an ETag of an earlier release never matches" in problem["detail"]
    assert 'Read the account and send its new ETag, like "s-7".' in problem["detail"]
    assert len(api.items()) == 1


@pytest.mark.parametrize("if_match", ['"s-1", W/"s-1"', '"s-1-gzip", "s-1"', '"1", "s-1"', "*", '"s-1"'])
def test_an_altered_etag_next_to_the_right_one_is_harmless(api: Api, if_match: str) -> None:
    assert api("POST", "/accounts/account-1/credit", '{"amount": 5}', if_match=if_match)[0] == 200


@pytest.mark.parametrize("if_match", ['"s-2"', '"s-2", "s-3"'])
def test_a_412_for_an_old_sequence_mentions_no_altered_etag(api: Api, if_match: str) -> None:
    _, problem, _ = api("POST", "/accounts/account-1/credit", '{"amount": 5}', if_match=if_match)
    assert problem["detail"] == "The account is at sequence 1: read it and decide again."


@pytest.mark.parametrize("query", ["atVersion=1", "atVersion=x", "atVersion=1&atSequence=1", "at=&atVersion=1"])
def test_the_parameter_of_earlier_releases_is_refused(api: Api, query: str) -> None:
    status, problem, _ = api("GET", f"/accounts/account-1?{query}")
    assert (status, problem["code"]) == (400, "invalid_parameter")
    assert problem["detail"].startswith("Unknown query parameter 'atVersion': use atSequence.")
