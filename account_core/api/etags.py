"""An account's ETag, as it is written and as `If-Match` and `If-None-Match` name it (RFC 9110, 8.8.3). Pure."""

import re

from account_core.domain.errors import InvalidRequest

TAG = "s-[1-9][0-9]{0,17}"
"""Between the quotes: the account's sequence. Without the prefix, which ETags of earlier releases lack, the ETag of a
row numbered 12 would match sequence 12, which is another state."""
_EARLIER_TAG = "[1-9][0-9]{0,17}"
_ETAG = re.compile(r'[ \t]*(?:(W/)?"([\x21\x23-\x7e]*)"[ \t]*)?(?:,|\Z)')  # an element of a list may be empty


def etag(sequence: int) -> str:
    return f'"s-{sequence}"'


def sequences(header: str | None) -> frozenset[int] | None:
    """The sequences that an `If-Match` names; None for any. A weak ETag matches nothing (RFC 9110, 13.1.1).

    Raises:
        InvalidRequest: the header is no list of ETags.
    """
    if header is None or header.strip() == "*":
        return None
    tags = _etags(header)
    if not tags:
        raise InvalidRequest('If-Match has to be ETags as they were given, like "s-7", or *.', "invalid_if_match")
    return frozenset(int(tag.removeprefix("s-")) for is_weak, tag in tags if not is_weak and re.fullmatch(TAG, tag))


def never_matching(header: str | None) -> str | None:
    """Why the first ETag of an `If-Match` that no account can have never matches, and what to do; None without one."""
    for is_weak, tag in _etags(header or ""):
        shown = f'{"W/" * is_weak}"{tag}"'[:40]
        if not is_weak and re.fullmatch(_EARLIER_TAG, tag):
            return (
                f"If-Match has {shown}: an ETag of an earlier release never matches. Read the account and send its new "
                'ETag, like "s-7".'
            )
        if is_weak or not re.fullmatch(TAG, tag):
            return (
                f"If-Match has {shown}: a weak or altered ETag never matches. Send the ETag as the service gave it, "
                'like "s-7", and turn off ETag changes in proxies that compress.'
            )
    return None


def is_known(header: str | None, sequence: int) -> bool:
    """Whether an `If-None-Match` names the sequence, by weak comparison (RFC 9110, 13.1.2).

    What is not an ETag names none.
    """
    if header is None:
        return False
    return header.strip() == "*" or any(f'"{tag}"' == etag(sequence) for _, tag in _etags(header))


def _etags(header: str) -> list[tuple[bool, str]]:
    """Whether each is weak, and what is between its quotes; none where the list is malformed."""
    tags, end = [], 0
    while end < len(header):
        found = _ETAG.match(header, end)
        if found is None:
            return []
        end = found.end()
        if found[2] is not None:
            tags.append((bool(found[1]), found[2]))
    return tags
