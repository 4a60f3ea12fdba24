"""The console's server: one thread for HTTP on 127.0.0.1, and the feed's two."""

import secrets
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self

import uvicorn

from local_stack.errors import CommandError
from ops.console.access import Access
from ops.console.accounts import Accounts
from ops.console.api import Api, application
from ops.console.charts import ChartSource
from ops.console.doctor_runs import DoctorRuns
from ops.console.feed import Feed
from ops.console.guard import Guard
from ops.console.hub import Hub
from ops.console.static_files import FOLDER, static_files
from ops.console.subject import Subject
from ops.console.waiting import WaitingSource
from ops.console.watch import Watch
from ops.doctor.run import examine
from ops.lake.deployed_lake import Lake

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 2.0
BACKLOG = 128


class ConsoleServer:
    """The server; use it as a context manager. Creating it reserves the port, entering starts it, leaving stops it.

    Args:
        subject: the stack to show.
        port: port on 127.0.0.1; None for a free one.
        folder: the page's files.

    Attributes:
        url: the console's address, which needs the token.
        token: the token of this start.

    Raises:
        CommandError: the port is in use.
    """

    def __init__(self, subject: Subject, port: int | None = None, folder: Path = FOLDER) -> None:
        self._socket = _listening(port or 0)
        self.port: int = self._socket.getsockname()[1]
        self.token = secrets.token_urlsafe(32)
        access = Access(self.port, self.token)
        deployment, option, clock = subject.deployment, subject.option, time.time
        self._hub = Hub(secrets.token_hex(4))
        run_doctor = partial(
            examine, deployment, None if deployment.is_local else subject.name, grace_s=None, progress=lambda _: None
        )
        doctor = DoctorRuns(run_doctor, self._hub.found, clock)
        self._feed = Feed(Watch(subject, clock), self._hub, doctor, subject.pace)
        accounts = Accounts(deployment, WaitingSource(deployment, option, clock))
        charts = ChartSource(lambda: Lake.of(deployment), option, clock)
        api = Api(subject, self._hub, accounts, charts, doctor, static_files(folder), datetime.now(UTC))
        self._guard = application(api, lambda app: Guard(app, access))
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._guard,
                http="h11",  # whose headers are limited below
                ws="none",
                log_config=None,
                log_level="critical",  # the guard prints defects; anything else would clutter the terminal
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
                h11_max_incomplete_event_size=32 * 1024,
            )
        )
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/"

    @property
    def address(self) -> str:
        """The address to open in a browser. The first response replaces the token in it by a cookie."""
        return f"{self.url}?token={self.token}"

    def address_for_once(self) -> str:
        """An address that opens the page once, for the arguments of a browser's process."""
        ticket = secrets.token_urlsafe(32)
        self._guard.admit(ticket)
        return f"{self.url}?token={ticket}"

    @property
    def feed(self) -> Feed:
        """What looks at the stack."""
        return self._feed

    def __enter__(self) -> Self:
        self._feed.start(START_TIMEOUT_S)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._hub.close()
        self._server.should_exit = True
        self._thread.join(STOP_TIMEOUT_S)
        self._feed.stop()
        with suppress(OSError):
            self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _listening(port: int) -> socket.socket:
    """A listening socket, so that nobody can take the port before the server starts, and no connection is refused."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((LOOPBACK, port))
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        raise CommandError(
            f"Port {port} cannot be used: {error.strerror}. Stop the process that listens there, or omit --port to use "
            "a free port."
        ) from None
    return found
