"""Virtual environments of other teams' projects: a Python, this project's wheel, and the packages that it requires."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local_stack.install import InstallError, error_line, pip_settings, uv_environment

ROOT = Path(__file__).parents[2]
UV = (sys.executable, "-m", "uv")
TIMEOUT_S = 120
# pytest and Python set or read these for this process; an environment must not inherit them.
OWN_VARIABLES = ("COV_", "PYTEST", "PYTHON", "VIRTUAL_ENV")


def build_wheel(folder: Path) -> Path:
    """Build the wheel with the locked hatchling, offline."""
    command = [*UV, "build", "--quiet", "--wheel", "--offline", "--no-build-isolation", "--python", sys.executable]
    _completed([*command, "--out-dir", str(folder), str(ROOT)])
    [wheel] = folder.glob("*.whl")
    return wheel


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @classmethod
    def create(cls, folder: Path, interpreter: str) -> "Environment":
        _completed([*UV, "venv", "--quiet", "--no-project", "--python", interpreter, str(folder)])
        return cls(folder)

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def install(self, *requirements: str, options: tuple[str, ...] = ()) -> None:
        """Install with uv, from its cache if that has everything, otherwise from the indexes configured for pip.

        Raises:
            InstallError: a requirement is not available or conflicts with another.
        """
        settings = pip_settings()
        command = [*UV, "pip", "install", "--quiet", "--python", self.python, "--index-strategy", "unsafe-best-match"]
        command += [*options, *requirements]
        environment = uv_environment(settings, os.environ)
        if _run([*command, "--offline"], env=environment).returncode == 0:
            return
        if settings.get("no-index", "no").lower() in {"1", "true", "yes", "on"}:
            command.append("--no-index")
        done = _run(command, env=environment)
        if done.returncode != 0:
            raise InstallError(f"{' '.join(requirements)} cannot be installed: {error_line(done.stderr)}")

    def check(self) -> None:
        """Check, as `pip check` does, that every installed package has what it requires."""
        _completed([*UV, "pip", "check", "--quiet", "--python", self.python])

    def run(self, *arguments: str, cwd: Path) -> str:
        """Run this environment's Python and return its output; fail with the output unless it exits with 0."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}
        return _completed([self.python, *arguments], cwd=cwd, env=environment)


def _completed(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = _run(command, cwd, env)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _run(
    command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- uv, or a Python that it installed into
        command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=cwd, env=env
    )
