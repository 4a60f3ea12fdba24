"""The settings of a fault, checked and completed. Pure."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from local_stack.faults.catalogue import ACCOUNT, SEED, SHARE, Fault
from local_stack.faults.errors import FaultRefused

SHARE_DEFAULT, SEED_DEFAULT = "0.3", "1"
ACCOUNT_LENGTH_MAX = 100
SEED_LENGTH_MAX = 18


def checked(of: Fault, settings: Mapping[str, str]) -> dict[str, str]:
    """The settings with which the fault begins: those given, and the defaults of the others.

    Raises:
        FaultRefused: the fault has no such setting, or a value is not valid.
    """
    if unknown := sorted(settings.keys() - set(of.settings)):
        known = ", ".join(of.settings)
        raise FaultRefused(
            f"{of.name} has no setting {unknown[0][:ACCOUNT_LENGTH_MAX]!r}.",
            f"Its settings: {known}." if known else "It has no settings.",
        )
    found = dict(settings)
    if SHARE in of.settings:
        found.setdefault(SHARE, SHARE_DEFAULT)
        share_of(found)
    if SEED in of.settings:
        found.setdefault(SEED, SEED_DEFAULT)
        seed_of(found)
    if ACCOUNT in found and not 0 < len(found[ACCOUNT]) <= ACCOUNT_LENGTH_MAX:
        raise FaultRefused("The account id is empty or too long.", "Give the id of an account that has events.")
    return found


def share_of(settings: Mapping[str, str]) -> float:
    """The share, more than 0 and at most 1."""
    try:
        share = Decimal(settings[SHARE])
        if 0 < share <= 1:  # False for NaN, but raises InvalidOperation for a signalling one
            return float(share)
    except InvalidOperation:
        pass
    raise FaultRefused(
        f"The share must be more than 0 and at most 1, not {settings[SHARE][:20]!r}.", "0.3 means three in ten."
    )


def seed_of(settings: Mapping[str, str]) -> int:
    """The seed of the generator that chooses, a whole number."""
    seed = settings[SEED]
    if seed.isascii() and seed.isdigit() and len(seed) <= SEED_LENGTH_MAX:
        return int(seed)
    raise FaultRefused(f"The seed must be a whole number, not {seed[:20]!r}.", "The same seed chooses the same.")
