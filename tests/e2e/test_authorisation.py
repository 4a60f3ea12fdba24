"""Authorisation on running local stacks: the emulator checks signatures, policies and tokens."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import local_stack.address
from local_stack.address import Address
from local_stack.build import PACKAGES, build_zip
from local_stack.deploy import deploy
from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from local_stack.errors import CommandError
from local_stack.local_deployment import LocalDeployment
from local_stack.signing import Bearer, Signature
from local_stack.token_issuer import AUDIENCE, HEADER, SigningKey, TokenIssuer, segment

ACCOUNT = {"owner": "owner-1", "currency": "EUR"}
NO_SUCH_ACCOUNT = "/accounts/none"
ALLOW_ALL = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
OUTDATED, FUTURE = timedelta(minutes=-10), timedelta(minutes=10)

MakeUser = Callable[..., Signature]


def send(
    deployment: LocalDeployment,
    auth: httpx.Auth | None = None,
    method: str = "GET",
    **request: Any,  # noqa: ANN401 -- httpx's
) -> httpx.Response:
    """Send a request. A GET reads an account that does not exist, so the answer to an authorised caller is 404."""
    path = NO_SUCH_ACCOUNT if method == "GET" else "/accounts"
    url = f"{deployment.address.api_url}{path}"
    with httpx.Client(auth=auth, timeout=30.0, trust_env=False) as client:
        return client.request(method, url, **request)


@pytest.fixture
def make_user(deployment: LocalDeployment) -> Iterator[MakeUser]:
    """Create IAM users with given policy statements and return their signatures; delete them after the test."""
    iam = deployment.address.client("iam")
    made: list[tuple[str, str]] = []

    def make(*statements: dict[str, str]) -> Signature:
        name = f"user-{len(made)}"
        iam.create_user(UserName=name)
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_user_policy(UserName=name, PolicyName="policy", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        made.append((name, key["AccessKeyId"]))
        return Signature(key["AccessKeyId"], key["SecretAccessKey"], REGION)

    yield make
    for name, access_key_id in made:
        iam.delete_access_key(UserName=name, AccessKeyId=access_key_id)
        for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
            iam.delete_user_policy(UserName=name, PolicyName=policy)
        iam.delete_user(UserName=name)


def invoke(api: str, part: str, effect: str = "Allow") -> dict[str, str]:
    """Return a policy statement for a part of an API."""
    arn = f"arn:aws:execute-api:{REGION}:000000000000:{api}/{part}"
    return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": arn}


def test_the_api_test_user_may_call_the_api(deployment: LocalDeployment) -> None:
    with deployment.address.http() as api:
        account = api.post("/accounts", json=ACCOUNT)
        assert account.status_code == 201
        path = account.headers["Location"]
        assert api.post(f"{path}/credit", json={"amount": "1.00"}).json()["balance"] == "1.00"
        for query in ("?limit=1&after=1&order=newest", "?order=oldest"):
            assert api.get(f"{path}/events{query}").status_code == 200
        assert api.get(path, params={"at": "2999-01-01T00:00:00+01:00"}).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_requests_without_a_signature_are_refused(deployment: LocalDeployment, method: str) -> None:
    before = len(deployment.rows())
    assert send(deployment, method=method, json=ACCOUNT).status_code == 403
    assert len(deployment.rows()) == before


def test_a_wrong_signature_is_refused(deployment: LocalDeployment) -> None:
    assert deployment.address.access_key
    access_key_id, secret = deployment.address.access_key
    assert send(deployment, Signature(access_key_id, secret, REGION)).status_code == 404
    assert send(deployment, Signature(access_key_id, secret[::-1], REGION)).status_code == 403
    assert send(deployment, Signature("AKIANOBODY", secret, REGION)).status_code == 403


def test_a_changed_body_is_refused(deployment: LocalDeployment) -> None:
    before = len(deployment.rows())
    signed = httpx.Request("POST", f"{deployment.address.api_url}/accounts", json=ACCOUNT)
    signed = next(deployment.address.caller().sync_auth_flow(signed))
    changed = signed.content.replace(b"owner-1", b"owner-2")
    assert send(deployment, method="POST", content=changed, headers=signed.headers).status_code == 403
    assert len(deployment.rows()) == before
    assert send(deployment, method="POST", content=signed.content, headers=signed.headers).status_code == 201


@pytest.mark.parametrize("shift", [OUTDATED, FUTURE])
def test_an_outdated_or_future_signature_is_refused(
    deployment: LocalDeployment, shift: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime.now(UTC).replace(tzinfo=None) + shift)
    assert send(deployment, deployment.address.caller()).status_code == 403


def test_only_users_with_permission_may_call_the_api(deployment: LocalDeployment, make_user: MakeUser) -> None:
    api = deployment.address.outputs["ApiId"]
    assert send(deployment, make_user(ALLOW_ALL)).status_code == 404
    assert send(deployment, make_user(invoke(api, "*"))).status_code == 404
    for statements in (
        (),
        (invoke("another", "*"),),
        ({**ALLOW_ALL, "Action": "execute-api:ManageConnections"},),
        (ALLOW_ALL, invoke(api, "*/GET/*", "Deny")),
    ):
        assert send(deployment, make_user(*statements)).status_code == 403, statements


def test_a_permission_can_be_read_only(deployment: LocalDeployment, make_user: MakeUser) -> None:
    reader = make_user(invoke(deployment.address.outputs["ApiId"], "$default/GET/*"))
    assert send(deployment, reader).status_code == 404
    assert send(deployment, reader, "POST", json=ACCOUNT).status_code == 403


def test_the_api_test_user_has_no_other_permission(deployment: LocalDeployment) -> None:
    assert deployment.address.access_key
    signature = Signature(*deployment.address.access_key, REGION)
    tables = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
    with httpx.Client(auth=signature, trust_env=False) as client:
        answer = client.post(deployment.address.endpoint_url, content=b"{}", headers=tables)
    assert answer.status_code in {400, 403}
    assert "AccessDenied" in answer.text


@pytest.mark.parametrize("authorization", ["Bearer a.b.c", "Basic dXNlcjp4", "api-test-user"])
def test_other_authorization_headers_are_refused(deployment: LocalDeployment, authorization: str) -> None:
    """The emulator forwards the request without a caller, and the function refuses it. On AWS, API Gateway does."""
    answer = send(deployment, headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"


@pytest.mark.parametrize("subject", ["owner-1", "auth0|5f7c8ec7c33c6c004bbafe82"])
def test_a_valid_token_is_accepted(jwt_deployment: LocalDeployment, subject: str) -> None:
    with jwt_deployment.address.http(subject) as api:
        account = api.post("/accounts", json={"currency": "EUR"})
        assert account.status_code == 201, account.text
        assert api.get(account.headers["Location"]).json()["balance"] == "0.00"


def test_an_operators_token_is_accepted(jwt_deployment: LocalDeployment) -> None:
    with jwt_deployment.address.http() as api:
        assert api.post("/accounts", json=ACCOUNT).status_code == 201


BadToken = Callable[[TokenIssuer], str]
BAD_TOKENS: dict[str, BadToken] = {
    "expired": lambda issuer: issuer.token("owner-1", lifetime_s=-1),
    "for another audience": lambda issuer: issuer.token("owner-1", audience="another"),
    "for no audience": lambda issuer: issuer.key.sign(claims(issuer, aud=[])),
    "by another issuer": lambda issuer: issuer.key.sign(claims(issuer, iss="https://issuer.example.com")),
    "by no issuer": lambda issuer: issuer.key.sign(claims(issuer, iss="")),
    "not yet valid": lambda issuer: issuer.key.sign(claims(issuer, nbf=int(time.time()) + 600)),
    "with another key": lambda issuer: SigningKey().sign(claims(issuer)),
    "with an unknown key": lambda issuer: signed_as(issuer, {**HEADER, "kid": "another"}),
    "alg none, no signature": lambda issuer: f"{segment({**HEADER, 'alg': 'none'})}.{segment(claims(issuer))}.",
    "alg none, with a signature": lambda issuer: signed_as(issuer, {**HEADER, "alg": "none"}),
    "another subject": lambda issuer: ".".join(
        part if number != 1 else segment(claims(issuer, sub="owner-2"))
        for number, part in enumerate(issuer.token("owner-1").split("."))
    ),
    "no signature": lambda issuer: issuer.token("owner-1").rpartition(".")[0],
    "no token": lambda _: "owner-1",
}


def claims(issuer: TokenIssuer, **others: object) -> dict[str, object]:
    """Return valid claims, replaced by `others`."""
    valid = {"iss": issuer.url, "aud": AUDIENCE, "sub": "owner-1", "exp": int(time.time()) + 600}
    return {**valid, **others}


def signed_as(issuer: TokenIssuer, header: dict[str, str]) -> str:
    """Return a valid token with another header."""
    return f"{segment(header)}.{issuer.key.sign(claims(issuer)).partition('.')[2]}"


@pytest.mark.parametrize("bad", BAD_TOKENS)
def test_a_bad_token_is_refused(jwt_deployment: LocalDeployment, bad: str) -> None:
    assert jwt_deployment.issuer
    before = len(jwt_deployment.rows())
    valid = jwt_deployment.issuer.key.sign(claims(jwt_deployment.issuer))
    assert send(jwt_deployment, Bearer(valid)).status_code == 404
    token = BAD_TOKENS[bad](jwt_deployment.issuer)
    for method in ("GET", "POST"):
        answer = send(jwt_deployment, Bearer(token), method, json={"currency": "EUR"})
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert len(jwt_deployment.rows()) == before


def test_an_api_with_jwt_accepts_only_tokens(jwt_deployment: LocalDeployment) -> None:
    """It refuses even a signature of the emulator's root."""
    assert send(jwt_deployment).status_code == 401
    assert send(jwt_deployment, Signature(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, REGION)).status_code == 401


