// Controls that several parts of the page share.

import { choose } from "./choice.js";
import { announce, element } from "./dom.js";
import { shortId } from "./format.js";

const CONFIRMED_MS = 2000;

/** Returns a command for the terminal with a button that copies it; nothing if there is no command. */
export function command(text, label = "Copy") {
    if (!text) return null;
    const button = element(
        "button.quiet.copy",
        { type: "button", "data-control": `copy ${text}`, click: copy },
        element("span", {}, label),
        element("span.unseen", {}, ` the command: ${text}`),
    );
    async function copy() {
        const words = button.firstChild;
        try {
            await navigator.clipboard.writeText(text);
            words.textContent = "Copied";
            announce("The command was copied.");
        } catch {
            words.textContent = "Select it";
            getSelection().selectAllChildren(code);
        }
        setTimeout(() => {
            words.textContent = label;
        }, CONFIRMED_MS);
    }
    const code = element("code", {}, text);
    return element("div.command", {}, code, button);
}

/** Returns the name of an entry in the runbook. */
export function runbook(anchor) {
    return anchor ? element("p.aside", {}, "Runbook: ", element("code", {}, `docs/runbook.md#${anchor}`)) : null;
}

/** Returns a button that chooses an account. */
export function accountLink(account_id) {
    return element(
        "button.link",
        { type: "button", title: account_id, "data-control": `account ${account_id}`, click: () => choose(account_id) },
        shortId(account_id),
    );
}

const LONG = 20;

/** Returns a list of the names and values that exist: texts or elements. Long texts, such as ids, get two columns. */
export function factList(facts) {
    const known = Object.entries(facts).filter(([, value]) => value || value === 0);
    return element(
        "dl.facts",
        {},
        known.map(([name, value]) =>
            element(
                String(value).length > LONG ? "div.long-fact" : "div",
                {},
                element("dt", {}, name),
                element("dd", {}, value instanceof Node ? value : String(value)),
            ),
        ),
    );
}
