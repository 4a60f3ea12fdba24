"""What a caller adds to its requests so that API Gateway lets it in: a signature (IAM), or a token (JWT)."""

from collections.abc import Generator

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SERVICE = "execute-api"
SIGNED_HEADERS = ("host", "content-type")
"""And X-Amz-Date, which signing adds. Others may be changed on their way by what stands between."""

_Flow = Generator[httpx.Request, httpx.Response, None]


class Signature(httpx.Auth):
    """Signs every request with an IAM access key (SigV4), by botocore's own signer."""

    requires_request_body = True

    def __init__(self, access_key_id: str, secret_access_key: str, region: str) -> None:
        self._signer = SigV4Auth(Credentials(access_key_id, secret_access_key), SERVICE, region)

    def auth_flow(self, request: httpx.Request) -> _Flow:
        headers = {name: request.headers[name] for name in SIGNED_HEADERS if name in request.headers}
        signed = AWSRequest(
            request.method,
            str(request.url.copy_with(query=None)),
            headers=headers,
            data=request.content,
            # Decoded, and as pairs: the signer and the gateway encode them alike, and a name may occur twice.
            params=request.url.params.multi_items(),  # type: ignore[arg-type]  # a sequence will do
        )
        self._signer.add_auth(signed)
        for name in ("Authorization", "X-Amz-Date"):
            request.headers[name] = signed.headers[name]
        yield request


class Bearer(httpx.Auth):
    """Presents a token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> _Flow:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
