"""Write an account's ETag and parse `If-Match` and `If-None-Match` (RFC 9110, 8.8.3). Pure."""

import re

from account_core.domain.errors import InvalidRequest

TAG = "s-[1-9][0-9]{0,17}"
"""The part between the quotes: the account's sequence. The prefix distinguishes it from ETags of earlier releases,
which counted rows: their "12" is another state than sequence 12 (docs/adr/0017-the-api-counts-events.md)."""
_EARLIER_TAG = "[1-9][0-9]{0,17}"
_ETAG = re.compile(r'[ \t]*(?:(W/)?"([\x21\x23-\x7e]*)"[ \t]*)?(?:,|\Z)')  # elements of a list may be empty


def etag(sequence: int) -> str:
    return f'"s-{sequence}"'


def sequences(header: str | None) -> frozenset[int] | None:
    """The sequences in an `If-Match`; None if any sequence matches. A weak ETag matches nothing (RFC 9110, 13.1.1).

    Raises:
        InvalidRequest: the header is not a list of ETags.
    """
    if header is None or header.strip() == "*":
        return None
    tags = _etags(header)
    if not tags:
        raise InvalidRequest(
            'If-Match must be a list of ETags, like "s-7", or *. Send ETags exactly as the service returned them.',
            "invalid_if_match",
        )
    return frozenset(int(tag.removeprefix("s-")) for is_weak, tag in tags if not is_weak and re.fullmatch(TAG, tag))


def mismatch_advice(header: str | None) -> str | None:
    """Why an ETag in `If-Match` can match no account, and what to do; None if each ETag could match one."""
    for is_weak, tag in _etags(header or ""):
        shown = f'{"W/" * is_weak}"{tag}"'[:40]
        if not is_weak and re.fullmatch(_EARLIER_TAG, tag):
            return (
                f"If-Match has {shown}: an ETag of an earlier release never matches. Read the account and send its new "
                'ETag, like "s-7".'
            )
        if is_weak or not re.fullmatch(TAG, tag):
            return (
                f"If-Match has {shown}: a weak or altered ETag never matches. Send the ETag exactly as the service "
                'returned it, like "s-7", and configure compressing proxies not to change ETags.'
            )
    return None


def is_known(header: str | None, sequence: int) -> bool:
    """Whether an `If-None-Match` lists the sequence's ETag, by weak comparison (RFC 9110, 13.1.2).

    A malformed header matches nothing.
    """
    if header is None:
        return False
    return header.strip() == "*" or any(f'"{tag}"' == etag(sequence) for _, tag in _etags(header))


def _etags(header: str) -> list[tuple[bool, str]]:
    """For each ETag, whether it is weak and the text between its quotes; empty if the header is malformed."""
    tags, end = [], 0
    while end < len(header):
        found = _ETAG.match(header, end)
        if found is None:
            return []
        end = found.end()
        if found[2] is not None:
            tags.append((bool(found[1]), found[2]))
    return tags
