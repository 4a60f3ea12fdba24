"""Every error that ends a command is one line, which states what is wrong, where, and what to do."""

import errno
import inspect
import pkgutil
import socket
import ssl
from collections.abc import Iterator
from importlib import import_module

import httpx
import pytest
from botocore.exceptions import (
    ClientError,
    ConfigParseError,
    EndpointConnectionError,
    InfiniteLoopConfigError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    ReadTimeoutError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
    WaiterError,
)
from botocore.parsers import ResponseParserError

from account_events.dynamodb_errors import BOTOCORE_ERRORS, CODES, Kind, failure_of
from ops.cli.exit_handling import EXPLAINED, error_line
from projector.dynamodb_errors import translated
from projector.errors import Unavailable

HANDLED = {
    "account_core.api.access_log.ContentRefused": "only logged, in place of an error whose message quotes values",
    "account_core.service.ports.VersionConflict": "the service decides again",
    "account_core.service.ports.WriteConflict": "the service sends the rows again",
    "account_events.testing.errors.TestingError": "of the testing package, for other teams' tests",
    "account_events.consumer.kcl.NotCheckpointed": "of a KCL program; `report` gets it",
    "account_events.consumer.lambda_handler.NotAKinesisEvent": "of a Lambda function",
    "consumers.owners.rows.LaterRelease": "of a Lambda function; `owners rebuild` reports it for its account",
    "local_stack.dynamodb_local.DynamoDBLocalMissing": "tests are skipped; benchmarks print it",
    "local_stack.install.InstallError": "`build` raises it again as BuildError",
    "local_stack.firehose.delivery.InvocationFailed": "the local Firehose tries again",
    "local_stack.firehose.object_prefixes.NoSuchKey": "the local Firehose keeps the record as failed",
    "ops.console.errors.Refused": "the console's server answers with its reason",
    "ops.console.hub.TooManyPages": "the console's server answers with status 409",
    "ops.lake.query.totals.OutOfTime": "the totals function stops; the command has no time limit",
    "ops.lake.totals_function.run.RunFailed": "of a Lambda function",
    "ops.lake.query.catalog.InvalidArguments": "`query` ends with exit code 2",
    "consumers.lake.delivery.parquet.Unconvertible": "the record is kept as failed",
    "ops.report.svg.Unfit": "the report leaves the chart as it is",
    "ops.why.identifier.NotAnId": "`why` ends with exit code 2",
    "ops.why.readers.Stopped": "`why` was interrupted: the thread that reads a source ends",
}
"""Errors that calling code handles, and how; all others must be in EXPLAINED."""


def errors_of_the_project() -> Iterator[type[Exception]]:
    for package in ("account_core", "account_events", "consumers", "local_stack", "ops", "projector"):
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if module.name.endswith(("__main__", ".handler")):  # importing these modules reads the environment
                continue
            try:
                found = import_module(module.name)
            except ModuleNotFoundError as error:
                assert error.name in {"py4j", "pyspark"}, error  # noqa: PT017 -- the job's modules have another environment
                continue
            for kind in vars(found).values():
                is_here = inspect.isclass(kind) and kind.__module__ == module.name
                if is_here and issubclass(kind, Exception) and not kind.__name__.startswith("_"):
                    yield kind


def names_of(kind: type) -> set[str]:
    return {f"{each.__module__}.{each.__qualname__}" for each in kind.__mro__}


def test_every_error_of_the_project_is_explained_or_handled() -> None:
    kinds = list(errors_of_the_project())
    assert len(kinds) > 40
    assert [kind for kind in kinds if not names_of(kind) & (EXPLAINED | HANDLED.keys())] == []


def test_every_listed_error_exists() -> None:
    """Both lists contain names as text, which the type checker does not check."""
    there = set[str]().union(*map(names_of, errors_of_the_project()))
    assert EXPLAINED | HANDLED.keys() <= there


def test_the_line_of_a_project_error_is_its_message() -> None:
    from ops.lake.query.engine import QueryFailed  # noqa: PLC0415 -- it is looked up by name

    assert error_line(QueryFailed("one\n\n  two\n")) == "one two"
    assert error_line(KeyError("a defect of ours")) is None


