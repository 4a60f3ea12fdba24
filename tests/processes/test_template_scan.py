"""The check of template.yaml by checkov in `make check`."""

from pathlib import Path

import pytest

from tools.template_scan import CHECKOV, ROOT, scan

pytestmark = pytest.mark.skipif(not Path(CHECKOV[0]).exists(), reason="make check installs checkov")
TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")


def test_a_resource_that_fails_a_check_fails_the_scan_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE.replace("IgnorePublicAcls: true", "IgnorePublicAcls: false", 1), encoding="utf-8")
    assert scan(path) == 1
    [failed, counts] = capsys.readouterr().out.splitlines()
    assert failed.startswith("AWS::S3::Bucket.LedgerExports: CKV_AWS_55 ")
    assert " 1 failed, " in counts


@pytest.mark.parametrize(
    "text", ["Resources:\n  Lake: [\n", "Resources: {}\n", "", None], ids=["broken", "no resources", "empty", "missing"]
)
def test_a_template_that_checkov_cannot_read_fails_the_scan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    """With exit code 0, checkov itself reports a parsing error or nothing."""
    path = tmp_path / "template.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert scan(path) == 1
    assert f"checkov cannot read {path}" in capsys.readouterr().err
