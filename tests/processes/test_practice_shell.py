"""Bash runs blocks of shell code with programs of this process."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.practice_shell import Answer, Ran, Shell

PREPARATION = """
name_of() {
  show "$1" --query "[?x=='$1']"
}
"""


def show(arguments: Sequence[str]) -> Answer:
    """Prints its arguments, one per line."""
    if arguments == ["nothing"]:
        return Answer("", "there is nothing", 1)
    return Answer("".join(f"<{each}>\n" for each in arguments))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(PREPARATION, {"show": show, "account-show": show}, tmp_path)


def called(ran: Ran) -> list[list[str]]:
    return [list(words) for words, _ in ran.calls]


def test_a_block_is_evaluated_by_bash(shell: Shell) -> None:
    ran = shell.run('export A="two words"\nshow "$A" \'$x\' \\\n  "" "$(name_of thing)" | grep words\n')
    assert ran.out == "<two words>\n"
    assert called(ran) == [
        ["show", "thing", "--query", "[?x=='thing']"],
        ["show", "two words", "$x", "", "<thing>\n<--query>\n<[?x=='thing']>"],
    ]


def test_files_are_written_to_the_folder(shell: Shell, tmp_path: Path) -> None:
    ran = shell.run("account-show a > found.txt && show b")
    assert (tmp_path / "found.txt").read_text() == "<a>\n"
    assert ran.out == "<b>\n"


def test_what_programs_print_as_errors_is_seen(shell: Shell) -> None:
    ran = shell.run("show nothing && show more\nunknown-program")
    assert called(ran) == [["show", "nothing"]]
    assert "there is nothing" in ran.seen
    assert "unknown-program: command not found" in ran.seen


def test_an_exception_of_a_program_is_raised(tmp_path: Path) -> None:
    def fail(arguments: Sequence[str]) -> Answer:
        raise LookupError(arguments[0])

    with pytest.raises(LookupError, match="why"):
        Shell("", {"fail": fail}, tmp_path).run("fail why\nsleep 60")
