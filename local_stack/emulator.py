"""The AWS emulator (ministack) as a child process on 127.0.0.1, with IAM enforced."""

import ctypes
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, Self

import boto3
import httpx
from botocore.config import Config

from local_stack.errors import CommandError

REGION = "eu-central-1"
# The emulator's fixed root credentials. They are valid for the emulator only.
ROOT_ACCESS_KEY_ID = ROOT_SECRET_ACCESS_KEY = "test"  # noqa: S105 -- public by design
PROXIES = {"http_proxy", "https_proxy", "all_proxy"}
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 3.0
LOOPBACK_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For HTTP clients of local servers, which use no TLS. Without it, each client would load the system's certificates."""
_SESSION_LOCK = threading.Lock()
"""A session creates one client at a time (boto3's guide, Multithreading or multiprocessing with sessions)."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def reserved_port() -> Iterator[int]:
    """Yield a free port of 127.0.0.1 that Linux assigns to no other process while the context is open.

    The socket that reserves the port does not listen, so a server that sets SO_REUSEADDR can listen on it. Other
    systems do not share ports this way: there, the port is released before it is yielded.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        if sys.platform != "linux":
            holder.close()
        yield port


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """On Linux, make the kernel kill this child process if its parent is killed (prctl(2)). Run it in the child.

    The emulator's workers exit with the emulator.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def forget_aws_settings() -> None:
    """Remove AWS and proxy settings from this process's environment.

    Without AWS settings, no code can depend on, or reach, an AWS account that this machine is configured for. Without
    proxy settings, every client connects to 127.0.0.1 directly; DuckDB would use a proxy even for loopback addresses.
    """
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower() in PROXIES]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore stop signals, so that a second Ctrl-C does not cut cleanup short. The body must be bounded in time."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def answers(endpoint_url: str) -> bool:
    """Whether an emulator answers at this URL."""
    try:
        return httpx.get(
            f"{endpoint_url}/_ministack/health", timeout=2.0, trust_env=False, verify=LOOPBACK_TLS
        ).is_success
    except (httpx.TransportError, httpx.InvalidURL):
        return False


@contextmanager
def _refused_if_taken(port: int) -> Iterator[int]:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise CommandError(
                f"Port {port} is in use. Stop the process that listens there, or omit --port to use a free port."
            )
    yield port


class Emulator:
    """The emulator's process; use it as a context manager.

    Entering starts ministack in a new process group, with an empty temporary directory and no AWS or proxy settings,
    and waits until it answers. Leaving kills the process and its Lambda workers and deletes the directory; all emulated
    resources are gone.

    Args:
        port: port on 127.0.0.1; None for a free one.

    Raises:
        CommandError: on entering, the port is in use, or the emulator exited or did not answer within START_TIMEOUT_S.
    """

    program: tuple[str, ...] = ("-m", "ministack")
    """What Python runs."""

    def __init__(self, port: int | None = None) -> None:
        self._given_port = port
        self.port: int
        self.endpoint_url: str
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: Path | None = None
        self._log: IO[bytes] | None = None

    def __enter__(self) -> Self:
        with _refused_if_taken(self._given_port) if self._given_port else reserved_port() as self.port:
            self.endpoint_url = f"http://127.0.0.1:{self.port}"
            self._start()
        return self

    def _start(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="account-events-"))
        try:
            self._log = (self._directory / "emulator.log").open("wb")
            self._process = subprocess.Popen(
                [sys.executable, *self.program],
                env=self._environment(self._directory),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only us; we stop the emulator and its workers as one group
                preexec_fn=die_with_parent,  # noqa: PLW1509 -- one system call, no Python lock is taken
            )
            self._await_ready(self._process)
        except BaseException:
            self._stop()
            raise

    def __exit__(self, *_: object) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        """Process id and process group id of the emulator. Its Lambda workers are its children.

        Raises:
            CommandError: the emulator is not running.
        """
        if self._process is None:
            raise CommandError("The emulator is not running.")
        return self._process.pid

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait_for_exit(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` for the emulator's process to exit by itself."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)

    def log_tail(self) -> str:
        """Return the last lines of the emulator's log, joined into one; empty before it has started."""
        if self._directory is None:
            return ""
        lines = (self._directory / "emulator.log").read_text(errors="replace").split("\n")
        return " | ".join(line.strip() for line in lines[-6:] if line.strip())[-400:]

    def _environment(self, directory: Path) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(directory),
            "TMPDIR": str(directory),
            "PYTHONUNBUFFERED": "1",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",  # otherwise the emulator listens on port 8883 of every interface
            "AUTH": "true",
            "MINISTACK_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_ACCESS_KEY,
            "LOG_LEVEL": "WARNING",
        }

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise CommandError(f"The emulator exited with code {process.returncode}: {self.log_tail()}")
            if answers(self.endpoint_url):
                return
            time.sleep(0.05)
        raise CommandError(f"The emulator did not answer within {START_TIMEOUT_S:.0f} s: {self.log_tail()}")

    def _stop(self) -> None:
        with uninterrupted():
            process, self._process = self._process, None
            if process is not None:
                _stop_group(process)
            if self._log is not None:
                self._log.close()
            if self._directory is not None:
                shutil.rmtree(self._directory, ignore_errors=True)


def _stop_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the emulator and its Lambda workers, which form one process group.

    SIGKILL is safe because the emulator has no data to save, and needed because a worker inside a handler ignores
    SIGTERM.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_TIMEOUT_S)


def loopback_config(read_timeout_s: float = 20.0, attempts_max: int = 3) -> Config:
    """Return client settings for the emulator: no proxy, and bounded times."""
    return Config(
        connect_timeout=2.0,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": attempts_max, "mode": "standard"},
        proxies={},
        max_pool_connections=32,
    )


@cache
def _session() -> boto3.Session:
    """Share one session among all clients, so that botocore's data files are read only once."""
    return boto3.Session(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, region_name=REGION)


def client(service: str, endpoint_url: str, read_timeout_s: float = 20.0, attempts_max: int = 3) -> Any:  # noqa: ANN401 -- boto3's clients have no common type
    """Return a boto3 client with the emulator's root credentials, independent of the caller's environment."""
    config = loopback_config(read_timeout_s, attempts_max)
    with _SESSION_LOCK:
        return _session().client(service, endpoint_url=endpoint_url, config=config)  # type: ignore[call-overload]
