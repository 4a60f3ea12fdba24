"""The page's files: a fixed set, each with a known type."""

from pathlib import Path

from ops.console.access import Refusal, without_token
from ops.console.pages import opening, refused
from ops.console.static_files import static_files


def test_only_files_of_known_types_are_served(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>")
    (tmp_path / "main.js").write_text("x")
    (tmp_path / "secret.txt").write_text("x")
    (tmp_path / "page.css.orig").write_text("x")
    (tmp_path / "folder.js").mkdir()
    (tmp_path / "link.css").symlink_to(tmp_path / "secret.txt")
    found = static_files(tmp_path)
    assert {name: each.content_type for name, each in found.items()} == {
        "index.html": "text/html; charset=utf-8",
        "main.js": "text/javascript; charset=utf-8",
    }
    assert static_files(tmp_path / "missing") == {}


def test_a_refusal_explains_itself_without_markup_from_outside() -> None:
    page = refused(Refusal(403, "x", "<script>", "Run `account-events console`."))
    assert "&lt;script&gt;" in page
    assert "<code>account-events console</code>" in page
    assert "<script" not in page
    assert "<style" not in page + opening()
    assert "token" in refused(without_token())
