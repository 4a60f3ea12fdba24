"""The functions' real packages are complete and contain only what each function needs."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Set as AbstractSet
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath

import duckdb
import pytest

from local_stack.build import PACKAGES, ROOT, BuildError, Target, build_directory, build_zip

LIBRARIES = {
    *("aws_lambda_powertools", "botocore", "dateutil", "jmespath", "six.py"),
    *("typing_extensions.py", "urllib3", "__pycache__"),
}
ENGINE = {"_duckdb", "adbc_driver_duckdb", "duckdb", "duckdb_extension_httpfs", "sqlglot"}
"""DuckDB, its extension and the translator of SQL. A package for the local stack leaves them out."""
PINNED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
CONTENT = {
    "AccountsByOwnerFunction": LIBRARIES | {"account_events", "consumers", "fastavro", "google", "schemas"},
    "ApiFunction": LIBRARIES | {"account_core", "account_events"},
    "LakeTotalsFunction": LIBRARIES
    | {"account_events", "consumers", "fastavro", "local_stack", "ops", "schemas", *ENGINE},
    "LakeTransformFunction": LIBRARIES | {"account_events", "consumers", "fastavro", "google", "schemas"},
    "ProjectorFunction": LIBRARIES | {"account_core", "account_events", "projector", "schemas"},
}
PARTS = {
    "AccountsByOwnerFunction": {
        "account_events": {"__init__.py", "aggregation", "avro", "consumer", "dynamodb_errors.py", "extras.py"},
        "consumers": {"__init__.py", "owners"},
        "schemas": {"*.avsc", "fingerprints.json", "history"},
    },
    "ApiFunction": {
        "account_core": {"__init__.py", "api", "domain", "handler.py", "rows", "service", "settings.py", "store"},
        "account_events": {"__init__.py", "dynamodb_errors.py", "extras.py"},
    },
    "LakeTotalsFunction": {
        "account_events": {"__init__.py", "aggregation", "avro", "dynamodb_errors.py", "extras.py"},
        "consumers": {"__init__.py", "lake"},
        "local_stack": {"__init__.py", "errors.py"},
        "ops": {"__init__.py", "lake"},
        "schemas": {"*.avsc", "fingerprints.json", "history"},
    },
    "LakeTransformFunction": {
        "account_events": {"__init__.py", "aggregation", "avro", "consumer", "dynamodb_errors.py", "extras.py"},
        "consumers": {"__init__.py", "lake"},
        "schemas": {"*.avsc", "fingerprints.json", "history"},
    },
    "ProjectorFunction": {
        "account_core": {"__init__.py", "domain", "rows"},
        "account_events": {"__init__.py", "aggregation", "avro", "dynamodb_errors.py", "extras.py"},
        "projector": {path.name for path in (ROOT / "projector").glob("*.py")},
        "schemas": {"*.avsc", "fingerprints.json"},
    },
}
"""Our own folders in each package, with the modules and subfolders that they contain."""
FUNCTIONS = [
    ("AccountsByOwnerFunction", "consumers.owners"),
    ("ApiFunction", "account_core"),
    ("LakeTotalsFunction", "ops.lake.totals_function"),
    ("LakeTransformFunction", "consumers.lake"),
    ("ProjectorFunction", "projector"),
]
UNZIPPED_MAX = 125 * 2**20
"""Half of Lambda's quota, 250 MB (AWS Lambda developer guide, Lambda quotas)."""
SERVICES = {"LakeTotalsFunction": {"glue", "s3"}, "LakeTransformFunction": {"s3"}}
IMPORT = """
import os, sys
sys.path.insert(0, sys.argv[1])
os.environ.update(TABLE_NAME="t", AUTH="IAM", OPERATOR_SCOPE="s", TRANSFERS="on", OWNED_TABLE_NAME="o", STACK_NAME="n")
os.environ.update(INBOX_TABLE_NAME="i", GAP_WAIT_S="1")
os.environ.update(LAKE_BUCKET_NAME="l", LAKE_DATABASE_NAME="d", FIRST_DAY="2025-01-01", AWS_REGION="eu-central-1")
os.environ.update(EVENT_STREAM_NAME="s", AWS_DEFAULT_REGION="eu-central-1")
os.environ.update(PARKING_TABLE_NAME="p", AGGREGATION="on", BUCKETS="32", FRAMING="single-object")
os.environ.update(ORDER_WINDOW_SECONDS="10")
module = __import__(sys.argv[2] + ".handler", fromlist=["handler"])
assert module.handler and module.__file__.startswith(sys.argv[1])
foreign = [m.__file__ for m in sys.modules.values() if "site-packages" in (getattr(m, "__file__", None) or "")]
assert not foreign, foreign
"""


