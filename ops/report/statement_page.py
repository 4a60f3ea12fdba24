"""Renders a statement as one self-contained HTML file, in the style of the daily report. Pure but for its own files."""

import base64
import hashlib
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ops.report import amounts
from ops.report.statement import Statement

HERE = Path(__file__)
NAMES = {"AccountCreated": "Account opened", "BalanceCredited": "Credit", "BalanceWithdrawn": "Withdrawal"}
TRANSFERS = {"BalanceCredited": "Transfer from", "BalanceWithdrawn": "Transfer to"}


def statement_page(statement: Statement, source: str, written_at: datetime) -> str:
    """The HTML file's text.

    Args:
        statement: the statement.
        source: the stack whose API returned it, such as "the stack account-events".
        written_at: UTC, without a zone.
    """
    css = HERE.with_name("page.css").read_text()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {name: getattr(amounts, name) for name in ("count", "foreign", "money", "moment", "signed")}
    environment.filters["day"] = lambda day: f"{day.day} {day:%B} {day:%Y}"
    environment.filters["time"] = lambda text: f"{text[:10]} {text[11:19]}"
    bound = statement.closing or statement.opening
    return environment.from_string(HERE.with_name("statement.html.j2").read_text()).render(
        css=Markup(css),  # noqa: S704 -- our own file
        css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        statement=statement,
        currency=bound.currency if bound else "",
        names=NAMES,
        transfers=TRANSFERS,
        source=source,
        written_at=written_at,
        is_over=statement.last < written_at.date(),
    )
