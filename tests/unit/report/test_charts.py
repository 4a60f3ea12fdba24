"""The charts show the figures and contain no active content."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from ops.report import charts
from ops.report.drawing import AXIS_PX, Drawn
from ops.report.figures import CurrencyDay, Figures, Flow, figures_of
from ops.report.svg import Name, Unfit, fit
from tests.support.lake import made_up
from tests.unit.report.given import HOSTILE, lake

SVG = "{http://www.w3.org/2000/svg}"
BAR = re.compile(r"M(-?[\d.]+),(-?[\d.]+)h(-?[\d.]+)v(-?[\d.]+)h-?[\d.]+Z")


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    rows = made_up(6, 60, 40, 2_000)
    return figures_of(
        lake(tmp_path_factory.mktemp("lake"), rows), date.fromisoformat(rows[-1]["dt"]) - timedelta(days=1)
    )


@pytest.fixture(scope="module")
def euro(figures: Figures) -> CurrencyDay:
    return next(each for each in figures.currencies if each.currency == "EUR")


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart. `top` and `bottom` are measured downwards, as in all of SVG."""

    colour: str
    width: float
    top: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top


def bars(drawn: str) -> list[Bar]:
    found = []
    for path in ET.fromstring(drawn).iter(f"{SVG}path"):  # noqa: S314 -- our own
        matched = BAR.fullmatch(path.get("d", ""))
        if matched and path.get("fill", "").startswith("var("):
            _, start, width, height = map(float, matched.groups())
            found.append(Bar(path.get("fill", ""), abs(width), *sorted((start, start + height))))
    return found


def base(drawn: str) -> float:
    """The vertical position of zero."""
    lines = ET.fromstring(drawn).iter(f"{SVG}line")  # noqa: S314 -- our own
    [place] = [line.get("transform", "") for line in lines if line.get("stroke") == "var(--ink)"]
    return float(place.removesuffix(")").split(",")[1])


def left_edge(drawn: str) -> float:
    """The horizontal position where the axis's labels end and the bars may begin."""
    outermost = next(ET.fromstring(drawn).iter(f"{SVG}g"))  # noqa: S314 -- our own
    return float(outermost.get("transform", "").removeprefix("translate(").split(",")[0])


def texts(drawn: str) -> list[str]:
    return [each.text or "" for each in ET.fromstring(drawn).iter(f"{SVG}text")]  # noqa: S314 -- our own


def both(drawn: Drawn) -> tuple[str, str]:
    return str(drawn.wide), str(drawn.narrow)


def with_nets(part: CurrencyDay, *nets: Decimal) -> CurrencyDay:
    """A copy with these net flows on its days."""
    flows = [Flow(credited=max(net, Decimal(0)), withdrawn=max(-net, Decimal(0))) for net in nets]
    return replace(part, days=tuple((day, flow) for (day, _), flow in zip(part.days, flows, strict=False)))


def proportional(lengths: list[float], figures: list[float]) -> bool:
    scale = max(lengths) / max(figures)
    return all(abs(length - figure * scale) < 0.01 for length, figure in zip(lengths, figures, strict=True))


def test_net_flow_has_a_bar_for_each_day_as_high_as_its_flow(euro: CurrencyDay) -> None:
    for drawn in both(charts.net_flow(euro, "t")):
        found = bars(drawn)
        assert len(found) == 30
        assert proportional([bar.height for bar in found], [abs(float(flow.net)) for _, flow in euro.days])


@pytest.mark.parametrize("newest", ["4.00", "-4.00"])
def test_the_sign_of_a_net_flow_sets_its_direction_and_colour(euro: CurrencyDay, newest: str) -> None:
    nets = [Decimal(net) for net in ("5.00", "-10.00", "2.50", "-0.25", newest)]
    for drawn in both(charts.net_flow(with_nets(euro, *nets), "t")):
        *earlier, strong = found = bars(drawn)
        assert [(bar.bottom if net > 0 else bar.top) for bar, net in zip(found, nets, strict=True)] == [base(drawn)] * 5
        assert [bar.colour for bar in earlier] == ["var(--in-soft)", "var(--out-soft)"] * 2
        assert strong.colour == ("var(--in)" if newest == "4.00" else "var(--out)")


@pytest.mark.parametrize("amount", ["0.05", "25.00", "350000.00", "350000000000.00", "9999999999999999.99"])
def test_the_charts_of_a_column_have_one_left_edge(euro: CurrencyDay, amount: str) -> None:
    """For any labels, and any fonts on the machine."""
    for nets in ((Decimal(amount), Decimal(0)), (Decimal(0), -Decimal(amount))):
        for drawn in both(charts.net_flow(with_nets(euro, *nets), "t")):
            assert left_edge(drawn) == AXIS_PX


