// Requests to the console's own server.

/** What the server refused, or that it did not answer (status 0). `advice` states what to do. */
export class Problem extends Error {
    constructor(status, { code = "", message = "", advice = "" } = {}) {
        super(message || `The console answered with status ${status}.`);
        this.status = status;
        this.code = code;
        this.advice = advice;
    }
}

export const NO_ANSWER = {
    code: "no_answer",
    message: "The console does not answer.",
    advice: "It may have been stopped. Start it again, and open the address that it prints.",
};

export async function problemOf(response) {
    let found = {};
    try {
        found = await response.json();
    } catch {
        // A proxy or a crash answers without JSON. The status remains.
    }
    return new Problem(response.status, found);
}

/**
 * Returns the JSON that the server answers.
 * @throws {Problem}
 */
export async function ask(path, body) {
    const options =
        body === undefined
            ? {}
            : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    let response;
    try {
        response = await fetch(path, { cache: "no-store", ...options });
    } catch {
        throw new Problem(0, NO_ANSWER);
    }
    if (!response.ok) throw await problemOf(response);
    try {
        const text = await response.text();
        return text ? JSON.parse(text) : null;
    } catch {
        throw new Problem(0, NO_ANSWER);
    }
}
