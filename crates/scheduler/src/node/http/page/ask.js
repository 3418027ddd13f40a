// What is asked of the node. Reading needs nothing; a change needs the token, which this tab keeps and no other.

import { fault } from "./words.js";

const KEY = "scheduler-token";

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  keep: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

/** What the node refused, or that it did not answer. */
export class Refused extends Error {
  constructor(status, error) {
    // Of the token people hear what is wrong; in which header it goes is between this page and the node.
    super(error.code === "token" ? error.what : fault(error));
    this.status = status;
    this.code = error.code;
  }
}

const SILENT = { code: "silent", place: "this node", what: "it does not answer", remedy: "it is asked again" };

/** The answer to a request, however it ends. */
async function request(path, options) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(75000), ...options });
  } catch {
    throw new Refused(0, SILENT);
  }
  if (answer.ok || answer.status === 304) return answer;
  const said = await answer.json().catch(() => null);
  throw new Refused(answer.status, said?.error ?? { ...SILENT, what: `it answers ${answer.status}` });
}

/** Something that is asked for again and again: its body comes only when it has changed. */
export class Asked {
  #path;
  #tag = null;
  /** The last body. */
  body = null;
  /** How far the store's clock is ahead of this one's, in milliseconds. */
  ahead = 0;

  constructor(path) {
    this.#path = path;
  }

  /** Asks once. Returns the body, be it new or not. */
  async ask() {
    const headers = this.#tag === null ? {} : { "If-None-Match": this.#tag };
    const answer = await request(this.#path, { headers });
    const time = answer.headers.get("X-Store-Time");
    if (time !== null) this.ahead = Date.parse(time) - Date.now();
    if (answer.status !== 304) {
      this.body = await answer.json();
      this.#tag = answer.headers.get("ETag");
    }
    return this.body;
  }
}

/** Asks for a change. */
async function change(path, body) {
  const headers = { "Content-Type": "application/json" };
  if (token.get() !== "") headers.Authorization = `Bearer ${token.get()}`;
  const answer = await request(path, { method: "POST", headers, body: JSON.stringify(body) });
  return answer.json();
}

export const cancel = (id) => change(`/api/tasks/${id}/cancel`, {});

/** `word` is `approve` or `deny`. */
export const answer = (id, word) => change(`/api/tasks/${id}/answer`, { answer: word });