def test_another_process_reaches_the_api(
    deployment: LocalDeployment, jwt_deployment: LocalDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, each in enumerate((deployment, jwt_deployment)):
        monkeypatch.setattr(local_stack.address, "ADDRESS_FILE", tmp_path / f"stack-{number}.json")
        with each.address.published(), Address.find().http() as api:
            assert api.post("/accounts", json=ACCOUNT).status_code == 201


def test_the_token_issuer_serves_discovery_and_validates_requests(jwt_deployment: LocalDeployment) -> None:
    url = jwt_deployment.address.issuer_url
    assert url
    discovered = httpx.get(f"{url}/.well-known/openid-configuration", trust_env=False).json()
    assert discovered["issuer"] == url
    assert len(httpx.get(discovered["jwks_uri"], trust_env=False).json()["keys"]) == 1
    assert httpx.get(f"{url}/other", trust_env=False).status_code == 404
    assert httpx.post(f"{url}/token", data={"scope": "a"}, trust_env=False).status_code == 400


def test_subjects_and_tokens_need_jwt(deployment: LocalDeployment) -> None:
    with pytest.raises(CommandError, match="no subject"):
        deployment.address.http("owner-1")
    with pytest.raises(CommandError, match="does not accept tokens"):
        deployment.address.token()


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"JwtAudience": AUDIENCE}, "Auth JWT needs JwtIssuer"),
        ({"JwtIssuer": "https://issuer.example.com"}, "Auth JWT needs JwtAudience"),
        ({"JwtAudience": AUDIENCE, "JwtIssuer": "http://issuer.example.com"}, "begin with https://"),
    ],
)
def test_jwt_without_issuer_or_audience_cannot_be_deployed(
    deployment: LocalDeployment, parameters: dict[str, str], reason: str
) -> None:
    zips = {function: build_zip(function, "local") for function in PACKAGES}
    with pytest.raises(CommandError, match=reason):
        deploy(deployment.address.endpoint_url, "careless", {"Target": "local", "Auth": "JWT", **parameters}, zips)


def test_a_subject_sees_only_its_accounts_and_an_operator_all(jwt_deployment: LocalDeployment) -> None:
    """The function decides on accounts, after the gateway has accepted the token."""
    at = jwt_deployment.address
    with at.http("alice") as alice, at.http("mallory") as mallory, at.http() as operator:
        opened = alice.post("/accounts", json={"currency": "EUR"})
        account = opened.headers["Location"]
        assert alice.post(f"{account}/credit", json={"amount": "5.00"}).status_code == 200
        for answer in (
            mallory.get(account),
            mallory.get(f"{account}/events"),
            mallory.post(f"{account}/withdraw", json={"amount": "5.00"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")
        refused = mallory.post("/accounts", json={"currency": "EUR", "owner": "alice"})
        assert (refused.status_code, refused.json()["code"]) == (403, "owner_not_allowed")
        assert operator.get(account).json()["balance"] == alice.get(account).json()["balance"] == "5.00"
        owners = [
            each.json()["events"][0]["owner"]
            for each in (alice.get(f"{account}/events"), operator.get(f"{account}/events"))
        ]
        assert owners == ["alice", "alice"]
