"""The script of the Glue job. It calls the job with the arguments that are meant for it, because Glue adds its own."""

import sys
from collections.abc import Sequence

from ops.lake.spark.job import main

OPTIONS = ("--export", "--lake", "--table-arn", "--first-day", "--grace-s", "--stack", "--result")


def own(arguments: Sequence[str]) -> list[str]:
    """Those of the arguments, given as `--name value` or `--name=value`, that the job knows."""
    found: list[str] = []
    for name in OPTIONS:
        for at, argument in enumerate(arguments):
            if argument == name:
                found += [name, arguments[at + 1]]
            elif argument.startswith(f"{name}="):
                found += [name, argument.partition("=")[2]]
    return found


if __name__ == "__main__":
    # Not sys.exit: Glue reports the end of a script as a failure only if an error is raised.
    if code := main(own(sys.argv[1:])):
        raise RuntimeError(f"The job ended with the code {code}; its log has the reason.")
