"""Which faults of the running local stack are on."""

import httpx

from local_stack.address import Address, loopback_http

TIMEOUT_S = 2.0


def begun(address: Address) -> frozenset[str]:
    """The names of the faults that are on; none if the local stack has no console, or it does not answer."""
    if address.console_url is None or address.console_token is None:
        return frozenset()
    try:
        with loopback_http(address.console_url) as client:
            headers = {"Authorization": f"Bearer {address.console_token}"}
            found = client.get("api/faults", headers=headers, timeout=TIMEOUT_S).raise_for_status().json()
        return frozenset(state["name"] for state in found["faults"] if state["is_on"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return frozenset()
