"""What a requirements file locks, installed by uv, which is several times faster than pip.

The Makefile makes the virtual environments with it, and `local_stack.build` the functions' packages. It needs
nothing but Python, pip and uv, since nothing else is installed yet when the set-up runs it.
"""

import argparse
import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

# uv reads environment variables and its own files, but not pip's configuration.
# Each row: pip's option, uv's variable for it, what separates several values there.
UV_VARIABLES = (
    ("index-url", "UV_DEFAULT_INDEX", " "),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
    ("trusted-host", "UV_INSECURE_HOST", " "),
    ("cert", "SSL_CERT_FILE", " "),
    ("client-cert", "SSL_CLIENT_CERT", " "),
    ("proxy", "ALL_PROXY", " "),
)
COMPLAINT_LENGTH_MAX = 500


class InstallError(Exception):
    """The packages cannot be installed; the message is one line that says why."""


def install(requirements: Path, *options: str, python: str = sys.executable) -> None:
    """Install exactly what the file locks: every package's hash is checked.

    Byte code is left to the first import, since most of what is installed is never imported.

    Args:
        requirements: locked with hashes.
        options: further ones of `uv pip install`.
        python: of the virtual environment to install into.

    Raises:
        InstallError: the index cannot be reached, does not have a package, or has another one than the file locks.
    """
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python]
    # Of all indexes, as pip does it. Hashes decide what is accepted, so no index can slip in a package of its own.
    command += ["--require-hashes", "--index-strategy", "unsafe-best-match", "--requirement", str(requirements)]
    settings = pip_settings()
    if settings.get("no-index", "no").lower() in {"1", "true", "yes", "on"}:
        command.append("--no-index")
    environment = uv_environment(settings, os.environ)
    done = subprocess.run([*command, *options], check=False, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise InstallError(f"The packages of {requirements.name} cannot be installed: {complaint(done.stderr)}")


@cache
def pip_settings() -> Mapping[str, str]:
    """What pip is configured with on this machine for `pip install`, by files and by `PIP_...` variables."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    return parse_settings(subprocess.run(command, check=False, capture_output=True, text=True).stdout)


def parse_settings(listing: str) -> dict[str, str]:
    """The options of `pip config list`; what is more specific wins, as in pip."""
    found = dict(line.split("=", 1) for line in listing.splitlines() if "=" in line)
    return {
        name.removeprefix(section): str(ast.literal_eval(value))
        for section in ("global.", "install.", ":env:.")
        for name, value in found.items()
        if name.startswith(section)
    }


def uv_environment(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv to install from where pip would; what it already says about uv takes precedence."""
    translated = {
        variable: separator.join(settings[option].split())
        for option, variable, separator in UV_VARIABLES
        if option in settings
    }
    if "UV_INDEX_URL" in environment:  # the older name of UV_DEFAULT_INDEX, and weaker
        translated.pop("UV_DEFAULT_INDEX", None)
    return translated | dict(environment)


def complaint(stderr: str) -> str:
    """All that uv reports, in one line: the first line alone rarely names the cause."""
    return " ".join(stderr.split())[:COMPLAINT_LENGTH_MAX] or "uv reported nothing"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local_stack.install", description=__doc__)
    parser.add_argument("requirements", type=Path)
    parser.add_argument("--python", default=sys.executable, help="of the virtual environment to install into (this)")
    arguments = parser.parse_args()
    try:
        install(arguments.requirements, python=arguments.python)
    except InstallError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- a command's own words
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
