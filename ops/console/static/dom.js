// Builds and updates elements. Every text goes through text nodes, so no markup of an event is ever interpreted.

export const byId = id => document.getElementById(id);

/**
 * Returns a new element.
 * @param {string} tag its name, with an optional class: "p.note"
 * @param {object} attributes functions are listeners ({click: f}); null and false leave an attribute out
 * @param {...(Node|string|null|Array)} children
 */
export function element(tag, attributes = {}, ...children) {
    const [name, ...classes] = tag.split(".");
    const made = document.createElement(name);
    if (classes.length) made.className = classes.join(" ");
    for (const [key, value] of Object.entries(attributes)) {
        if (typeof value === "function") made.addEventListener(key, value);
        else if (value === true) made.setAttribute(key, "");
        else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
    }
    made.append(...children.flat().filter(each => each !== null && each !== undefined && each !== false));
    return made;
}

/**
 * Returns a function that calls `draw` in the next frame, once per frame however often it is called. Between two calls of
 * `draw` there are at least `pause_ms`, so that a flood of events leaves time for the reader's input.
 */
export function inFrame(draw, pause_ms = 0) {
    let isPlanned = false;
    let drawnAt = -Infinity;
    const plan = () =>
        requestAnimationFrame(now => {
            isPlanned = false;
            drawnAt = now;
            draw();
        });
    return () => {
        if (isPlanned) return;
        isPlanned = true;
        const pause = drawnAt + pause_ms - performance.now();
        if (pause > 0) setTimeout(plan, pause);
        else plan();
    };
}

/** Returns a function that calls `act` once, `delay_ms` after the first of several calls. */
export function delayed(act, delay_ms) {
    let timer = null;
    return () => {
        timer ??= setTimeout(() => {
            timer = null;
            act();
        }, delay_ms);
    };
}

const shown = new WeakMap();

/**
 * Makes the children of `parent` those of `items`. A child whose item has not changed is kept as it is, with its focus,
 * selection and open details. In a child that is rebuilt, the control with the same name gets the focus again.
 */
export function reconcile(parent, items, keyOf, build) {
    const before = new Map([...parent.children].map(child => [child.dataset.key, child]));
    const wanted = items.map(item => {
        const key = String(keyOf(item));
        const content = JSON.stringify(item);
        const old = before.get(key);
        if (old && shown.get(old) === content) return old;
        const made = build(item);
        made.dataset.key = key;
        shown.set(made, content);
        if (old?.contains(document.activeElement)) refocus.push([made, document.activeElement.dataset.control]);
        return made;
    });
    const isSame = wanted.length === parent.children.length && wanted.every((each, at) => parent.children[at] === each);
    if (!isSame) parent.replaceChildren(...wanted);
    for (const [made, control] of refocus.splice(0)) {
        const controls = [...made.querySelectorAll(control ? "[data-control]" : "button, input")];
        (control ? controls.find(each => each.dataset.control === control) : controls[0])?.focus();
    }
}
const refocus = [];

/** Returns the text as nodes, with what is between backticks as code. */
export function prose(text) {
    return String(text ?? "")
        .split("`")
        .map((part, at) => (at % 2 ? element("code", {}, part) : part))
        .filter(Boolean);
}

/** Sets the text only if it differs, so that live regions do not repeat it. */
export function setText(target, text) {
    if (target.textContent !== text) target.textContent = text;
}

let latest = "";
let announcing = null;
const ANNOUNCE_EVERY_MS = 4000;

/** Reads a text to screen readers: the latest of several in a few seconds, so that they are not flooded. */
export function announce(text) {
    latest = text;
    announcing ??= setTimeout(
        () => {
            announcing = null;
            byId("announcer").textContent = latest;
        },
        byId("announcer").textContent ? ANNOUNCE_EVERY_MS : 200,
    );
}
