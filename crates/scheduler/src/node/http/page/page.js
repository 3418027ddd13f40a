// Asks the node for its overview every second while somebody can see the page, and shows it. A hidden page asks nothing.

import { Asked, token } from "./ask.js";
import * as tables from "./tables.js";
import { Table } from "./rows.js";
import * as task from "./task.js";
import { el, fault, number, say, since, words } from "./words.js";

const EVERY = 1000;
const SLOWEST = 10000;

const part = (id) => document.getElementById(id);
const overview = new Asked("/api/overview");
const open = (id) => (location.hash = `#task=${id}`);
const asked = new Table(part("asked"), tables.RUNNING, open);
const queue = new Table(part("queue"), tables.QUEUE, open);
const running = new Table(part("running"), tables.RUNNING, open);
const ended = new Table(part("ended"), tables.ENDED, open);

let timer = 0;
let asking = false;
let failures = 0;
let reason = "";

/** The store's time, by this machine's clock. */
const now = () => Date.now() + overview.ahead;

async function round() {
  clearTimeout(timer);
  if (document.hidden || asking) return;
  asking = true;
  try {
    await overview.ask();
    failures = 0;
    stand(overview.body.stale === null ? "live" : "stale", overview.body.stale);
  } catch (refused) {
    failures += 1;
    stand("gone", { place: "", what: refused.message, remedy: "" });
  }
  asking = false;
  show();
  timer = setTimeout(round, Math.min(SLOWEST, EVERY * 2 ** Math.max(0, failures - 1)));
}

/** How current is what is shown. */
function stand(state, why) {
  part("state").dataset.state = state;
  say(part("state"), { live: "live", stale: "stale", gone: "no answer" }[state]);
  document.body.dataset.state = state;
  const banner = part("banner");
  banner.hidden = state === "live";
  if (state === "live") return;
  const old = overview.body === null ? "" : ` Shown is what was seen ${since(overview.body.now, now())} ago.`;
  say(banner, `${fault(why)}.${old}`);
}

function show() {
  const body = overview.body;
  if (body === null) return;
  const by = body.served_by;
  say(part("served-by"), [by.node, by.program].filter((words) => words !== "").join(" · "));
  for (const name of ["pending", "waiting", "running"]) say(part(`count-${name}`), number(body.counts[name]));
  say(part("count-outbox"), number(body.outbox.messages));
  document.title = `${number(body.counts.pending)} pending, ${number(body.counts.running)} running – scheduler`;
  rights();
  reasons(body.holds);
  const test = matching();
  const moment = now();
  const open = body.holding.tasks.filter((task) => task.answerable);
  part("asked").hidden = open.length === 0;
  asked.show(open, open.length, moment, test, "");
  queue.show(body.pending.tasks, body.pending.total, moment, test, "nothing waits");
  running.show(body.holding.tasks, body.holding.total, moment, test, "nothing runs");
  ended.show(body.finished, body.finished.length, moment, test, "nothing has ended yet");
  tables.groups(part("groups"), body.groups);
  tables.nodes(part("nodes"), body.nodes, moment);
}

/** What the filter, the kind and the reason let through. */
function matching() {
  const wanted = part("filter").value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const kind = part("kind").value;
  return (task) => {
    if (kind !== "" && task.kind !== kind) return false;
    if (reason !== "" && task.hold?.token !== reason) return false;
    const text = [task.id, task.name, words(task.kind), task.status, task.place, task.hold?.sentence, words(task.hold?.token ?? ""), task.explanation].join(" ").toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
}

/** A button for each reason for which tasks are held. */
function reasons(holds) {
  const list = part("reasons");
  const known = new Map([...list.children].map((button) => [button.dataset.token, button]));
  if (reason !== "" && !(reason in holds)) reason = "";
  for (const [token, many] of Object.entries(holds)) {
    const button = known.get(token) ?? list.appendChild(el("button", "reason"));
    known.delete(token);
    if (button.dataset.token === undefined) {
      button.type = "button";
      button.dataset.token = token;
      button.addEventListener("click", () => {
        reason = reason === token ? "" : token;
        show();
      });
    }
    button.ariaPressed = String(reason === token);
    say(button, `${words(token)} ${number(many)}`);
  }
  for (const button of known.values()) button.remove();
}

/** What the button about the token says. */
function rights() {
  const changes = overview.body?.served_by.changes ?? false;
  const words = !changes ? "read-only" : token.get() === "" ? "read-only: give token" : "changes allowed";
  say(part("token-button"), words);
  part("token-button").dataset.may = changes && token.get() !== "" ? "yes" : "no";
}

function wantsToken(why) {
  const changes = overview.body?.served_by.changes ?? false;
  const about = changes
    ? "Whoever has the token that this node was started with may cancel tasks and answer approvals. It stays in this tab and is gone when you close it."
    : "Changes are not allowed on this node: it was started without a token. Start it with --http-token-file FILE, or with SCHEDULER_HTTP_TOKEN in its environment.";
  say(part("token-about"), why ?? about);
  part("token-form").hidden = !changes;
  if (!part("token").open) part("token").showModal();
}

function route() {
  const found = /^#task=(-?\d+)$/.exec(location.hash);
  if (found === null) return task.close();
  const id = Number(found[1]);
  const body = overview.body;
  const all = body === null ? [] : [...body.pending.tasks, ...body.holding.tasks, ...body.finished];
  task.open(id, all.find((row) => row.id === id));
}

part("token-button").addEventListener("click", () => wantsToken());
part("token").querySelector(".close").addEventListener("click", () => part("token").close());
part("token-forget").addEventListener("click", () => {
  token.forget();
  part("token-field").value = "";
  part("token").close();
  rights();
});
part("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = part("token-field").value.trim();
  if (given !== "") token.keep(given);
  part("token-field").value = "";
  part("token").close();
  rights();
});
part("filter").addEventListener("input", show);
part("filter").addEventListener("keydown", (event) => {
  const id = part("filter").value.trim();
  if (event.key === "Enter" && /^\d+$/.test(id)) open(id);
  if (event.key === "Escape") {
    part("filter").value = "";
    show();
    part("filter").blur();
  }
});
part("kind").addEventListener("change", show);
document.addEventListener("keydown", (event) => {
  const writes = event.target.closest("input, select, dialog") !== null;
  if (event.key === "/" && !writes) {
    event.preventDefault();
    part("filter").focus();
  }
  if ((event.key === "ArrowDown" || event.key === "j") && event.target === document.body) {
    event.preventDefault();
    document.querySelector("section:not([hidden]) .lead[tabindex='0']")?.focus();
  }
});
document.addEventListener("visibilitychange", round);
window.addEventListener("hashchange", route);
task.prepare({ now, changed: round, wantsToken });
await round();
route();
