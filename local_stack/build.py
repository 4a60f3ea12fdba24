"""The functions' packages: only what a function needs, for its runtime's platform, byte-compiled.

Used by `sam build` (through the Makefile) for AWS, and by the local house for this machine.
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

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".build"
Target = Literal["aws", "local"]

RUNTIME = (3, 13)
"""The Python of template.yaml's `Runtime`; tests/template compares the two."""
AWS_PLATFORM = "aarch64-manylinux_2_28"

# botocore carries a description of every AWS service: 25 MB, of which a function needs these and its own services'.
BOTOCORE_DATA = {"endpoints.json", "partitions.json", "sdk-default-configuration.json", "_retry.json"}
# Command-line tools, type stubs and tests that packages bring along.
SURPLUS_DIRECTORIES = {"__pycache__", "bin", "tests", "examples"}
EPOCH = (1980, 1, 1, 0, 0, 0)


class BuildError(CommandError):
    """A package cannot be built; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """What goes into a function's package.

    Attributes:
        sources: files of this repository, globs from its root.
        services: of AWS, that the function has clients of.
    """

    requirements: str
    sources: tuple[str, ...]
    services: frozenset[str] = frozenset({"dynamodb", "kinesis"})


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
}


def build_directory(function: str, target: Target, directory: Path) -> None:
    """Fill `directory` with the function's package.

    Args:
        function: its logical id in template.yaml.
        target: whose platform and Python the package is for.
        directory: made if it is not there; refused if it holds anything, for trimming deletes by name.

    Raises:
        BuildError: an unknown function, no interpreter of the runtime's version, packages that cannot be had, or a
            directory that is not empty.
    """
    package = _package(function)
    if directory.exists() and any(directory.iterdir()):
        raise BuildError(f"{directory} is not empty: name a new one, since what is there would be trimmed as well.")
    interpreter = sys.executable if target == "local" else runtime_interpreter()
    directory.mkdir(parents=True, exist_ok=True)
    _install(ROOT / package.requirements, target, directory)
    trim(directory, package.services)
    for source in _sources(package):
        copy = directory / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    _byte_compile(interpreter, directory)


def build_zip(function: str, target: Target) -> Path:
    """The function's zip, from the cache if nothing that goes into it has changed.

    Raises:
        BuildError: see `build_directory`.
    """
    digest = content_digest(function, target)
    path = CACHE / f"{function}-{target}-{digest}.zip"
    if _is_intact(path):
        return path
    CACHE.mkdir(exist_ok=True)
    # Processes that need the same zip at the same time wait for the one that builds it.
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
        raise BuildError(f"There is no function {function!r}; there are {', '.join(PACKAGES)}.") from None


def _sources(package: Package) -> Iterator[Path]:
    for pattern in package.sources:
        found = sorted(ROOT.glob(pattern))
        if not found:
            raise BuildError(f"{pattern} is missing from {ROOT}.")
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
    """Leave what runs; of botocore's descriptions, those of these services."""
    for description in (directory / "botocore" / "data").iterdir():
        if description.name not in BOTOCORE_DATA | set(services):
            _remove(description)
    for path in sorted(directory.rglob("*"), reverse=True):
        if path.is_dir() and (path.name in SURPLUS_DIRECTORIES or path.name.endswith(".dist-info")):
            # botocore's and Powertools' versions are in their code; nothing here asks importlib.metadata
            _remove(path)
        elif path.suffix in {".pyi", ".pyx", ".pxd", ".c", ".h"}:
            path.unlink()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _byte_compile(interpreter: str, directory: Path) -> None:
    """Byte code beside its source, trusted without a look at the source's time: a zip does not keep it."""
    command = [interpreter, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(directory), str(directory)]  # tracebacks name paths inside the package
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"Byte-compiling failed: {(done.stdout + done.stderr).strip()[-300:]}")


def runtime_interpreter() -> str:
    """A Python of the runtime's version that really runs, since byte code is good for one version only.

    Raises:
        BuildError: there is none.
    """
    probe = f"import sys; sys.exit(sys.version_info[:2] != {RUNTIME})"
    for candidate in _interpreters():
        if subprocess.run([candidate, "-c", probe], check=False, capture_output=True).returncode == 0:
            return candidate
    wanted = ".".join(map(str, RUNTIME))
    raise BuildError(
        f"Python {wanted}, the functions' runtime, is needed to byte-compile their packages: install it, "
        f"or name it in RUNTIME_PYTHON."
    )


def _interpreters() -> Iterator[str]:
    """Where a Python of the runtime's version may be.

    A name on the PATH may be a version manager's shim that finds nothing to run: hence every folder of the PATH, and
    then what pyenv and uv have installed.
    """
    wanted = ".".join(map(str, RUNTIME))
    if named := shutil.which(os.environ.get("RUNTIME_PYTHON", "")):
        yield named
    yield sys.executable
    for name in (f"python{wanted}", "python3"):
        for folder in os.get_exec_path():
            if found := shutil.which(name, path=folder):
                yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local" / "share" / "uv" / "python"))
    for installed in (*pyenv.glob(f"{wanted}*"), *uv.glob(f"cpython-{wanted}*")):
        yield from map(str, installed.glob(f"bin/python{wanted}"))


def _is_intact(path: Path) -> bool:
    """Whether a zip is there and whole: a full disk may have left less."""
    try:
        status = path.stat()
    except OSError:
        return False
    return _can_be_read(path, status.st_mtime_ns, status.st_size)


@cache
def _can_be_read(path: Path, _mtime_ns: int, _size: int) -> bool:
    """Reads all of it, once for a file that has not changed since."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, zlib.error):
        return False


def write_zip(directory: Path, path: Path) -> None:
    """The same bytes for the same content: sorted names, one fixed time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in sorted(path for path in directory.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(source.relative_to(directory)), EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, source.read_bytes())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local_stack.build", description=__doc__)
    parser.add_argument("--function", required=True, choices=sorted(PACKAGES))
    parser.add_argument("--target", default="aws", choices=["aws", "local"])
    parser.add_argument("--output", required=True, type=Path, help="a directory, made if it is not there")
    arguments = parser.parse_args()
    try:
        build_directory(arguments.function, arguments.target, arguments.output)
    except BuildError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)  # noqa: T201 -- a command's own words
        return 1
    size = sum(path.stat().st_size for path in arguments.output.rglob("*") if path.is_file())
    print(f"{arguments.function}: {size / 2**20:.1f} MiB in {arguments.output}")  # noqa: T201 -- as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
