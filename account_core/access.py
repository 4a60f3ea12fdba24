"""Who is calling, and whose accounts exist for the caller. Pure.

Requests are authenticated by API Gateway before they come here; what it found out comes in the request's context
(docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html). With IAM, whoever may
invoke the API is trusted with all of it. With JWT, the token's subject owns the accounts it creates, and no others
exist for it; a scope makes an operator, for whom all do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from account_core.errors import InvalidRequest
from account_core.http_requests import OWNER

Authorisation = Literal["IAM", "JWT"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Attributes: `subject` is the token's, None with IAM."""

    subject: str | None
    is_operator: bool

    @property
    def owner(self) -> str | None:
        """The one owner whose accounts exist for the caller; None: all do."""
        return None if self.is_operator else self.subject

    def refuse_owner(self, owner: str) -> None:
        if self.owner not in (None, owner):
            raise InvalidRequest("Accounts can be created for oneself only: leave out owner.", "owner_not_allowed")


def caller_of(authorizer: Mapping[str, Any], authorisation: Authorisation, operator_scope: str) -> Caller:
    """Who calls, as the gateway's authorizer of the kind that this deployment has says.

    Raises:
        InvalidRequest: the request did not come through it, or the token's subject cannot own accounts.
    """
    if authorisation == "IAM" and authorizer.get("iam"):
        return Caller(None, is_operator=True)
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    if authorisation != "JWT" or not claims.get("sub"):
        raise InvalidRequest("The request was not authenticated.", "unauthenticated")
    if not re.fullmatch(OWNER, claims["sub"]):
        raise InvalidRequest("The token's subject cannot be an owner: see `owner` in docs/api.md.", "owner_not_allowed")
    scopes = str(claims.get("scope", "")).strip("[]").split()  # API Gateway writes a list as "[one two]"
    return Caller(claims["sub"], is_operator=operator_scope in scopes)
