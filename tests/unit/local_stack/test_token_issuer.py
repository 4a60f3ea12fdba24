"""Tokens of the local issuer, verified with the cryptography library."""

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from local_stack.token_issuer import SigningKey

CLAIMS = {"sub": "owner-1", "scope": "accounts/operator"}


def decoded(segment: str) -> bytes:
    assert "=" not in segment, "base64url without padding"
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def verify(token: str, jwk: dict[str, str]) -> dict[str, Any]:
    """Return the claims if the token is signed with the JWK's private key; raise InvalidSignature otherwise."""
    header, claims, signature = token.split(".")
    numbers = {name: int.from_bytes(decoded(jwk[name]), "big") for name in ("n", "e")}
    RSAPublicNumbers(**numbers).public_key().verify(
        decoded(signature), f"{header}.{claims}".encode(), PKCS1v15(), SHA256()
    )
    assert json.loads(decoded(header)) == {"alg": jwk["alg"], "kid": jwk["kid"], "typ": "JWT"}
    found: dict[str, Any] = json.loads(decoded(claims))
    return found


def test_a_token_is_verified_with_its_public_key() -> None:
    key = SigningKey()
    assert verify(key.sign(CLAIMS), key.public()) == CLAIMS


def test_a_token_of_another_issuer_is_refused() -> None:
    with pytest.raises(InvalidSignature):
        verify(SigningKey().sign(CLAIMS), SigningKey().public())


def test_the_published_key_contains_only_the_public_part() -> None:
    public = SigningKey().public()
    assert set(public) == {"kty", "use", "alg", "kid", "n", "e"}
    assert len(decoded(public["n"])) == 256, "2048 bits"
