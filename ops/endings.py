"""How commands end."""

import logging
import signal
import sys
from types import FrameType
from typing import NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from httpx import HTTPError

from ops.build import BuildError
from ops.emulator import HouseError
from ops.lake.engine import QueryFailed
from ops.terminal import complain


def run_to_its_end(app: typer.Typer, program: str) -> NoReturn:
    """Every way to end is one line and an exit code: 0, 1 if it fails, 2 for a wrong call, 130 when interrupted."""
    logging.getLogger("ops").setLevel(logging.CRITICAL)  # what goes wrong is told in a line; the rest is for tests
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        app(prog_name=program)
    except (HouseError, BuildError, QueryFailed) as error:
        _fail(str(error))
    except (BotoCoreError, ClientError, HTTPError, OSError) as error:
        _fail(f"{type(error).__name__}: {error}")
    sys.exit(0)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(text: str) -> NoReturn:
    complain(text)
    sys.exit(1)
