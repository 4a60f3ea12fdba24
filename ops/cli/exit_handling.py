"""How commands end."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import typer

from ops.error_lines import error_line
from ops.terminal import complain, err

LOGGERS = ("account_events", "local_stack")
"""Silenced: a command reports what goes wrong in one line."""


def run_to_its_end(app: typer.Typer, program: str) -> NoReturn:
    """Every way to end is one line and an exit code: 0, 1 if it fails, 2 for a wrong call, 130 when interrupted."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        try:
            app(prog_name=program)
        except SystemExit:
            sys.stdout.flush()  # a full disk shows here, and not while Python ends; any other error goes first
            raise
    except BrokenPipeError:  # `| head` has what it wanted
        _give_up_stdout()
        sys.exit(1)
    except Exception as error:
        line = error_line(error)
        if line is None:
            raise
        _give_up_stdout()
        complain(line)
        sys.exit(1)
    sys.exit(0)


@contextmanager
def on_interruption(advice: str) -> Iterator[None]:
    """If the command is interrupted inside, it ends with this line: what is kept, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(f"interrupted: {advice}", highlight=False)
        raise


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _give_up_stdout() -> None:
    """What cannot be written to it goes nowhere, or Python would complain once more when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
