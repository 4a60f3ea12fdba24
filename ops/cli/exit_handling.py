"""How commands end: exit codes, error lines and interruptions."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from httpx import HTTPError

from ops.error_advice import advice, advice_on
from ops.terminal import err, print_error
from projector.dynamodb_errors import needs_repair
from projector.errors import Unavailable

LOGGERS = ("account_events", "local_stack", "ops")
"""Loggers that are silenced, because a command reports an error in one line."""

EXPLAINED = {
    "account_core.domain.errors.AccountError",
    "account_events.consumer.errors.KitError",
    "account_events.consumer.glue_registry.RegistryError",
    "consumers.lake.errors.Refused",
    "local_stack.errors.CommandError",
    "consumers.lake.delivery.contract.BadAnswer",
    "local_stack.firehose.errors.UnsupportedDelivery",
    "ops.restore.errors.RestoreRefused",
    "account_events.lambda_mapping.errors.MappingError",
    "projector.errors.ProjectorError",
    "account_events.avro.errors.ContractError",
}
"""This project's errors whose message is printed as it is. Listed by name: a command imports only a few of them."""


def run_and_exit(app: typer.Typer, program: str) -> NoReturn:
    """Runs the command and exits: 0 on success, 1 on failure, 2 for a usage error, 130 if interrupted.

    An expected error is printed as one line. Any other error is a defect, and Python prints its traceback.
    """
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        try:
            app(prog_name=program)
        except SystemExit:
            sys.stdout.flush()  # so that a full disk is reported here, not while Python exits
            raise
    except BrokenPipeError:  # the reader closed stdout, for example `| head`
        _discard_stdout()
        sys.exit(1)
    except Exception as error:
        line = error_line(error)
        if line is None:
            raise
        _discard_stdout()
        print_error(line)
        sys.exit(1)
    sys.exit(0)


def error_line(error: BaseException) -> str | None:
    """One line for this error: what is wrong, where, and what to do; None if the error is a defect."""
    if isinstance(error, Unavailable):
        return _one_line(_unavailable(error))
    if any(f"{kind.__module__}.{kind.__qualname__}" in EXPLAINED for kind in type(error).__mro__):
        return _one_line(str(error))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _with_advice(f"{where}{error.strerror}", error)
    if isinstance(error, BotoCoreError | ClientError | HTTPError | OSError | ResponseParserError):
        return _with_advice(f"{type(error).__name__}: {error}".strip().rstrip(":"), error)
    return None


@contextmanager
def on_interruption(message: str) -> Iterator[None]:
    """Prints this message if the command is interrupted inside the block."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(f"interrupted: {message}", highlight=False, soft_wrap=True)  # it may contain a command to copy
        raise


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _discard_stdout() -> None:
    """Redirects unwritable output to the null device, so that Python does not report it again when it exits."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unavailable(error: Unavailable) -> str:
    """The line for an `Unavailable`, whose message is DynamoDB's error code."""
    problem = "refuses the request" if needs_repair(error) else "does not answer"
    return f"DynamoDB {problem} ({error}). Nothing is lost. {advice_on(error) or 'Run the command again.'}"


def _with_advice(text: str, error: BaseException) -> str:
    remedy = advice(error)
    return _one_line(f"{text.rstrip('.')}. {remedy}" if remedy else text)


def _one_line(text: str) -> str:
    return " ".join(part for line in text.splitlines() if (part := line.strip()))
