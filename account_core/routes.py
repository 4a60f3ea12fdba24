"""Which requests there are. Pure."""

ROUTES: dict[str, dict[str, str]] = {
    "/accounts": {"POST": "create_account"},
    "/accounts/{accountId}": {"GET": "read_account"},
    "/accounts/{accountId}/credit": {"POST": "credit"},
    "/accounts/{accountId}/withdraw": {"POST": "withdraw"},
    "/accounts/{accountId}/events": {"GET": "list_events"},
}
"""Path -> method -> operation. HEAD goes wherever GET does, OPTIONS everywhere."""


def match(path: str) -> tuple[dict[str, str], str] | None:
    """The operations of a path, by method, and the account id in it (empty if it names none); None: no such path."""
    parts = path.split("/")
    for template, operations in ROUTES.items():
        expected = template.split("/")
        if len(parts) == len(expected) and all(
            part == wanted or (wanted == "{accountId}" and part) for part, wanted in zip(parts, expected, strict=True)
        ):
            return operations, parts[2] if len(parts) > 2 else ""  # noqa: PLR2004 -- "", "accounts", the id
    return None


def allowed(operations: dict[str, str]) -> str:
    """The header `Allow` of a path."""
    return ", ".join([*operations, *(["HEAD"] if "GET" in operations else []), "OPTIONS"])
