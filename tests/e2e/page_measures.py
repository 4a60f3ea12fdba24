"""Measurements of a page, as JavaScript that the browser runs."""

# The contrast ratio between an element and its background, with relative luminance as WCAG 2 defines it.
CONTRASTS = """() => {
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || ["title", "desc"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const paint = element.closest("svg") ? style.fill : style.color;
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    found.push([isLarge ? "large" : "text", node.data.trim().slice(0, 40), ratio(colour(paint), behind(element))]);
  }
  for (const path of document.querySelectorAll("svg path[fill]")) {
    if (!path.checkVisibility() || getComputedStyle(path).fill === "none") continue;
    found.push(["shape", path.getAttribute("fill"), ratio(colour(getComputedStyle(path).fill), behind(path))]);
  }
  for (const mark of document.querySelectorAll(".key i")) {
    const paint = getComputedStyle(mark).backgroundColor;
    found.push(["shape", mark.className, ratio(colour(paint), behind(mark.parentElement))]);
  }
  return found;
}"""

# Elements that extend beyond an edge of the page, except those that scroll horizontally by themselves.
OVERFLOWING = """() => [...document.body.querySelectorAll("*")]
  .filter(each => each.checkVisibility() && !each.closest(".scroller > *"))
  .map(each => [each, each.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.right > document.documentElement.clientWidth + 0.5 || box.left < -0.5))
  .map(([each, box]) => `${each.tagName} ${each.textContent.trim().slice(0, 40)} ${box.left}..${box.right}`)"""

OVERLAPPING_TEXTS = """() => [...document.querySelectorAll("svg")].filter(svg => svg.checkVisibility()).flatMap(svg => {
  const boxes = [...svg.querySelectorAll("text")].filter(each => each.textContent)
    .map(each => [each.textContent, each.getBoundingClientRect()]);
  return boxes.flatMap(([text, one], at) => boxes.slice(at + 1)
    .filter(([, other]) => one.left < other.right - 1 && other.left < one.right - 1
      && one.top < other.bottom - 4 && other.top < one.bottom - 4)
    .map(([other]) => `${text} / ${other}`));
})"""

RENDITIONS = """() => [...document.querySelectorAll(".chart")].map(chart => [
  chart.getBoundingClientRect().width,
  [...chart.children].filter(each => each.checkVisibility()).map(each => each.className),
  [...chart.querySelectorAll("svg")].filter(svg => svg.checkVisibility()).flatMap(svg => {
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return [...svg.querySelectorAll("text")].map(text => parseFloat(getComputedStyle(text).fontSize) * scale);
  }),
])"""
