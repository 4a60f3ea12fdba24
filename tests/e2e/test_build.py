"""The functions' packages, built as they are deployed. Needs a package index (or pip's cache of it)."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ops import build

# What may not creep back in: 4.8 and 8.5 MB when this was written.
SIZES_MAX = {"ApiFunction": 6_000_000, "ProjectorFunction": 10_000_000}
ENVIRONMENT = {"TABLE_NAME": "t", "EVENT_STREAM_NAME": "s", "AWS_DEFAULT_REGION": "eu-central-1"}
HANDLERS = {"ApiFunction": "account_core.handler", "ProjectorFunction": "projector.handler"}
# Run by an interpreter without site-packages: all that is imported comes from the package or from Python itself.
IMPORT_ALL = """
import importlib, sys
package, handler = sys.argv[1:]
sys.path.insert(0, package)
import boto3
[boto3.client(service, region_name="eu-central-1") for service in ("dynamodb", "kinesis")]
assert callable(importlib.import_module(handler).handler)
names = ("boto3", "botocore", "aws_lambda_powertools", "fastavro", "account_core", "projector", "schemas")
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] in names:
        assert module.__file__.startswith(package), module.__file__
        if module.__file__.endswith(".py"):
            assert module.__cached__.startswith(package), module.__cached__
print(*sorted({name.partition(".")[0] for name in sys.modules} & set(names)))
"""


def built(function: str, target: build.Target) -> Path:
    if target == "aws":
        try:
            build.runtime_interpreter()
        except build.BuildError as missing:
            pytest.skip(str(missing))
    return build.build_zip(function, target)


def byte_code(archive: zipfile.ZipFile) -> dict[str, bytes]:
    return {name: archive.read(name)[:8] for name in archive.namelist() if name.endswith(".pyc")}


@pytest.mark.parametrize("function", sorted(build.PACKAGES))
def test_the_package_alone_is_enough_to_start(function: str, tmp_path: Path) -> None:
    zipfile.ZipFile(built(function, "local")).extractall(tmp_path)
    done = subprocess.run(  # noqa: S603 -- our own script
        [sys.executable, "-I", "-S", "-c", IMPORT_ALL, str(tmp_path), HANDLERS[function]],
        env={**ENVIRONMENT, "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) >= {"boto3", "aws_lambda_powertools", HANDLERS[function].partition(".")[0]}


@pytest.mark.parametrize("target", ["aws", "local"])
def test_a_package_holds_only_what_its_function_needs(target: build.Target) -> None:
    top = {}
    for function, size_max in SIZES_MAX.items():
        path = built(function, target)
        assert path.stat().st_size < size_max
        names = zipfile.ZipFile(path).namelist()
        assert not [name for name in names if ".dist-info/" in name or "/tests/" in name or "/examples/" in name]
        assert {name.split("/")[2] for name in names if name.startswith("botocore/data/")} == build.BOTOCORE_DATA
        top[function] = {name.partition("/")[0] for name in names}
        if function == "ProjectorFunction":
            core = {name for name in names if name.startswith("account_core/") and name.endswith(".py")}
            assert core == {f"account_core/{module}.py" for module in ("__init__", "events", "items", "errors")}
            assert {name for name in names if name.endswith("1.avsc")}, "the schemas' history is packed"
    assert top["ApiFunction"].isdisjoint({"projector", "schemas", "consumers", "ops", "tests", "fastavro"})
    assert top["ProjectorFunction"].isdisjoint({"consumers", "ops", "tests"})
    assert top["ProjectorFunction"] >= {"projector", "schemas", "fastavro", "aws_lambda_powertools", "boto3"}


@pytest.mark.parametrize("function", sorted(build.PACKAGES))
def test_on_aws_everything_is_for_the_runtime(function: str) -> None:
    version = "".join(map(str, build.RUNTIME))
    archive = zipfile.ZipFile(built(function, "aws"))
    libraries = [name for name in archive.namelist() if name.endswith(".so")]
    assert all(name.endswith(f".cpython-{version}-aarch64-linux-gnu.so") for name in libraries)
    assert bool(libraries) == (function == "ProjectorFunction"), "fastavro is the one compiled library"
    for name in libraries:
        assert archive.read(name)[18:20] == b"\xb7\x00", f"{name} is not for aarch64"  # e_machine of its ELF header
    assert all(name.endswith(f".cpython-{version}.pyc") for name in byte_code(archive))


@pytest.mark.parametrize("target", ["aws", "local"])
def test_every_module_is_compiled_and_trusted_without_a_look_at_its_source(target: build.Target) -> None:
    """A zip keeps no exact times: byte code checked against them would be compiled anew at every cold start."""
    archive = zipfile.ZipFile(built("ApiFunction", target))
    headers = byte_code(archive)
    assert len(headers) == len([name for name in archive.namelist() if name.endswith(".py")])
    assert {header[4:] for header in headers.values()} == {b"\x01\x00\x00\x00"}, "hash-based, unchecked (PEP 552)"
    if target == "local":
        assert {header[:4] for header in headers.values()} == {importlib.util.MAGIC_NUMBER}


def test_the_same_inputs_make_the_same_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = built("ApiFunction", "local")
    monkeypatch.setattr(build, "CACHE", tmp_path)
    again = build.build_zip("ApiFunction", "local")
    assert (again.name, again.parent) == (first.name, tmp_path)
    assert again.read_bytes() == first.read_bytes()
