"""Response bodies and headers. Pure."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from account_core.api.etags import etag
from account_core.api.gateway import Response
from account_core.api.problems import PROBLEMS, RETRIABLE, RETRY_AFTER_S
from account_core.api.queries import ORDERS, Page
from account_core.domain.events import Created, Credited, EventRow, Withdrawn
from account_core.service.execution import Receipt
from account_core.service.owned_accounts import OwnedAccount

INTERNAL_ERROR = "The service could not handle the request. Report the requestId to the team that runs it."


def account(account_id: str, receipt: Receipt, status: int = 200) -> Response:
    """The account after a command, or as it was read."""
    body = {
        "accountId": account_id,
        "balance": str(receipt.balance),
        "currency": receipt.currency,
        "sequence": receipt.sequence,
    }
    if receipt.transfer_id is not None:
        body["transferId"] = receipt.transfer_id
    headers = {"ETag": etag(receipt.sequence)}
    if receipt.is_replay:
        headers["Idempotent-Replayed"] = "true"
    if status == 201:  # noqa: PLR2004 -- Created
        headers["Location"] = f"/accounts/{account_id}"
    return Response(status, body, headers)


def events(account_id: str, rows: list[EventRow], page: Page) -> Response:
    """A page of an account's events. `next` is the path of the next page, or null if there is none yet."""
    is_last = len(rows) < page.limit or (page.newest_first and rows[-1].sequence == 1)
    after, order = rows[-1].sequence if rows else 0, ORDERS[page.newest_first]
    following = f"/accounts/{account_id}/events?after={after}&limit={page.limit}&order={order}"
    return Response(200, {"events": [_event(row) for row in rows], "next": None if is_last else following})


def accounts(owner: str, owned: Sequence[OwnedAccount], limit: int) -> Response:
    """A page with the first `limit` accounts. `next` is the path of the next page, or null if there is none yet."""
    page = owned[:limit]
    listed = [
        {
            "accountId": one.account_id,
            "balance": str(one.balance),
            "currency": one.currency,
            "sequence": one.sequence,
            "openedAt": one.opened_at,
            "updatedAt": one.updated_at,
        }
        for one in page
    ]
    following = f"/owners/{quote(owner)}/accounts?afterAccount={page[-1].account_id}&limit={limit}" if page else None
    return Response(200, {"accounts": listed, "next": following if len(owned) > limit else None})


def _event(row: EventRow) -> dict[str, Any]:
    common = {
        "sequence": row.sequence,
        "type": type_of(row),
        "occurredAt": row.occurred_at,
        "balance": str(row.balance),
        "currency": row.currency,
        "correlationId": row.correlation_id,
        "requestId": row.request_id,
        "idempotencyKey": None if row.command_id is None else row.command_id.rpartition(",")[2],
    }
    if isinstance(row.event, Created):
        return {**common, "owner": row.event.owner}
    transfer = row.event.transfer
    return {
        **common,
        "amount": str(row.event.amount),
        "transferId": transfer and transfer.transfer_id,
        "counterpartyAccountId": transfer and transfer.counterparty,
    }


def type_of(row: EventRow) -> str:
    """The name of the domain event that other teams receive."""
    match row.event:
        case Created():
            return "AccountCreated"
        case Credited():
            return "BalanceCredited"
        case Withdrawn():
            return "BalanceWithdrawn"


def problem(code: str, detail: str, request_id: str, headers: dict[str, str] | None = None) -> Response:
    """A problem document (RFC 9457). Lone surrogates in `detail` are not valid Unicode and are replaced by "?"."""
    kind = PROBLEMS[code]
    body = {
        "type": f"urn:account-events:problem:{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail.encode("utf-8", "replace").decode(),
        "code": code,
        "requestId": request_id,
    }
    retry = {"Retry-After": str(RETRY_AFTER_S)} if code in RETRIABLE else {}
    return Response(kind.status, body, {**retry, **(headers or {})}, "application/problem+json")
