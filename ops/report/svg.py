"""A chart's SVG, made fit to stand in a page: named for screen readers, in the page's fonts, no more. Pure."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass

NAMESPACE = "http://www.w3.org/2000/svg"
ELEMENTS = frozenset({"svg", "g", "path", "text", "line", "rect"})
NEEDLESS = ("aria-", "role", "class", "pointer-events", "version", "stroke-miterlimit")


class Unfit(Exception):
    """The drawing has what a page must not have; the message says what."""


@dataclass(frozen=True, slots=True)
class Name:
    """Attributes: `key` is unlike that of every other drawing of the page."""

    key: str
    title: str
    description: str


def fit(drawing: str, name: Name) -> str:
    """The drawing as markup for a page.

    Raises:
        Unfit: it has other than shapes and text: a script, a picture, a link.
    """
    root = ET.fromstring(drawing)  # noqa: S314 -- drawn a moment ago, by us
    _clean(root)
    for attribute in ("width", "height"):
        del root.attrib[attribute]  # the page's layout says how large, the view box in which proportion
    for tag, text in (("desc", name.description), ("title", name.title)):
        element = ET.Element(f"{{{NAMESPACE}}}{tag}", {"id": f"{name.key}-{tag}"})
        element.text = text
        root.insert(0, element)
    root.attrib |= {
        "role": "img",
        "aria-labelledby": f"{name.key}-title",
        "aria-describedby": f"{name.key}-desc",
        "font-family": "inherit",
    }
    ET.register_namespace("", NAMESPACE)
    return ET.tostring(root, encoding="unicode")


def _clean(element: ET.Element) -> None:
    tag = element.tag.removeprefix(f"{{{NAMESPACE}}}")
    if tag not in ELEMENTS:
        raise Unfit(f"an element {tag}")
    for attribute in list(element.attrib):
        if attribute.startswith(("on", "{", "href", "style")):
            raise Unfit(f"an attribute {attribute}")
        if attribute.startswith(NEEDLESS) or attribute == "font-family":
            del element.attrib[attribute]
    for child in list(element):
        if _is_invisible(child):
            element.remove(child)
        else:
            _clean(child)


def _is_invisible(element: ET.Element) -> bool:
    """Vega's empty backgrounds and foregrounds, and labels that had no room."""
    return element.get("display") == "none" or element.get("opacity") == "0" or element.get("d") in {"", "M0,0h0v0h0Z"}
