"""Building packages, as far as it can be tested without a package index."""

import ast
import os
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local_stack import build


def files(directory: Path, *names: str) -> None:
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def remaining(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of two sources and one lock file."""
    files(tmp_path, "requirements/api.txt", "account_core/a.py", "account_core/b.py", "local_stack/build.py")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "__file__", str(tmp_path / "local_stack/build.py"))
    monkeypatch.setitem(build.PACKAGES, "ApiFunction", build.Package("requirements/api.txt", ("account_core/*.py",)))
    return tmp_path


@pytest.mark.parametrize(
    "name", ["requirements/api.txt", "account_core/a.py", "account_core/new.py", "local_stack/build.py"]
)
def test_the_digest_changes_with_every_input(repository: Path, name: str) -> None:
    before = build.content_digest("ApiFunction", "local")
    assert build.content_digest("ApiFunction", "local") == before
    (repository / name).write_text("changed")
    assert build.content_digest("ApiFunction", "local") != before


def test_the_digest_ignores_files_that_are_not_packed(repository: Path) -> None:
    before = build.content_digest("ApiFunction", "local")
    files(repository, "README.md", "projector/handler.py", "account_core/notes.txt")
    assert build.content_digest("ApiFunction", "local") == before


def test_each_platform_has_its_own_digest(repository: Path) -> None:
    assert repository
    assert build.content_digest("ApiFunction", "local") != build.content_digest("ApiFunction", "aws")


def test_concurrent_requests_for_a_zip_build_it_once(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built, all_of_them = list[str](), threading.Barrier(4)

    def build_directory(function: str, _target: build.Target, directory: Path) -> None:
        built.append(function)
        files(directory, "handler.py")

    def needed(_: int) -> Path:
        all_of_them.wait()
        return build.build_zip("ApiFunction", "local")

    monkeypatch.setattr(build, "CACHE", repository / ".build")
    monkeypatch.setattr(build, "build_directory", build_directory)
    with ThreadPoolExecutor(4) as pool:
        [path] = set(pool.map(needed, range(4)))
    assert built == ["ApiFunction"]
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["handler.py"]


def test_a_pattern_without_files_is_reported(repository: Path) -> None:
    for source in repository.glob("account_core/*.py"):
        source.unlink()
    with pytest.raises(build.BuildError, match=r"account_core/\*\.py matches no file"):
        build.content_digest("ApiFunction", "local")


def test_an_unknown_function_is_refused(tmp_path: Path) -> None:
    with pytest.raises(build.BuildError, match=r"'Nobody'\. Choose one of ApiFunction, ProjectorFunction"):
        build.build_directory("Nobody", "local", tmp_path)


def imports(path: Path) -> set[Path]:
    """Return the files of this repository that a module imports. All of our imports use `from`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = build.ROOT.joinpath(*node.module.split("."))
            found |= {module.with_suffix(".py"), *(module / f"{alias.name}.py" for alias in node.names)}
    return {path for path in found if path.exists()}


@pytest.mark.parametrize("function", build.PACKAGES)
def test_a_package_contains_every_module_that_it_imports(function: str) -> None:
    inside = {path for pattern in build.PACKAGES[function].sources for path in build.ROOT.glob(pattern)}
    imported = {found for path in inside if path.suffix == ".py" for found in imports(path)}
    assert imported
    assert imported - inside == set()


def test_a_directory_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    """Trimming deletes `tests` and `bin`, which must not happen in a folder such as this repository."""
    files(tmp_path, "tests/test_mine.py")
    with pytest.raises(build.BuildError, match="is not empty"):
        build.build_directory("ApiFunction", "local", tmp_path)
    assert remaining(tmp_path) == {"tests/test_mine.py"}


def test_trimming_keeps_only_what_functions_and_scanners_need(tmp_path: Path) -> None:
    kept = {
        "botocore/data/endpoints.json",
        "botocore/data/kinesis/2013-12-02/service-2.json.gz",
        "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
        "fastavro/_write.so",
        "botocore-1.0.dist-info/METADATA",
    }
    files(
        tmp_path,
        *kept,
        "botocore/examples/s3.rst",
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "bin/jp.py",
        "botocore-1.0.dist-info/RECORD",
        "botocore-1.0.dist-info/licenses/LICENSE.txt",
        "fastavro/_write.pyx",
        "fastavro/__pycache__/x.pyc",
        "six/tests/test_six.py",
    )
    build.trim(tmp_path, {"dynamodb", "kinesis"})
    assert remaining(tmp_path) == kept


def test_equal_content_gives_an_equal_zip(tmp_path: Path) -> None:
    digests = []
    for number, names in enumerate((("a.py", "b/c.py"), ("b/c.py", "a.py"))):
        directory = tmp_path / str(number)
        files(directory, *names)
        os.utime(directory / "a.py", (number * 1e8, number * 1e8))
        build.write_zip(directory, tmp_path / f"{number}.zip")
        digests.append((tmp_path / f"{number}.zip").read_bytes())
    assert digests[0] == digests[1]
    assert zipfile.ZipFile(tmp_path / "0.zip").namelist() == ["a.py", "b/c.py"]


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose Pythons are all below this directory. None of them is the runtime's version."""
    shim = executable(tmp_path / "shims/python3.13", "exit 127")
    monkeypatch.setattr("sys.executable", str(shim))
    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}{os.pathsep}{tmp_path / 'bin'}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    monkeypatch.delenv("RUNTIME_PYTHON", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    "path",
    ["bin/python3.13", "bin/python3", "pyenv/versions/3.13.0/bin/python3.13", "uv/cpython-3.13.1/bin/python3.13"],
)
def test_a_broken_shim_does_not_hide_a_working_python(machine: Path, path: str) -> None:
    python = executable(machine / path, "exit 0")
    assert build.runtime_interpreter() == str(python)


def test_runtime_python_can_name_any_interpreter(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = executable(machine / "elsewhere/snake", "exit 0")
    monkeypatch.setenv("RUNTIME_PYTHON", str(python))
    assert build.runtime_interpreter() == str(python)


def test_a_missing_runtime_python_is_reported(machine: Path) -> None:
    executable(machine / "bin/python3", "exit 1")
    with pytest.raises(build.BuildError, match=r"Python 3\.13, .* Install it, or set RUNTIME_PYTHON"):
        build.runtime_interpreter()