@pytest.mark.parametrize(("function", "package"), FUNCTIONS)
def test_a_function_imports_with_only_its_package_on_the_path(function: str, package: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(build_zip(function, "local")) as archive:
        archive.extractall(tmp_path)
    _assert_only_needed_content(function, tmp_path, left_out=ENGINE)
    for pattern in PACKAGES[function].not_local:
        for library in Path(duckdb.__file__).parents[1].glob(pattern):
            (tmp_path / library.name).symlink_to(library)
    imported = subprocess.run(  # noqa: S603 -- this interpreter
        [sys.executable, "-I", "-S", "-c", IMPORT, str(tmp_path), package], capture_output=True, text=True, check=False
    )
    assert imported.returncode == 0, imported.stderr


@pytest.mark.parametrize("function", sorted(PACKAGES))
def test_a_package_contains_only_the_folders_that_its_function_needs(function: str) -> None:
    with zipfile.ZipFile(build_zip(function, "local")) as archive:
        names = [PurePosixPath(name).parts for name in archive.namelist() if "__pycache__" not in name]
    found = {
        folder: {"*.avsc" if parts[1].endswith(".avsc") else parts[1] for parts in names if parts[0] == folder}
        for folder in PARTS[function]
    }
    assert found == PARTS[function]
    assert sum(parts[0] == "schemas" and len(parts) == 2 and parts[1].endswith(".avsc") for parts in names) == (
        3 if "schemas" in PARTS[function] else 0
    )


@pytest.mark.parametrize("damage", [slice(0), slice(5_000), slice(-5_000)], ids=["empty", "cut short", "no end"])
def test_a_damaged_zip_is_built_again(damage: slice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = build_zip("ApiFunction", "local")
    whole = path.read_bytes()
    monkeypatch.setattr("local_stack.build.CACHE", tmp_path)  # other tests use the real cache at the same time
    (tmp_path / path.name).write_bytes(whole[damage])
    assert build_zip("ApiFunction", "local").read_bytes() == whole


@pytest.mark.parametrize("function", sorted(PACKAGES))
def test_an_aws_package_matches_the_runtime_and_its_processor(function: str, tmp_path: Path) -> None:
    _build_or_skip(function, "aws", tmp_path)
    _assert_only_needed_content(function, tmp_path)
    byte_code = list(tmp_path.rglob("*.pyc"))
    assert byte_code
    assert all(".cpython-313." in path.name for path in byte_code)
    for library in tmp_path.rglob("*.so"):
        assert library.read_bytes()[18:20] == b"\xb7\x00", f"{library.name} is not for aarch64"
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < UNZIPPED_MAX


def _has_files(path: Path) -> bool:
    """Whether this is a file or a folder with files. A zip has no empty folders."""
    return path.is_file() or any(each.is_file() for each in path.rglob("*"))


def _build_or_skip(function: str, target: Target, directory: Path) -> None:
    try:
        build_directory(function, target, directory)
    except BuildError as error:
        if "is needed to byte-compile" not in str(error):
            raise
        pytest.skip(str(error))


def _assert_only_needed_content(function: str, directory: Path, left_out: AbstractSet[str] = frozenset()) -> None:
    found = {path.name.partition(".cpython-")[0] for path in directory.iterdir() if _has_files(path)}
    assert {name for name in found if not name.endswith(".dist-info")} == CONTENT[function] - left_out
    _assert_scanners_see_the_locked_libraries(function, directory, left_out)
    services = {path.name for path in (directory / "botocore" / "data").iterdir() if path.is_dir()}
    assert services == SERVICES.get(function, {"dynamodb", "kinesis"})
    sources = set(directory.rglob("*.py"))
    compiled = {path.parent.parent / f"{path.name.split('.')[0]}.py" for path in directory.rglob("*.pyc")}
    assert sources - compiled == set()


def _assert_scanners_see_the_locked_libraries(function: str, directory: Path, left_out: AbstractSet[str]) -> None:
    """Scanners read names and versions from the libraries' METADATA, as importlib.metadata does."""
    locked = PINNED.findall((ROOT / PACKAGES[function].requirements).read_text())
    expected = {(name, version) for name, version in locked if name.replace("-", "_") not in left_out}
    found = {(each.metadata["Name"].replace("_", "-"), each.version) for each in distributions(path=[str(directory)])}
    assert found == expected
    assert {path.name for path in directory.glob("*.dist-info/*")} == {"METADATA"}
