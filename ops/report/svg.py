"""Prepares a chart's SVG for the page: labels for screen readers, the page's fonts, no needless markup. Pure."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass

NAMESPACE = "http://www.w3.org/2000/svg"
ELEMENTS = frozenset({"svg", "g", "path", "text", "line", "rect"})
NEEDLESS = ("aria-", "role", "class", "pointer-events", "version", "stroke-miterlimit")


class Unfit(Exception):
    """The drawing has something that the page must not contain. The message names it."""


@dataclass(frozen=True, slots=True)
class Name:
    """A drawing's labels. `key` is unique in the page."""

    key: str
    title: str
    description: str


def fit(drawing: str, name: Name) -> str:
    """The drawing as markup for a page.

    Raises:
        Unfit: the drawing has anything other than shapes and text, such as a script, a picture or a link.
    """
    root = ET.fromstring(drawing)  # noqa: S314 -- our own drawing
    _clean(root)
    for attribute in ("width", "height"):
        del root.attrib[attribute]  # the page's layout sets the size, and the view box sets the proportions
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
    """Whether the element is an empty background or foreground by Vega, or a label that did not fit."""
    return element.get("display") == "none" or element.get("opacity") == "0" or element.get("d") in {"", "M0,0h0v0h0Z"}
