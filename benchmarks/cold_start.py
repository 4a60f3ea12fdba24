"""The CPU time from a function's first line to its readiness, beside a bare botocore client's.

Both run in fresh processes of this Python, from the package that the local house deploys, with its byte code; the
interpreter's own start is in neither.
"""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import projector
from benchmarks.timing import Benchmark
from local_stack.build import build_zip

TIMEOUT_S = 60
FUNCTIONS = {
    "the API function": ("ApiFunction", "account_core.handler", "dynamodb", 1.5),
    "the projector": ("ProjectorFunction", "projector.handler", "kinesis", 1.15),
}
"""By title: logical id, module, the peer's service, target."""
_PEER = "import botocore.session; botocore.session.get_session().create_client('{service}')"
_PROGRAM = """
import time
start = time.process_time_ns()
import sys
sys.path.insert(0, sys.argv[1])
{work}
print((time.process_time_ns() - start) / 1e6)
"""
_ENVIRONMENT = {
    **projector.ENVIRONMENT,
    "AUTH": "IAM",
    "OPERATOR_SCOPE": "accounts/operator",
    "OWNED_TABLE_NAME": "owned",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@contextmanager
def benchmarks() -> Iterator[list[Benchmark]]:
    """Good only inside, where the unpacked packages are.

    Raises:
        BuildError: a package cannot be built here.
    """
    with TemporaryDirectory() as directory:
        yield [_benchmark(title, Path(directory)) for title in FUNCTIONS]


def _benchmark(title: str, directory: Path) -> Benchmark:
    function, module, service, target = FUNCTIONS[title]
    package = directory / function
    with zipfile.ZipFile(build_zip(function, "local")) as archive:
        archive.extractall(package)
    ours, peer = f"import {module}", _PEER.format(service=service)
    return Benchmark(
        f"cold start of {title}; a bare botocore client",
        "CPU ms",
        target,
        lambda: _cpu_ms(ours, package),
        lambda: _cpu_ms(peer, package),
    )


def _cpu_ms(work: str, package: Path) -> float:
    """In a process that sees the standard library and the package, and nothing of this environment."""
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM.format(work=work), str(package)]
    done = subprocess.run(  # noqa: S603 -- fixed arguments
        command, env=_ENVIRONMENT, cwd=package, check=True, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    return float(done.stdout)
