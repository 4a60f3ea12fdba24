// Formats values for the page. Amounts stay text: a float could not represent all of them.

const THIN = "\u202f";
const MINUS = "\u2212";

/** Returns an amount with its digits in groups: "1234.50" becomes "1 234.50". */
export function money(text) {
    if (text === null || text === undefined || text === "") return "";
    const [, sign, whole, rest] = /^(-?)(\d*)(.*)$/.exec(String(text));
    return (sign ? MINUS : "") + whole.replace(/\B(?=(\d{3})+$)/g, THIN) + rest;
}

/** Returns a change of a balance with its sign. */
export function change(kind, amount) {
    const known = kindOf(kind);
    if (!amount || (known !== "credit" && known !== "withdrawal")) return "";
    return (known === "credit" ? "+" : MINUS) + money(String(amount).replace(/^[-+]/, ""));
}

const KINDS = {
    CREATED: "opened",
    AccountCreated: "opened",
    CREDIT: "credit",
    BalanceCredited: "credit",
    WITHDRAW: "withdrawal",
    BalanceWithdrawn: "withdrawal",
    SNAPSHOT: "snapshot",
};

/** Returns the page's word for a row's or an event's kind: opened, credit, withdrawal or snapshot. */
export function kindOf(kind) {
    return KINDS[kind] ?? String(kind).toLowerCase();
}

/** Returns the word before the other account of a transfer. */
export const direction = kind => (kindOf(kind) === "credit" ? "from" : "to");

export const count = number => String(number).replace(/\B(?=(\d{3})+$)/g, THIN);

export const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** Returns a sentence about the events that an account's gap lacks, "5" or "5 to 7". */
export const waitsFor = missing =>
    `The read model waits for ${missing.includes(" ") ? "events" : "event"} ${missing}. Later events are buffered.`;

/** Returns a duration in a few characters. */
export function duration(ms) {
    if (ms === null || ms === undefined) return "";
    if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
    const s = ms / 1000;
    if (s < 10) return `${s.toFixed(1)} s`;
    if (s < 120) return `${Math.round(s)} s`;
    const min = Math.floor(s / 60);
    if (min < 120) return `${min} min`;
    const h = Math.floor(min / 60);
    return h < 48 ? `${h} h` : `${Math.floor(h / 24)} days`;
}

/** Returns the parts of an ISO time in UTC; null if it is none. */
function parts(iso) {
    const time = iso ? new Date(/(Z|[+-]\d\d:?\d\d)$/.test(iso) ? iso : `${iso}Z`) : null;
    return time && !Number.isNaN(time.getTime()) ? time.toISOString() : null;
}

/** Returns the time of day, with milliseconds if asked for. */
export function clock(iso, isExact = false) {
    const found = parts(iso);
    return found ? found.slice(11, isExact ? 23 : 19) : "";
}

/** Returns the time of day, with the date in front if it is not today. */
export function moment(iso) {
    const found = parts(iso);
    if (!found) return "";
    const isToday = found.slice(0, 10) === new Date().toISOString().slice(0, 10);
    return isToday ? found.slice(11, 19) : `${found.slice(0, 10)} ${found.slice(11, 19)}`;
}

const SHORT_MAX = 12;

/** Returns the beginning of a long id. */
export const shortId = id => (id.length > SHORT_MAX ? `${id.slice(0, 8)}…` : id);
