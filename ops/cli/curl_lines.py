"""The shell commands that `account-events up` prints for you to paste into another terminal."""

from collections.abc import Iterator

from local_stack.address import Address
from local_stack.emulator import REGION
from local_stack.signing import SERVICE

SUBJECT, OTHER_SUBJECT = "owner-1", "owner-2"
_JSON = "-H 'Content-Type: application/json'"
_CURL = r"curl -s -w '\n'"
_TRANSFER = r"{\"to\": \"$TO\", \"amount\": \"5.00\"}"
_TAKE_ID = r"""sed -nE 's/.*"accountId": *"([^"]*)".*/\1/p'"""


def describe_callers(address: Address) -> str:
    """Explains the variables in the commands. Not as comments among them: some shells reject pasted comments."""
    if address.access_key:
        return "API_TEST_USER is an IAM user that may invoke the API and see all accounts."
    return (
        f"TOKEN belongs to {SUBJECT} and OTHER to {OTHER_SUBJECT}: each sees only the accounts that it opens. "
        "OPERATOR sees all accounts. The tokens are valid for one day."
    )


def curl_lines(address: Address) -> Iterator[str]:
    """Shell commands that open an account, change it, transfer money to a second one, and read it, in order."""
    yield f"API={address.api_url}"
    if address.access_key:
        yield f"API_TEST_USER={':'.join(address.access_key)}"
        yield from _requests(f'{_CURL} --aws-sigv4 aws:amz:{REGION}:{SERVICE} --user "$API_TEST_USER"', SUBJECT)
        return
    yield f"TOKEN={address.token(SUBJECT)}"
    yield f"OPERATOR={address.token()}"
    yield f"OTHER=$(curl -s -d sub={OTHER_SUBJECT} {address.issuer_url}/token)"
    yield from _requests(f'{_CURL} -H "Authorization: Bearer $TOKEN"', None)
    for who in ("OPERATOR", "OTHER"):
        yield f'{_CURL} -H "Authorization: Bearer ${who}" $API/accounts/$ID'


def _requests(curl: str, owner: str | None) -> Iterator[str]:
    """The requests, in order. `owner` is sent in the body; None if the token's subject is the owner."""
    opened = f'{{"owner": "{owner}", "currency": "EUR"}}' if owner else '{"currency": "EUR"}'
    yield f"""OPENED=$({curl} $API/accounts {_JSON} -d '{opened}'); echo "$OPENED\""""
    yield f'ID=$(echo "$OPENED" | {_TAKE_ID})'
    yield f"""{curl} $API/accounts/$ID/credit {_JSON} -d '{{"amount": "100.00"}}'"""
    yield f"""{curl} $API/accounts/$ID/withdraw {_JSON} -d '{{"amount": "40.00"}}'"""
    yield f"TO=$({curl} $API/accounts {_JSON} -d '{opened}' | {_TAKE_ID})"
    yield f'{curl} $API/accounts/$ID/transfer {_JSON} -d "{_TRANSFER}"'
    yield f"{curl} $API/accounts/$ID"
    yield f"{curl} $API/owners/{SUBJECT}/accounts"
