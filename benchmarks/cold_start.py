"""The CPU time to import a function's module, against the creation of a bare botocore client.

Both run in new processes of this Python, from the package that the local stack deploys, with its byte code. The start
of the interpreter is excluded.
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
"""By title: the logical id, the module, the service of the baseline's client, and the target ratio."""
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
    "TRANSFERS": "on",
    "OWNED_TABLE_NAME": "owned",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@contextmanager
def benchmarks() -> Iterator[list[Benchmark]]:
    """The benchmarks. They run only inside the block, because the unpacked packages are deleted after it.

    Raises:
        BuildError: a package cannot be built on this machine.
    """
    with TemporaryDirectory() as directory:
        yield [_benchmark(title, Path(directory)) for title in FUNCTIONS]


def _benchmark(title: str, directory: Path) -> Benchmark:
    function, module, service, target = FUNCTIONS[title]
    package = unpacked(function, directory)
    ours, baseline = f"import {module}", _PEER.format(service=service)
    return Benchmark(
        f"cold start of {title}; a bare botocore client",
        "CPU ms",
        target,
        lambda: cpu_ms(ours, package),
        lambda: cpu_ms(baseline, package),
    )


def unpacked(function: str, directory: Path) -> Path:
    """Build a function's package and unpack it into a folder of that directory."""
    package = directory / function
    with zipfile.ZipFile(build_zip(function, "local")) as archive:
        archive.extractall(package)
    return package


def cpu_ms(work: str, package: Path) -> float:
    """Run code in a process with only the standard library and the package, without this process's environment."""
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM.format(work=work), str(package)]
    done = subprocess.run(  # noqa: S603 -- fixed arguments
        command, env=_ENVIRONMENT, cwd=package, check=True, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    return float(done.stdout)
