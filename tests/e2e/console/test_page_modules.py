"""The pure functions of the page's modules, called in the browser."""

from collections.abc import Callable

import pytest

from tests.e2e.console.viewed import Viewed

View = Callable[..., Viewed]
CALL = "async ([module, name, given]) => (await import(`/static/${module}.js`))[name](...given)"
PARSE = """async ([text, size]) => {
  const { Messages } = await import("/static/feed.js");
  const messages = new Messages();
  const found = [];
  for (let at = 0; at < text.length; at += size) found.push(...messages.add(text.slice(at, at + size)));
  return [found, messages.lastId];
}"""
STREAM = (
    'retry: 1000\n\nevent: published\nid: g:1\ndata: ["\u00e9"]\n\n: nothing new\n\n'
    "event: status\r\ndata: {\r\ndata: }\r\n\r\nid: g:2\n\ndata:3\n\nevent: never ended\ndata: 4\n"
)


@pytest.fixture
def page(view: View) -> Viewed:
    page = view()
    page.is_live()
    return page


def test_values_are_formatted_without_floats(page: Viewed) -> None:
    thin, minus = "\u202f", "\u2212"
    for name, given, expected in (
        ("money", ["9999999999999999.99"], thin.join(["9", "999", "999", "999", "999", "999.99"])),
        ("money", ["-1234.50"], f"{minus}1{thin}234.50"),
        ("money", ["0.00"], "0.00"),
        ("money", [None], ""),
        ("change", ["WITHDRAW", "5.00"], f"{minus}5.00"),
        ("change", ["BalanceCredited", "1000.00"], f"+1{thin}000.00"),
        ("change", ["SNAPSHOT", None], ""),
        ("duration", [None], ""),
        ("duration", [0], "0 ms"),
        ("duration", [1500], "1.5 s"),
        ("duration", [61_500], "62 s"),
        ("duration", [192_000], "3 min"),
        ("duration", [10_800_000], "3 h"),
        ("duration", [864_000_000], "10 days"),
        ("clock", ["2026-09-30T14:03:07.250000Z", True], "14:03:07.250"),
        ("clock", ["2026-09-30T16:03:07+02:00"], "14:03:07"),
        ("clock", ["no time"], ""),
        ("moment", ["2001-09-30T14:03:07Z"], "2001-09-30 14:03:07"),
        ("shortId", ["short"], "short"),
        ("shortId", ["0123456789abcdef"], "01234567…"),
        ("waitsFor", ["5 to 7"], "The read model waits for events 5 to 7. Later events are buffered."),
    ):
        assert page.evaluate(CALL, ["format", name, given]) == expected, (name, given)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_events_are_parsed_however_they_are_cut(page: Viewed, size: int) -> None:
    messages, last_id = page.evaluate(PARSE, [STREAM, size])
    assert messages == [
        {"event": "published", "data": '["\u00e9"]'},
        {"event": "status", "data": "{\n}"},
        {"event": "message", "data": "3"},
    ]
    assert last_id == "g:2"
