"""The commands that `account-events up` prints: pasted into another terminal as they stand, they work."""

from collections.abc import Iterator

from local_stack.address import Address
from local_stack.emulator import REGION
from local_stack.signing import SERVICE

SUBJECT, OTHER_SUBJECT = "owner-1", "owner-2"
_JSON = "-H 'Content-Type: application/json'"
_CURL = r"curl -s -w '\n'"
_TAKE_ID = r"""sed -nE 's/.*"accountId": *"([^"]*)".*/\1/p'"""


def who_calls(address: Address) -> str:
    """What the names in the commands mean: a comment in them would not be one to every shell."""
    if address.access_key:
        return "API_TEST_USER is an IAM user who may invoke the API: all accounts exist for it."
    return (
        f"TOKEN is {SUBJECT}'s, OTHER is {OTHER_SUBJECT}'s: for each, only the accounts exist that it opens. "
        "OPERATOR is for all accounts. They are good for a day."
    )


def curl_lines(address: Address) -> Iterator[str]:
    """Shell lines that open an account, change it and read it, in order."""
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
    """Args: `owner` is what the body names; None where it is the token's subject."""
    opened = f'{{"owner": "{owner}", "currency": "EUR"}}' if owner else '{"currency": "EUR"}'
    yield f"""OPENED=$({curl} $API/accounts {_JSON} -d '{opened}'); echo "$OPENED\""""
    yield f'ID=$(echo "$OPENED" | {_TAKE_ID})'
    yield f"""{curl} $API/accounts/$ID/credit {_JSON} -d '{{"amount": "100.00"}}'"""
    yield f"""{curl} $API/accounts/$ID/withdraw {_JSON} -d '{{"amount": "40.00"}}'"""
    yield f"{curl} $API/accounts/$ID"
    yield f"{curl} $API/owners/{SUBJECT}/accounts"
