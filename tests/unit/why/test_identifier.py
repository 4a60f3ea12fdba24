"""The ids that `why` accepts."""

import pytest

from ops.why.identifier import NotAnId, identifier


@pytest.mark.parametrize(
    ("text", "event", "is_account_id"),
    [
        ("a-1", None, True),
        ("a-1:12", ("a-1", 12), False),
        ("a-1:0", None, False),
        ("a-1:012", None, False),
        ("a-1:9999999999999999999", None, False),
        ("x/y", None, False),
        ("a" * 65, None, False),
        ("operator,key", None, False),
    ],
)
def test_an_id_may_have_several_forms(text: str, event: tuple[str, int] | None, *, is_account_id: bool) -> None:
    parsed = identifier(text)
    assert (parsed.text, parsed.event, parsed.is_account_id) == (text, event, is_account_id)


@pytest.mark.parametrize("text", ["", " ", "a b", "é", "a\n", "x" * 258])
def test_other_text_is_refused_with_what_an_id_is(text: str) -> None:
    with pytest.raises(NotAnId, match="a request id or an idempotency key"):
        identifier(text)


@pytest.mark.parametrize(
    ("text", "command_id", "is_same"),
    [
        ("key", "key", True),
        ("key", "operator,key", True),
        ("operator,key", "operator,key", True),
        ("key", "other-key", False),
        ("operator", "operator,key", False),
        ("key", None, False),
    ],
)
def test_an_operators_key_is_found_without_the_subject(text: str, command_id: str | None, *, is_same: bool) -> None:
    assert identifier(text).is_command_id(command_id) is is_same
