"""The files of `account_months`, whichever engine writes them: their layout, and what they must have. Pure."""

from collections.abc import Mapping

from local_stack.errors import CommandError

ROW_GROUP_ROWS = 4_096
"""Small, because a query for one account reads the row groups with the account: measured with `make lake-scale`."""

Figures = Mapping[str, tuple[object, ...]]
"""For each day: the number of events, the sum of their amounts, and a digest of all their values in any order."""


class NotVerified(CommandError):
    """The files that were written do not have the month's events. Nothing reads them."""


def refuse_other_events(written: Figures, expected: Figures) -> None:
    """Compare the events in the files with those that should be there.

    Raises:
        NotVerified: they differ on a day, which the message names.
    """
    if wrong := sorted(day for day in expected.keys() | written.keys() if expected.get(day) != written.get(day)):
        raise NotVerified(
            f"The compacted files do not have the events of {wrong[0]}: {_shown(written.get(wrong[0]))} instead of "
            f"{_shown(expected.get(wrong[0]))} (number, sum, digest). Nothing of the month has changed; "
            "run the command again."
        )


def no_account(day: str, event_id: str | None) -> str:
    """Why a file with such an event is not valid: without an account, it belongs to no bucket."""
    return f"its event {event_id!r} of {day} has no account_id"


def _shown(figures: tuple[object, ...] | None) -> str:
    return "none" if figures is None else ", ".join(map(str, figures))
