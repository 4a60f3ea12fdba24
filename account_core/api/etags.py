"""An account's ETag, as it is written and as `If-Match` and `If-None-Match` name it (RFC 9110, 8.8.3). Pure."""

import re

from account_core.domain.errors import InvalidRequest

VERSION = "[1-9][0-9]{0,17}"
_ETAG = re.compile(r'[ \t]*(?:(W/)?"([\x21\x23-\x7e]*)"[ \t]*)?(?:,|\Z)')  # an element of a list may be empty


def etag(version: int) -> str:
    return f'"{version}"'


def versions(header: str | None) -> frozenset[int] | None:
    """The versions that an `If-Match` names; None for any. A weak ETag matches nothing (RFC 9110, 13.1.1)."""
    if header is None or header.strip() == "*":
        return None
    tags = _etags(header)
    if not tags:
        raise InvalidRequest('If-Match has to be ETags as they were given, like "7", or *.', "invalid_if_match")
    return frozenset(int(tag) for is_weak, tag in tags if not is_weak and re.fullmatch(VERSION, tag))


def never_matching(header: str | None) -> str | None:
    """The first ETag of an `If-Match` that no version can have, since it is weak or not as the service gave it."""
    for is_weak, tag in _etags(header or ""):
        if is_weak or not re.fullmatch(VERSION, tag):
            return f'{"W/" * is_weak}"{tag}"'
    return None


def is_known(header: str | None, version: int) -> bool:
    """Whether an `If-None-Match` names the version, by weak comparison (RFC 9110, 13.1.2); what is no ETag does not."""
    if header is None:
        return False
    return header.strip() == "*" or any(tag == str(version) for _, tag in _etags(header))


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
