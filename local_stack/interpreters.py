"""Find a Python of a given version on this machine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


def find_interpreter(version: str, preferred: str = "") -> str | None:
    """Return the path of a working Python of this version, or None if this machine has none.

    Args:
        version: such as "3.13".
        preferred: name or path of the Python to try first. Empty: no preference.
    """
    probe = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != {version!r})"
    for candidate in dict.fromkeys(_candidates(version, preferred)):
        if subprocess.run([candidate, "-c", probe], check=False, capture_output=True).returncode == 0:
            return candidate
    return None


def _candidates(version: str, preferred: str) -> Iterator[str]:
    """Yield the paths where a Python of this version may be.

    The first match on the PATH may be a version manager's shim that fails to run. Therefore it yields the matches in
    every folder of the PATH, and then the versions that pyenv and uv have installed.
    """
    if named := shutil.which(preferred):
        yield named
    yield sys.executable
    for name in (f"python{version}", "python3"):
        for folder in os.get_exec_path():
            if found := shutil.which(name, path=folder):
                yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local" / "share" / "uv" / "python"))
    for installed in (*pyenv.glob(f"{version}*"), *uv.glob(f"cpython-{version}*")):
        yield from map(str, installed.glob(f"bin/python{version}"))
