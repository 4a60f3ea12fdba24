"""Authorisation of requests to API Gateway: an IAM signature or a JWT bearer token."""

from collections.abc import Generator

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SERVICE = "execute-api"
SIGNED_HEADERS = ("host", "content-type")
"""Signing adds X-Amz-Date. Other headers are not signed, because a proxy may change them."""

_Flow = Generator[httpx.Request, httpx.Response, None]


class Signature(httpx.Auth):
    """Signs every request with an IAM access key (SigV4), using botocore's signer."""

    requires_request_body = True

    def __init__(
        self, access_key_id: str, secret_access_key: str, region: str, session_token: str | None = None
    ) -> None:
        self._signer = SigV4Auth(Credentials(access_key_id, secret_access_key, session_token), SERVICE, region)

    def auth_flow(self, request: httpx.Request) -> _Flow:
        headers = {name: request.headers[name] for name in SIGNED_HEADERS if name in request.headers}
        signed = AWSRequest(
            request.method,
            str(request.url.copy_with(query=None)),
            headers=headers,
            data=request.content,
            # Decoded, because the signer encodes them as the gateway does; as pairs, because a name may occur twice.
            params=request.url.params.multi_items(),  # type: ignore[arg-type]  # botocore also accepts a sequence
        )
        self._signer.add_auth(signed)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            if name in signed.headers:
                request.headers[name] = signed.headers[name]
        yield request


class Bearer(httpx.Auth):
    """Adds a bearer token to every request."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> _Flow:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
