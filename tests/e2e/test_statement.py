"""A statement on the running local stack: the API's pages, the command, and the lake's answer."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from local_stack.local_deployment import LocalDeployment
from ops.cli.app import app
from tests.e2e.test_lake import wait_until_idle
from tests.e2e.test_local_deployment import Api


def test_api_command_and_lake_give_the_same_statement(
    deployment: LocalDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_stack.address.ADDRESS_FILE", tmp_path / "address.json")
    today = datetime.now(UTC).date()
    first, last = f"{today - timedelta(days=1)}", f"{today + timedelta(days=1)}"
    with Api(deployment) as api:
        account_id, other = api.open_account("50.00"), api.open_account()
        for number in range(1, 11):
            assert api.command(account_id, "credit", f"{number}.01").status_code == 200
        paid = api.post(f"/accounts/{account_id}/transfer", json={"to": other, "amount": "5.00"})
        assert paid.status_code == 200, paid.text
        path, lines, pages = f"/accounts/{account_id}/statement?from={first}&until={last}&limit=5", [], []
        while path:
            answer = api.get(path)
            assert answer.status_code == 200, answer.text
            pages.append(answer.json())
            lines += pages[-1]["lines"]
            path = pages[-1]["next"]
    assert (len(pages), len(lines)) == (3, 13)
    assert (pages[0]["opening"], pages[0]["closing"]["balance"]) == (None, "100.10")
    assert (lines[-1]["change"], lines[-1]["counterpartyAccountId"]) == ("-5.00", other)
    assert lines[-1]["transferId"] == paid.json()["transferId"]

    wait_until_idle(deployment)
    days = ("--from", first, "--until", last)
    with deployment.address.published():
        written = CliRunner().invoke(app, ["statement", account_id, *days, "--csv", str(tmp_path / "s.csv")])
        page = CliRunner().invoke(app, ["statement", account_id, *days, "--html", str(tmp_path / "s.html")])
        parameters = (f"account={account_id}", f"from={first}", f"until={last}")
        options = [option for each in parameters for option in ("-p", each)]
        lake = CliRunner().invoke(app, ["query", "account_statement", *options, "--format", "json"])
    assert (written.exit_code, page.exit_code, lake.exit_code) == (0, 0, 0), (written, page, lake)
    with (tmp_path / "s.csv").open(newline="") as file:
        records = list(csv.DictReader(file))
    shared = ("entry", "dt", "sequence", "balance", "currency")
    in_lake = [json.loads(line) for line in lake.stdout.splitlines()]
    assert [[record[name] for name in shared] for record in records] == [
        ["" if record[name] is None else str(record[name]) for name in shared] for record in in_lake
    ]
    of_lines = ("event_type", "change", "correlation_id")
    assert [[record[name] for name in of_lines] for record in records[1:-1]] == [
        ["" if record[name] is None else record[name] for name in of_lines] for record in in_lake[1:-1]
    ]
    assert records[-2]["counterparty_account_id"].lstrip("'") == other
    assert f"Transfer to <code>{other}</code>" in (tmp_path / "s.html").read_text()