def test_volume_has_a_bar_for_each_hour_and_type(figures: Figures) -> None:
    hours = list(figures.hours)
    hours[3] = replace(hours[3], opened=7)
    for drawn in both(charts.volume(hours, "t")):
        found = bars(drawn)
        assert len(found) == 24 * 3
        expected = [float(figure) for hour in hours for figure in (hour.credits, hour.withdrawals, hour.opened)]
        assert proportional([bar.height for bar in found], expected)
        assert [bar.colour for bar in found] == ["var(--in)", "var(--out)", "var(--opened)"] * 24
        assert "00" in texts(drawn)
        assert left_edge(drawn) == AXIS_PX


def test_a_bar_of_balances_is_as_high_as_its_number_of_accounts(euro: CurrencyDay) -> None:
    assert euro.balances
    spread = replace(euro.balances, empty=3, overdrawn=1)
    for drawn in both(charts.spread("EUR", spread, "t")):
        expected = [1.0, 3.0, *(float(each.accounts) for each in spread.bins)]
        assert proportional([bar.height for bar in bars(drawn)], expected)
        assert [bar.colour for bar in bars(drawn)] == ["var(--bad)"] + ["var(--plain)"] * (1 + len(spread.bins))
        assert charts.edge(spread.bins[0].low) in texts(drawn)


def test_movements_are_written_exactly_and_drawn_to_scale(euro: CurrencyDay) -> None:
    assert {each.is_credit for each in euro.movements} == {True, False}
    colours = ["var(--in)" if each.is_credit else "var(--out)" for each in euro.movements]
    for drawn in both(charts.movements(euro, "t")):
        assert proportional([bar.width for bar in bars(drawn)], [float(each.amount) for each in euro.movements])
        assert [bar.colour for bar in bars(drawn)] == colours
        found = texts(drawn)
        for each in euro.movements:
            sign = "+" if each.is_credit else "\u2212"
            assert {each.account_id, f"{sign}{each.amount}"} <= set(found)


def test_the_renditions_have_their_own_names_and_sizes(euro: CurrencyDay) -> None:
    drawn = charts.net_flow(euro, "More came in")
    wide, narrow = (ET.fromstring(each) for each in both(drawn))  # noqa: S314 -- our own
    assert [root.get("viewBox", "").split()[2] for root in (wide, narrow)] == ["704", "320"]
    for root, key in ((wide, "flow-EUR-wide"), (narrow, "flow-EUR-narrow")):
        assert root.get("role") == "img"
        named = {each.get("id"): each.text or "" for each in root if each.tag in {f"{SVG}title", f"{SVG}desc"}}
        assert named[root.get("aria-labelledby")] == named[f"{key}-title"] == "More came in"
        assert "5 Sep" in named[f"{key}-desc"]
        assert not {"width", "height"} & root.attrib.keys()


@pytest.mark.parametrize(
    "account_id", [HOSTILE, "a\x00\x1b[31m\u202eb", "口座-🏦", "x" * 500, "", "$$[0]", "'+alert(1)+'"]
)
def test_foreign_text_adds_no_elements(euro: CurrencyDay, account_id: str) -> None:
    part = replace(euro, movements=(replace(euro.movements[0], account_id=account_id),))
    for drawn in both(charts.movements(part, "t")):
        tags = {each.tag for each in ET.fromstring(drawn).iter()}  # noqa: S314 -- our own
        assert tags <= {f"{SVG}{tag}" for tag in ("svg", "title", "desc", "g", "path", "line", "text", "rect")}
        assert "\u202e" not in drawn
        assert not account_id.startswith("口") or account_id in texts(drawn)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("<script>alert(1)</script>", "element script"),
        ("<image href='x'/>", "element image"),
        ("<a><text>x</text></a>", "element a"),
        ("<g onclick='x'/>", "attribute onclick"),
        ("<g style='x'/>", "attribute style"),
        ("<g xmlns:xlink='http://www.w3.org/1999/xlink' xlink:href='x'/>", "attribute {"),
    ],
)
def test_content_that_a_page_must_not_have_is_refused(content: str, found: str) -> None:
    drawing = f"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'>{content}</svg>"
    with pytest.raises(Unfit, match=found):
        fit(drawing, Name("key", "t", "d"))


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "0"), (500, "500"), (2_000, "2k"), (10**6, "1M"), (5 * 10**9, "5 bn"), (10**13, "10 tn"), (10**16, "10 qn")],
)
def test_the_labels_of_edges_are_short(value: int, label: str) -> None:
    assert charts.edge(value) == label
