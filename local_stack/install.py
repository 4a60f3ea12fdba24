"""Install a locked requirements file with uv, which is several times faster than pip.

The Makefile uses it to create the virtual environments, and `local_stack.build` to build the functions' packages. It
needs only Python, pip and uv, because the set-up runs it before any other package is installed.
"""

import argparse
import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

# uv reads environment variables and its own configuration files, but not pip's configuration.
# Each row: pip's option, uv's variable for it, and the separator between several values.
UV_VARIABLES = (
    ("index-url", "UV_DEFAULT_INDEX", " "),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
    ("trusted-host", "UV_INSECURE_HOST", " "),
    ("cert", "SSL_CERT_FILE", " "),
    ("client-cert", "SSL_CLIENT_CERT", " "),
    ("proxy", "ALL_PROXY", " "),
)
ERROR_LENGTH_MAX = 500


class InstallError(Exception):
    """The packages cannot be installed; the message is one line that states why."""


def install(requirements: Path, *options: str, python: str = sys.executable) -> None:
    """Install exactly the locked packages and check every package's hash.

    It writes no byte code, because most installed modules are never imported; Python compiles the others when they are
    first imported.

    Args:
        requirements: requirements file, locked with hashes.
        options: further options of `uv pip install`.
        python: interpreter of the virtual environment to install into.

    Raises:
        InstallError: the index cannot be reached, lacks a package, or has one with another hash than the locked one.
    """
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python]
    # Use all indexes, as pip does. This is safe because every package must have the locked hash.
    command += ["--require-hashes", "--index-strategy", "unsafe-best-match", "--requirement", str(requirements)]
    settings = pip_settings()
    if settings.get("no-index", "no").lower() in {"1", "true", "yes", "on"}:
        command.append("--no-index")
    environment = uv_environment(settings, os.environ)
    done = subprocess.run([*command, *options], check=False, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise InstallError(f"The packages of {requirements.name} cannot be installed: {error_line(done.stderr)}")


@cache
def pip_settings() -> Mapping[str, str]:
    """Return pip's settings for `pip install` on this machine, from its files and `PIP_...` variables."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    return parse_settings(subprocess.run(command, check=False, capture_output=True, text=True).stdout)


def parse_settings(listing: str) -> dict[str, str]:
    """Parse the output of `pip config list`; more specific settings take precedence, as in pip."""
    found = dict(line.split("=", 1) for line in listing.splitlines() if "=" in line)
    return {
        name.removeprefix(section): str(ast.literal_eval(value))
        for section in ("global.", "install.", ":env:.")
        for name, value in found.items()
        if name.startswith(section)
    }


def uv_environment(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which uv uses pip's indexes; uv's variables in `environment` take precedence."""
    translated = {
        variable: separator.join(settings[option].split())
        for option, variable, separator in UV_VARIABLES
        if option in settings
    }
    if "UV_INDEX_URL" in environment:  # the older name of UV_DEFAULT_INDEX, which would override it
        translated.pop("UV_DEFAULT_INDEX", None)
    return translated | dict(environment)


def error_line(stderr: str) -> str:
    """Join uv's error output into one line, because its first line alone rarely names the cause."""
    return " ".join(stderr.split())[:ERROR_LENGTH_MAX] or "uv printed no reason"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local_stack.install", description=__doc__)
    parser.add_argument("requirements", type=Path, help="Requirements file, locked with hashes.")
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="Interpreter of the virtual environment to install into. Default: this interpreter.",
    )
    arguments = parser.parse_args()
    try:
        install(arguments.requirements, python=arguments.python)
    except InstallError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- a command's output
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
