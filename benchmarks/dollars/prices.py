"""The prices in benchmarks/prices.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRICES = Path(__file__).parents[1] / "prices.toml"


@dataclass(frozen=True, slots=True)
class Price:
    """Attributes: `dollars` for `per` units; `source` is the page that lists it."""

    name: str
    dollars: float
    per: float
    unit: str
    source: str

    def of(self, quantity: float) -> float:
        """Dollars for this many units."""
        return quantity / self.per * self.dollars


@dataclass(frozen=True, slots=True)
class Prices:
    """Attributes: `date` is the day as of which the prices are listed."""

    region: str
    date: str
    month_hours: float
    by_name: dict[str, Price]

    def __getitem__(self, name: str) -> Price:
        return self.by_name[name]


def load(path: Path = PRICES) -> Prices:
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    by_name = {name: Price(name=name, **price) for name, price in content["prices"].items()}
    return Prices(content["region"], content["date"], content["month_hours"], by_name)
