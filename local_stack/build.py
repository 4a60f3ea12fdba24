"""Build the functions' deployment packages: only what each function needs, for its platform, byte-compiled.

`sam build` uses it for AWS (through the Makefile), and the local stack uses it for this machine.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from filelock import FileLock

from local_stack.errors import CommandError
from local_stack.install import InstallError, install
from local_stack.interpreters import find_interpreter
from local_stack.reproducible_zip import write_entries

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".build"
Target = Literal["aws", "local"]

RUNTIME = (3, 13)
"""The Python of template.yaml's `Runtime`; tests/template compares the two."""
AWS_PLATFORM = "aarch64-manylinux_2_28"

# botocore contains 25 MB of service descriptions. A function needs these files and those of its own services.
BOTOCORE_DATA = {"endpoints.json", "partitions.json", "sdk-default-configuration.json", "_retry.json"}
# Command-line tools, examples and tests in installed packages.
SURPLUS_DIRECTORIES = {"__pycache__", "bin", "tests", "examples"}


class BuildError(CommandError):
    """A package cannot be built; the message states what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """Contents of a function's package.

    Attributes:
        requirements: lock file of the libraries, relative to the repository's root.
        sources: files of this repository, as globs relative to its root.
        services: AWS services that the function has clients for.
        not_local: large libraries, as globs, that a package for the local stack leaves out. The emulator runs functions
            in the project's virtual environment, which has them.
    """

    requirements: str
    sources: tuple[str, ...]
    services: frozenset[str] = frozenset({"dynamodb", "kinesis"})
    not_local: tuple[str, ...] = ()


_AVRO = (
    "account_events/*.py",
    "account_events/avro/*.py",
    "account_events/aggregation/*.py",
    "schemas/*.avsc",
    "schemas/fingerprints.json",
)
_CONSUMER = (*_AVRO, "schemas/history/*/*.avsc", "account_events/consumer/*.py", "consumers/*.py")
PACKAGES = {
    "ApiFunction": Package("requirements/api.txt", ("account_core/**/*.py", "account_events/*.py")),
    "ProjectorFunction": Package(
        "requirements/projector.txt",
        (*_AVRO, "account_core/__init__.py", "account_core/domain/*.py", "account_core/rows/*.py", "projector/*.py"),
    ),
    "AccountsByOwnerFunction": Package("requirements/consumers.txt", (*_CONSUMER, "consumers/owners/*.py")),
    "LakeTransformFunction": Package(
        "requirements/consumers.txt", (*_CONSUMER, "consumers/lake/*.py"), frozenset({"s3"})
    ),
    "LakeTotalsFunction": Package(
        "requirements/totals.txt",
        (
            *(*_AVRO, "schemas/history/*/*.avsc", "consumers/*.py", "consumers/lake/tables/*.sql"),
            *("consumers/lake/added_columns.py", "consumers/lake/settings.py", "consumers/lake/table.py"),
            *("local_stack/__init__.py", "local_stack/errors.py", "ops/__init__.py", "ops/lake/__init__.py"),
            # Not the rest of this folder: the engine of Athena and the queries' catalogue, with what they import.
            *(
                f"ops/lake/query/{name}.py"
                for name in (
                    "__init__",
                    "damaged_file",
                    "duckdb_*",
                    "engine",
                    "file*",
                    "history*",
                    "manifest",
                    "other_types",
                    "stored_view",
                    "totals*",
                )
            ),
            "ops/lake/totals_function/*.py",
        ),
        frozenset({"glue", "s3"}),
        not_local=("_duckdb*", "adbc_driver_duckdb", "duckdb*", "sqlglot*"),
    ),
}


def build_directory(function: str, target: Target, directory: Path) -> None:
    """Fill `directory` with the function's package.

    Args:
        function: logical id in template.yaml.
        target: platform and Python version to build for.
        directory: created if it is missing. It must be empty, because trimming deletes files by name.

    Raises:
        BuildError: the function is unknown, no interpreter has the runtime's version, a library cannot be installed, or
            the directory is not empty.
    """
    package = _package(function)
    if directory.exists() and any(directory.iterdir()):
        raise BuildError(f"{directory} is not empty. Choose a new directory, because the build deletes files in it.")
    interpreter = sys.executable if target == "local" else runtime_interpreter()
    directory.mkdir(parents=True, exist_ok=True)
    _install(ROOT / package.requirements, target, directory)
    trim(directory, package.services)
    if target == "local":
        for library in [found for pattern in package.not_local for found in directory.glob(pattern)]:
            _remove(library)
    for source in _sources(package):
        copy = directory / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    _byte_compile(interpreter, directory)


def build_zip(function: str, target: Target) -> Path:
    """Return the function's zip, from the cache if none of its inputs has changed.

    Raises:
        BuildError: see `build_directory`.
    """
    digest = content_digest(function, target)
    path = CACHE / f"{function}-{target}-{digest}.zip"
    if _is_intact(path):
        return path
    CACHE.mkdir(exist_ok=True)
    # If several processes need the same zip, one builds it and the others wait.
    with FileLock(CACHE / f"{function}-{target}.lock"):
        return path if _is_intact(path) else _build_zip(function, target, path)


def _build_zip(function: str, target: Target, path: Path) -> Path:
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        build_directory(function, target, Path(scratch) / "package")
        unfinished = Path(scratch) / "package.zip"
        write_zip(Path(scratch) / "package", unfinished)
        unfinished.replace(path)
    for outdated in CACHE.glob(f"{function}-{target}-*.zip"):
        if outdated != path:
            outdated.unlink(missing_ok=True)
    return path


def _package(function: str) -> Package:
    try:
        return PACKAGES[function]
    except KeyError:
        raise BuildError(f"Unknown function {function!r}. Choose one of {', '.join(PACKAGES)}.") from None


def _sources(package: Package) -> Iterator[Path]:
    for pattern in package.sources:
        found = sorted(ROOT.glob(pattern))
        if not found:
            raise BuildError(f"{pattern} matches no file in {ROOT}.")
        yield from found


def content_digest(function: str, target: Target) -> str:
    package = _package(function)
    machine = platform.machine() if target == "local" else AWS_PLATFORM
    version = sys.version_info[:2] if target == "local" else RUNTIME
    digest = hashlib.sha256(f"{function} {target} {machine} {version}".encode())
    for source in (Path(__file__), ROOT / package.requirements, *_sources(package)):
        digest.update(f"\0{source.relative_to(ROOT)}\0".encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def _install(requirements: Path, target: Target, directory: Path) -> None:
    options = ["--no-deps", "--only-binary", ":all:", "--target", str(directory)]
    if target == "aws":
        options += ["--python-platform", AWS_PLATFORM, "--python-version", ".".join(map(str, RUNTIME))]
    try:
        install(requirements, *options)
    except InstallError as error:
        raise BuildError(str(error)) from error
    (directory / ".lock").unlink(missing_ok=True)  # uv leaves it in a target directory


def trim(directory: Path, services: Collection[str]) -> None:
    """Delete what neither the function nor a scanner needs; of botocore's descriptions, keep those of `services`."""
    for description in (directory / "botocore" / "data").iterdir():
        if description.name not in BOTOCORE_DATA | set(services):
            _remove(description)
    for described in directory.glob("*.dist-info/*"):
        # At run time, nothing in a package reads these. Scanners read a library's name and version from METADATA.
        if described.name != "METADATA":
            _remove(described)
    for path in sorted(directory.rglob("*"), reverse=True):
        if path.is_dir() and path.name in SURPLUS_DIRECTORIES:
            _remove(path)
        elif path.suffix in {".pyi", ".pyx", ".pxd", ".c", ".h"}:
            path.unlink()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _byte_compile(interpreter: str, directory: Path) -> None:
    """Write byte code that Python trusts without comparing the source's time, which a zip does not keep."""
    command = [interpreter, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(directory), str(directory)]  # tracebacks name paths inside the package
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"Byte compilation failed: {(done.stdout + done.stderr).strip()[-300:]}")


