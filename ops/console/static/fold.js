// The fold, step by step: a slider over the rows that a read folds, and the state after each.

import { byId, element, setText } from "./dom.js";
import { change, counted, kindOf, money } from "./format.js";
import { markStep } from "./rows.js";

const BAR_LEAST_PERCENT = 3;
let steps = [];
let account = null;
let at = 0;

export function drawFold(found) {
    const box = byId("account-fold");
    if (!box.firstChild) box.append(...skeleton());
    const isAtEnd = account !== found.account_id || at >= steps.length - 1;
    const version = steps[at]?.version;
    account = found.account_id;
    steps = found.steps;
    const kept = steps.findIndex(step => step.version === version);
    at = isAtEnd || kept < 0 ? steps.length - 1 : kept;
    box.hidden = steps.length === 0;
    if (!steps.length) return;
    setText(
        byId("fold-note"),
        `${begins(steps[0])} ${counted(steps.length - 1, "event is", "events are")} folded into it. ` +
            "Move the slider to see the state after each step.",
    );
    const slider = byId("fold-slider");
    slider.max = String(steps.length - 1);
    slider.disabled = steps.length === 1;
    byId("fold-bars").replaceChildren(...bars());
    byId("fold-steps").replaceChildren(...steps.map(row));
    show();
}

function skeleton() {
    return [
        element("h3", { id: "fold-title" }, "The fold, step by step"),
        element("p.note", { id: "fold-note" }),
        element("p.fold-state", { id: "fold-state" }),
        element(
            "div.fold-slide",
            {},
            element("div.fold-bars", { id: "fold-bars", "aria-hidden": "true" }),
            element("input", {
                id: "fold-slider",
                type: "range",
                min: "0",
                step: "1",
                "aria-label": "Step of the fold",
                input: slide,
            }),
        ),
        element(
            "div.scroller",
            { role: "region", "aria-labelledby": "fold-title", tabindex: "0" },
            element(
                "table.figures",
                {},
                element("caption.unseen", {}, "Steps of the fold"),
                element(
                    "thead",
                    {},
                    element(
                        "tr",
                        {},
                        ["Version", "Event", "Step", "Change", "Balance after"].map((name, number) =>
                            element(number === 2 ? "th" : "th.number", { scope: "col" }, name),
                        ),
                    ),
                ),
                element("tbody", { id: "fold-steps" }),
            ),
        ),
    ];
}

const begins = first =>
    kindOf(first.kind) === "snapshot"
        ? `The state begins with the snapshot in version ${first.version}.`
        : `The account has no snapshot yet, so the state begins with version ${first.version}.`;

/** A bar for each step, centred where the slider's thumb stands at that step. Heights are drawn with floats. */
function bars() {
    const heights = steps.map(step => Math.abs(Number(step.balance)) || 0);
    const highest = Math.max(...heights, 1e-9);
    return heights.map((height, number) => {
        const bar = element("span.bar");
        const part = steps.length === 1 ? 0 : number / (steps.length - 1);
        bar.style.left = `calc((100% - var(--thumb)) * ${part} + var(--thumb) / 2)`;
        bar.style.height = `${Math.max(BAR_LEAST_PERCENT, (height / highest) * 100)}%`;
        return bar;
    });
}

function row(step, number) {
    return element(
        `tr.${kindOf(step.kind)}`,
        { "data-step": number },
        element("th.number", { scope: "row" }, String(step.version)),
        element("td", {}, String(step.sequence)),
        element("td.text", {}, kindOf(step.kind) === "snapshot" ? "begins with the snapshot" : kindOf(step.kind)),
        element("td.amount", {}, change(step.kind, step.amount)),
        element("td", {}, money(step.balance)),
    );
}

function slide() {
    at = Number(byId("fold-slider").value);
    show();
}

function show() {
    const step = steps[at];
    const slider = byId("fold-slider");
    slider.value = String(at);
    const what = kindOf(step.kind);
    slider.setAttribute(
        "aria-valuetext",
        `Version ${step.version}, ${[what, money(step.amount)].join(" ").trim()}: ` +
            `balance ${money(step.balance)} ${step.currency}, event ${step.sequence}`,
    );
    const done = `${what} ${change(step.kind, step.amount)}`.trim();
    byId("fold-state").replaceChildren(
        element("strong", {}, `${money(step.balance)} ${step.currency}`),
        element("span.aside", {}, ` after version ${step.version}, ${done}, event ${step.sequence}`),
    );
    [...byId("fold-bars").children].forEach((bar, number) => bar.classList.toggle("done", number <= at));
    for (const each of byId("fold-steps").children) {
        each.classList.toggle("later", Number(each.dataset.step) > at);
        each.classList.toggle("now", Number(each.dataset.step) === at);
        if (Number(each.dataset.step) === at) each.setAttribute("aria-current", "step");
        else each.removeAttribute("aria-current");
    }
    markStep(step.version);
}
