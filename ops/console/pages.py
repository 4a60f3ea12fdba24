"""The plain pages that the server has next to the console's own: refusals, and the step from a token to the page. Pure.

They have no style, because the Content-Security-Policy forbids one in the page and its files need the token.
"""

from html import escape

from ops.console.access import Refusal

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title>{head}</head>
<body><main><h1>{title}</h1>{body}</main></body></html>
"""
_REFRESH = '<meta http-equiv="refresh" content="0; url=/">'


def refused(refusal: Refusal) -> str:
    """The page that explains a refusal."""
    title = {401: "The console needs its token", 404: "Page not found"}.get(refusal.status, "The console refuses this")
    advice = escape(refusal.advice)
    for command in ("account-events up", "account-events console"):
        advice = advice.replace(f"`{command}`", f"<code>{command}</code>")
    return _PAGE.format(title=title, head="", body=f"<p>{escape(refusal.message)}</p><p>{advice}</p>")


def opening() -> str:
    """A page that opens the console. A browser sends the cookie with its request, because no other page causes it."""
    return _PAGE.format(title="Opening the console", head=_REFRESH, body='<p><a href="/">Open the console</a></p>')
