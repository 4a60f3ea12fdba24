"""A fake issuer of the API's tokens: OpenID discovery, a public key, and a token for every caller.

On AWS the issuer is an identity provider, which requires a password. This one requires nothing, so it accepts
connections from this machine only, has a new key every time, and only the local stack trusts it.
"""

import base64
import json
import time
from collections.abc import Collection, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from local_stack.loopback_server import SOCKET_TIMEOUT_S, LoopbackServer

AUDIENCE = "account-events"
OPERATOR_SCOPE = "accounts/operator"
DAY_S = 24 * 3600
BODY_BYTES_MAX = 4 * 1024
HEADER = {"alg": "RS256", "typ": "JWT", "kid": "local-stack"}


class SigningKey:
    """A new RSA key that signs tokens."""

    def __init__(self) -> None:
        self._key = generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return a token with these claims (RFC 7515, compact)."""
        signed = f"{segment(HEADER)}.{segment(claims)}"
        return f"{signed}.{_base64url(self._key.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    def public(self) -> dict[str, str]:
        """Return the public key as a JWK (RFC 7517)."""
        numbers = self._key.public_key().public_numbers()
        modulus, exponent = (_base64url(n.to_bytes((n.bit_length() + 7) // 8, "big")) for n in (numbers.n, numbers.e))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": HEADER["kid"], "n": modulus, "e": exponent}


def segment(content: Mapping[str, object]) -> str:
    """Encode JSON as one segment of a token."""
    return _base64url(json.dumps(content).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class TokenIssuer(LoopbackServer):
    """The issuer's server; use it as a context manager. Entering starts it; leaving stops it and discards its key.

    The gateway uses `GET /.well-known/openid-configuration` and `GET /jwks.json`. Other terminals use `POST /token`
    with the form field `sub` and, optionally, `scope`; it returns a token that is valid for one day.
    """

    def __init__(self) -> None:
        self.key = SigningKey()
        super().__init__(lambda *request: _Handler(self, *request))
        self.url = f"http://127.0.0.1:{self.port}"
        self.documents: dict[str, dict[str, object]] = {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/jwks.json"},
            "/jwks.json": {"keys": [self.key.public()]},
        }

    def token(
        self, subject: str, scopes: Collection[str] = (), lifetime_s: int = 3600, audience: str = AUDIENCE
    ) -> str:
        """Return a token that is valid from now. Without scopes, it has no `scope` claim."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": audience, "sub": subject, "iat": now, "exp": now + lifetime_s}
        return self.key.sign({**claims, "scope": " ".join(scopes)} if scopes else claims)


class _Handler(BaseHTTPRequestHandler):
    timeout = SOCKET_TIMEOUT_S

    def __init__(self, issuer: TokenIssuer, *request: Any) -> None:  # noqa: ANN401 -- socketserver's
        self._issuer = issuer
        super().__init__(*request)

    def do_GET(self) -> None:
        document = self._issuer.documents.get(self.path)
        self._answer(HTTPStatus.OK if document else HTTPStatus.NOT_FOUND, json.dumps(document or {}))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        is_valid = length.isascii() and length.isdigit() and int(length) <= BODY_BYTES_MAX
        fields = parse_qs(self.rfile.read(int(length)).decode(errors="replace")) if is_valid else {}
        if self.headers.get("Host") != f"127.0.0.1:{self._issuer.port}" or "Origin" in self.headers:
            self._answer(HTTPStatus.FORBIDDEN, "Web pages cannot request tokens. Use a terminal on this machine.\n")
        elif self.path != "/token" or "sub" not in fields:
            self._answer(HTTPStatus.BAD_REQUEST, "Use POST /token with the form fields sub and, optionally, scope.\n")
        else:
            self._answer(HTTPStatus.OK, self._issuer.token(fields["sub"][0], fields.get("scope", []), DAY_S))

    def _answer(self, status: HTTPStatus, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if text.startswith("{") else "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing, because the terminal shows the command's own output."""