def runtime_interpreter() -> str:
    """Return a working Python of the runtime's version, because byte code is valid for one version only.

    Raises:
        BuildError: no such Python was found.
    """
    version = ".".join(map(str, RUNTIME))
    if found := find_interpreter(version, os.environ.get("RUNTIME_PYTHON", "")):
        return found
    raise BuildError(
        f"Python {version}, the functions' runtime, is needed to byte-compile their packages. Install it, "
        f"or set RUNTIME_PYTHON to its path."
    )


def _is_intact(path: Path) -> bool:
    """Whether the zip exists and is complete: a full disk may have cut it short."""
    try:
        status = path.stat()
    except OSError:
        return False
    return _can_be_read(path, status.st_mtime_ns, status.st_size)


@cache
def _can_be_read(path: Path, _mtime_ns: int, _size: int) -> bool:
    """Whether the whole zip can be read. The result is cached until the file changes."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, zlib.error):
        return False


def write_zip(directory: Path, path: Path) -> None:
    """Write a reproducible zip: names are sorted and all times are equal, so equal content gives equal bytes."""
    sources = sorted(path for path in directory.rglob("*") if path.is_file())
    write_entries(path, ((str(source.relative_to(directory)), source.read_bytes()) for source in sources))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local_stack.build", description=__doc__)
    parser.add_argument("--function", required=True, choices=sorted(PACKAGES), help="Logical id in template.yaml.")
    parser.add_argument(
        "--target", default="aws", choices=["aws", "local"], help="Platform to build for. Default: %(default)s."
    )
    parser.add_argument("--output", required=True, type=Path, help="Empty directory to fill. It is created if missing.")
    arguments = parser.parse_args()
    try:
        build_directory(arguments.function, arguments.target, arguments.output)
    except BuildError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)  # noqa: T201 -- a command's output
        return 1
    size = sum(path.stat().st_size for path in arguments.output.rglob("*") if path.is_file())
    print(f"{arguments.function}: {size / 2**20:.1f} MiB in {arguments.output}")  # noqa: T201 -- as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