def client_error(code: str, message: str = "no", operation: str = "GetObject") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "words", "what_to_do"),
    [
        (client_error("AccessDenied"), "(AccessDenied)", "credentials that are allowed"),
        (client_error("AccessDeniedException", operation="StartQueryExecution"), "StartQuery", "credentials that are"),
        (client_error("ExpiredToken"), "(ExpiredToken)", "Sign in again"),
        (client_error("NoSuchBucket"), "(NoSuchBucket)", "the stack's name"),
        (
            client_error("ValidationError", "Stack with id x does not exist", "DescribeStacks"),
            "id x",
            "the stack's name",
        ),
        (client_error("InvalidRequestException", "WorkGroup is not found."), "WorkGroup", "the stack's name"),
        (client_error("ResourceNotFoundException", operation="Scan"), "Scan", "the stack's name"),
        (client_error("SlowDown"), "(SlowDown)", "later"),
        (NoCredentialsError(), "Unable to locate credentials", "AWS_PROFILE"),
        (NoRegionError(), "region", "AWS_DEFAULT_REGION"),
        (ReadTimeoutError(endpoint_url="https://e"), "https://e", "network"),
        (client_error("InvalidToken"), "(InvalidToken)", "Sign in again"),
        (client_error("RequestExpired"), "(RequestExpired)", "clock. Sign in again"),
        (client_error("400", operation="HeadObject"), "(400)", "Sign in again"),
        (client_error("503", operation="HeadObject"), "(503)", "later"),
        (ConfigParseError(path="~/.aws/config"), "~/.aws/config", "Check the AWS configuration: "),
        (InvalidRegionError(region_name="x y"), "x y", "Check the AWS configuration: "),
        (InfiniteLoopConfigError(source_profile="x", visited_profiles=["x"]), "x", "Check the AWS configuration: "),
        (ProxyConnectionError(proxy_url="p"), "p", "Check the network"),
        (EndpointConnectionError(endpoint_url="https://e"), "https://e", "Check the network"),
        (UnauthorizedSSOTokenError(), "SSO", "Sign in again"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "certificate", "Check the network"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service", "Check the network"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "reset", "Check the network"),
        (ParamValidationError(report="one\ntwo"), "one two", ""),
        (ResponseParserError("<html>\n"), "<html>", "proxy"),
        (httpx.ConnectError("refused"), "refused", "network"),
        (OSError(errno.ENOSPC, "No space left on device", "a/b"), "a/b: No space left", "TMPDIR"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left", "TMPDIR"),
        (PermissionError(errno.EACCES, "Permission denied", "a/b"), "a/b: Permission denied", "permissions"),
        (OSError(errno.EROFS, "Read-only file system", "a/b"), "a/b: Read-only", "another file"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "a/b"), "a/b: Not a directory", "another file"),
    ],
)
def test_external_errors_name_the_place_and_the_remedy(error: Exception, words: str, what_to_do: str) -> None:
    line = error_line(error)
    assert line is not None
    assert words in line
    assert what_to_do in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "error",
    [
        ParamValidationError(report="one\ntwo"),
        WaiterError("stack", "it failed", {}),
        httpx.UnsupportedProtocol("no http:// or https://"),
        httpx.TooManyRedirects("twenty"),
    ],
)
def test_other_errors_do_not_mention_the_network(error: Exception) -> None:
    line = error_line(error)
    assert line is not None
    assert "network" not in line


@pytest.mark.parametrize("error", [httpx.ReadTimeout(""), TimeoutError()])
def test_an_error_without_a_message_has_its_name_and_remedy(error: Exception) -> None:
    line = error_line(error)
    assert line is not None
    assert line.startswith(f"{type(error).__name__}. Check the network")


CONFIGURATION: list[Exception] = [
    *(client_error(code) for code in sorted(CODES[Kind.CONFIGURATION])),
    NoCredentialsError(),
    NoRegionError(),
    PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
    ProfileNotFound(profile="x"),
    TokenRetrievalError(provider="sso", error_msg="expired"),
]


@pytest.mark.parametrize("error", CONFIGURATION, ids=lambda error: failure_of(error).code)
def test_what_an_operator_must_correct_never_ends_in_running_again_only(error: Exception) -> None:
    with pytest.raises(Unavailable) as found, translated():
        raise error
    line = error_line(found.value)
    assert line is not None
    assert line.startswith(f"DynamoDB refuses the request ({failure_of(error).code}). Nothing is lost. ")
    assert not line.endswith("Nothing is lost. Run the command again.")


def test_all_of_botocores_configuration_errors_are_tried() -> None:
    tried = {type(error).__name__ for error in CONFIGURATION if not isinstance(error, ClientError)}
    assert tried == BOTOCORE_ERRORS[Kind.CONFIGURATION]
