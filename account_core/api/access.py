"""The caller of a request, and the accounts that the caller may see. Pure.

API Gateway authenticates requests and passes the caller's identity in the request's context
(docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html). With IAM, every caller
that may invoke the API sees all accounts. With JWT, the token's subject owns the accounts that it creates and sees no
others; a token with the operators' scope sees all accounts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from account_core.api.requests import OWNER
from account_core.domain.errors import InvalidRequest

Authorisation = Literal["IAM", "JWT"]
OPERATOR_SUBJECT = r"[\x21-\x7e]{1,128}"
"""A wider pattern than OWNER: identity providers name machines like `abc@clients`, and operators own no accounts."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Attributes: `subject` is the token's subject; None with IAM. `name` identifies the caller in the log."""

    subject: str | None
    is_operator: bool
    name: str

    @property
    def owner(self) -> str | None:
        """The owner whose accounts the caller may see; None for all accounts."""
        return None if self.is_operator else self.subject

    def command_id(self, key: str | None) -> str | None:
        """The `CommandId` under which a command with this idempotency key is stored.

        An operator's keys are prefixed with the operator's subject, so an account's owner cannot use them first. The
        last comma ends the prefix: no key contains a comma.
        """
        if key is None or self.subject is None or not self.is_operator:
            return key
        return f"{self.subject},{key}"

    def refuse_owner(self, owner: str, detail: str) -> None:
        """Raise InvalidRequest with `detail` if the caller may not act for this owner."""
        if self.owner not in (None, owner):
            raise InvalidRequest(detail, "owner_not_allowed")


def caller_of(authorizer: Mapping[str, Any], authorisation: Authorisation, operator_scope: str) -> Caller:
    """The caller, from the gateway's authorizer of the kind that this deployment uses.

    Raises:
        InvalidRequest: the request did not pass this authorizer, or the token's subject is malformed.
    """
    if authorisation == "IAM" and (iam := authorizer.get("iam")):
        return Caller(None, is_operator=True, name=str(iam.get("userArn")))
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    if authorisation != "JWT" or not claims.get("sub"):
        raise InvalidRequest(
            "The request is not authenticated. Call the API through its gateway, signed or with a token.",
            "unauthenticated",
        )
    subject, scopes = str(claims["sub"]), f"{claims.get('scope', '')} {claims.get('scp', '')}"
    is_operator = operator_scope in re.split(r"[\s\[\]]+", scopes)  # API Gateway writes a list as "[one two]"
    if not re.fullmatch(OPERATOR_SUBJECT if is_operator else OWNER, subject):
        raise InvalidRequest(
            "The token's subject is not a valid owner; docs/api.md lists the allowed characters.", "owner_not_allowed"
        )
    return Caller(subject, is_operator, name=subject)
