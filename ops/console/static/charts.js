// The charts of a day, drawn by the server from the lake.

import { ask } from "./api.js";
import { announce, byId, element, prose } from "./dom.js";
import { counted, money } from "./format.js";

const FORBIDDEN = "script, foreignObject, image, a, use, style, iframe";
const COLOURS = [
    ["in", "credit or inflow"],
    ["out", "withdrawal or outflow"],
    ["opened", "account opened"],
];
let isLoading = false;

async function load(day = "") {
    if (isLoading) return;
    isLoading = true;
    const button = byId("charts-draw");
    button.setAttribute("aria-disabled", "true");
    report("Reading the lake.");
    try {
        let found = await ask(address(day));
        // Without a day, the server draws the last complete one. On the first day there is only today.
        if (!found.day && found.days.length && !day) found = await ask(address(found.days[0]));
        draw(found);
    } catch (problem) {
        report(`${problem.message} ${problem.advice}`);
    } finally {
        isLoading = false;
        button.removeAttribute("aria-disabled");
    }
}

const address = day => `/api/charts${day ? `?${new URLSearchParams({ day })}` : ""}`;

function report(text) {
    byId("charts").replaceChildren(element("p.nothing", {}, prose(text)));
    announce(text);
}

function draw({ day, days = [], charts = [], note }) {
    byId("charts-day-label").hidden = days.length === 0;
    byId("charts-day").replaceChildren(
        ...days.map(each => element("option", { value: each, selected: each === day }, each)),
    );
    byId("charts-draw").textContent = "Draw again";
    if (!charts.length)
        return report(
            note || "The lake has no events on this day. Events reach it about a minute after their command.",
        );
    announce(`${counted(charts.length, "chart")} of ${day}.`); // not all of their figures
    byId("charts").replaceChildren(
        ...(note ? [element("p.note", {}, prose(note))] : []),
        element(
            "p.key",
            {},
            COLOURS.map(([name, text]) => element("span", {}, element(`i.${name}`), text)),
        ),
        element("div.panels", {}, charts.map(figure)),
    );
}

function figure({ title, unit, svg, svg_narrow, table }, number) {
    return element(
        "figure",
        {},
        element("figcaption", {}, element("strong", { id: `chart-${number}` }, title), element("span", {}, unit ?? "")),
        element(
            "div.chart",
            {},
            svg_narrow
                ? [element("div.wide", {}, drawing(svg)), element("div.narrow", {}, drawing(svg_narrow))]
                : drawing(svg),
        ),
        table &&
            element(
                "details",
                {},
                element("summary", {}, "In figures", element("span.unseen", {}, `: ${title}`)),
                element(
                    "div.scroller",
                    { role: "region", "aria-label": `${title}, in figures`, tabindex: "0" },
                    figures(table),
                ),
            ),
    );
}

/** Returns the drawing as an element; an empty element if it has anything but shapes and text. */
function drawing(svg) {
    const root = new DOMParser().parseFromString(svg ?? "", "image/svg+xml").documentElement;
    const isSafe =
        root.localName === "svg" &&
        !root.querySelector(FORBIDDEN) &&
        ![...root.querySelectorAll("*"), root].some(each =>
            [...each.attributes].some(({ name }) => /^(on|href|xlink|style)/i.test(name)),
        );
    return isSafe
        ? document.importNode(root, true)
        : element("p.nothing", {}, "The chart could not be drawn. Its figures are below.");
}

function figures({ columns, rows }) {
    const isText = at => rows.every(row => !/^[-+\u2212]?[\d\u202f .,]+$/.test(String(row[at] ?? "")));
    const cell = (value, at) =>
        at === 0
            ? element("th", { scope: "row" }, String(value))
            : element(isText(at) ? "td.text" : "td", {}, isText(at) ? String(value ?? "") : money(value));
    return element(
        "table.figures",
        {},
        element(
            "thead",
            {},
            element(
                "tr",
                {},
                columns.map((name, at) => element(at && !isText(at) ? "th.number" : "th", { scope: "col" }, name)),
            ),
        ),
        element(
            "tbody",
            {},
            rows.map(row => element("tr", {}, row.map(cell))),
        ),
    );
}

export function listenToCharts() {
    byId("charts-draw").addEventListener("click", () => load(byId("charts-day").value));
    byId("charts-day").addEventListener("change", () => load(byId("charts-day").value));
}
