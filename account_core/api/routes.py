"""The API's routes. Pure."""

ROUTES: dict[str, dict[str, str]] = {
    "/accounts": {"POST": "create_account"},
    "/accounts/{accountId}": {"GET": "read_account"},
    "/accounts/{accountId}/credit": {"POST": "credit"},
    "/accounts/{accountId}/withdraw": {"POST": "withdraw"},
    "/accounts/{accountId}/transfer": {"POST": "transfer"},
    "/accounts/{accountId}/events": {"GET": "list_events"},
    "/accounts/{accountId}/statement": {"GET": "read_statement"},
    "/owners/{owner}/accounts": {"GET": "list_accounts"},
}
"""Path -> method -> operation. Every path supports OPTIONS, and every path with GET supports HEAD."""


PARAMETERS = ("{accountId}", "{owner}")


def match(path: str) -> tuple[dict[str, str], dict[str, str]] | None:
    """The path's operations by method, and its parameters by name; None if there is no such path."""
    parts = path.split("/")
    for template, operations in ROUTES.items():
        pairs = list(zip(parts, template.split("/"), strict=False))
        if len(parts) == len(template.split("/")) and all(
            part == wanted or (part and wanted in PARAMETERS) for part, wanted in pairs
        ):
            return operations, {wanted[1:-1]: part for part, wanted in pairs if wanted in PARAMETERS}
    return None


def allowed(operations: dict[str, str]) -> str:
    """The value of the header `Allow`."""
    return ", ".join([*operations, *(["HEAD"] if "GET" in operations else []), "OPTIONS"])
