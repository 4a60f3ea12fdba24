"""`account-events report` on a running local stack."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from local_stack.local_deployment import LocalDeployment
from ops.cli.app import app
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.query.files import LakeFiles
from ops.lake.reconcile.result import LATEST_KEY, Files, ReconciliationResult, to_json
from ops.report.amounts import money
from ops.report.figures import figures_of
from tests.e2e.test_lake import open_account, wait_until_idle


def test_without_a_day_the_report_shows_the_newest_one(
    deployment: LocalDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = open_account(deployment, "9876543210.99")
    wait_until_idle(deployment)
    monkeypatch.setattr("local_stack.address.ADDRESS_FILE", tmp_path / "address.json")
    path = tmp_path / "report.html"
    now = datetime.now(UTC)
    lake = Lake.of(Deployment.local(deployment.address))
    reconciled = ReconciliationResult(now, now, 2, 1, files=Files(LakeFiles.of(lake.s3, lake.bucket).digests))
    lake.s3.put_object(Bucket=lake.bucket, Key=LATEST_KEY, Body=to_json(reconciled))
    with deployment.address.published():
        result = CliRunner().invoke(app, ["report", "--output", str(path)])
    lake.s3.delete_object(Bucket=lake.bucket, Key=LATEST_KEY)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{path}\n"
    text = path.read_text(encoding="utf-8")
    assert account_id in text
    assert money(Decimal("9876543210.99")) in text
    assert "Reconciled to the cent" in text
    assert "the daily totals are out of date" not in text
    day = lake.engine().query("SELECT max(dt) FROM events").rows[0][0]
    figures = figures_of(lake.engine(), date.fromisoformat(day))
    euro = next(each for each in figures.currencies if each.currency == "EUR")
    assert f'<data value="{euro.closing}">' in text
