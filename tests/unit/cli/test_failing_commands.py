"""Every command on a stack on AWS ends with one line if AWS denies access, or if a proxy responds instead of AWS."""

import json
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape

import pytest
from botocore.awsrequest import AWSResponse, HeadersDict

from ops.cli.__main__ import PROGRAM, main
from ops.cli.exit_handling import LOGGERS
from tests.template.test_template import TEMPLATE

STACK = ("--stack", "s")
COMMANDS = [
    ("parked", *STACK),
    ("release", "--all", *STACK),
    ("release", "--failures", *STACK),
    ("release", "a-1", *STACK),
    ("query", "report_day", "-p", "day=2026-11-25", *STACK),
    ("query", "daily_report", "-p", "day=2026-11-25", "--no-refresh", *STACK),
    ("report", "--day", "2026-11-25", *STACK),
    ("reconcile", *STACK),
    ("replay", "--all", "--dry-run", *STACK),
    ("replay", "--all", "--to-stream", "other", *STACK),
    ("replay", "--account", "a-1", "--to-stdout", *STACK),
    ("owners", "check", *STACK),
    ("owners", "rebuild", "--all", *STACK),
    ("lake", "tables", *STACK),
    ("lake", "totals", *STACK),
    ("lake", "redrive", *STACK),
    ("lake", "redrive", "--dry-run", *STACK),
    ("lake", "backfill", "--all", *STACK),
    ("restore", "rows", "copy", *STACK),
    ("restore", "events", *STACK),
    ("restore", "snapshots", "--all", *STACK),
    ("restore", "templates", "no-folder", *STACK),
    ("check", "--table", "t"),
]
OUTPUTS = {"Aggregation": "on", "Buckets": "32", "Framing": "single-object", "LakeFirstDay": "2026-01-01"}


class Wire:
    """Replaces botocore's HTTP session and answers each request."""

    def __init__(self, answer: Callable[[Any], tuple[int, dict[str, str], bytes]]) -> None:
        self._answer = answer
        self.requests: list[str] = []

    def send(self, request: Any) -> AWSResponse:  # noqa: ANN401 -- botocore's
        self.requests.append(request.url)
        status, headers, body = self._answer(request)
        sent: Any = HeadersDict(headers)
        return AWSResponse(request.url, status, sent, Raw(body))


class Raw:
    """A response body like urllib3's."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._body

    def read(self, *_: object) -> bytes:
        body, self._body = self._body, b""
        return body


def denied(request: Any) -> tuple[int, dict[str, str], bytes]:  # noqa: ANN401 -- botocore's
    """Access denied, in the protocol of the requested service."""
    if b"json" in request.headers.get("Content-Type", b"") or "X-Amz-Target" in request.headers:
        body = json.dumps({"__type": "AccessDeniedException", "message": "not\nauthorized"}).encode()
        return 400, {"content-type": "application/x-amz-json-1.1"}, body
    error = "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not\nauthorized</Message></Error>"
    is_s3 = "s3" in request.url
    return 403, {"content-type": "text/xml"}, (error if is_s3 else f"<ErrorResponse>{error}</ErrorResponse>").encode()


def denied_except_outputs(request: Any) -> tuple[int, dict[str, str], bytes]:  # noqa: ANN401 -- botocore's
    """Access denied to everything except describing the stack."""
    if "cloudformation" not in request.url:
        return denied(request)
    members = "".join(
        f"<member><OutputKey>{name}</OutputKey><OutputValue>{escape(OUTPUTS.get(name, 'x'))}</OutputValue></member>"
        for name in TEMPLATE["Outputs"]
        if name != "SchemaVersions"
    )
    stack = f"<member><StackName>s</StackName><Outputs>{members}</Outputs></member>"
    result = f"<DescribeStacksResult><Stacks>{stack}</Stacks></DescribeStacksResult>"
    text = f"<DescribeStacksResponse>{result}</DescribeStacksResponse>"
    return 200, {"content-type": "text/xml"}, text.encode()


def login_page(_request: object) -> tuple[int, dict[str, str], bytes]:
    """A response from a proxy instead of AWS."""
    return 200, {"content-type": "text/html"}, b"<html><p>Sign in<br></html>"


@pytest.fixture(autouse=True)
def restored_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restores what an entry point changes in its process; sets fake AWS credentials."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    argv = sys.argv
    for name, value in {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    sys.argv = argv


def exit_code_of(arguments: tuple[str, ...], wire: Wire, monkeypatch: pytest.MonkeyPatch) -> object:
    """The exit code; any other exception propagates."""
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", lambda _session, request: wire.send(request))
    sys.argv = [PROGRAM, *arguments]
    with pytest.raises(SystemExit) as exit_:
        main()
    assert wire.requests
    return exit_.value.code


@pytest.mark.parametrize("answer", [denied, denied_except_outputs], ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_denied_access_is_reported_in_one_line(
    arguments: tuple[str, ...],
    answer: Callable[[Any], tuple[int, dict[str, str], bytes]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "backfill" in arguments and answer is denied_except_outputs:
        pytest.skip("the next request is DuckDB's, not botocore's: see test_damaged_files")
    assert exit_code_of(arguments, Wire(answer), monkeypatch) == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("✗")]
    assert "AccessDenied" in line
    assert "credentials that are allowed to do this" in line


@pytest.mark.parametrize("arguments", [each for each in COMMANDS if "--stack" in each], ids=" ".join)
def test_a_response_that_is_not_from_aws_is_reported_in_one_line(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(arguments, Wire(login_page), monkeypatch) == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("✗")]
    assert "proxy" in line
