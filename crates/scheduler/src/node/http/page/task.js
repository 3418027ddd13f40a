// One task: the whole chain of what it waits for, and what may be done with it. A change is asked for twice, and refused by the
// node unless this tab has the token.

import { answer, Asked, cancel, token } from "./ask.js";
import { ago, el, say, span, words } from "./words.js";

const EVERY = 3000;
const REFERENCE = /\b(job|project update|inventory update|ad hoc command|system job|workflow job|workflow approval) (\d+)\b/g;

const box = document.getElementById("task");
const part = (id) => document.getElementById(id);
let asked = null;
let id = null;
let timer = 0;
let doing = null;
let clock = () => Date.now();
let shownChain = "";

/** `now()` is the store's time; `changed()` is called after a change; `wantsToken()` when the node asks for one. */
export function prepare({ now, changed, wantsToken }) {
  clock = now;
  box.querySelector(".close").addEventListener("click", () => box.close());
  box.addEventListener("click", (event) => event.target === box && box.close());
  box.addEventListener("close", closed);
  const name = () => part("task-title").textContent;
  part("cancel").addEventListener("click", () => confirm(`Cancel ${name()}?`, "Cancel it", () => cancel(id)));
  part("approve").addEventListener("click", () => confirm(`Approve ${name()}, so that its workflow goes on?`, "Approve", () => answer(id, "approve")));
  part("deny").addEventListener("click", () => confirm(`Deny ${name()}, so that it fails?`, "Deny", () => answer(id, "deny")));
  part("confirm-no").addEventListener("click", () => unconfirm());
  part("confirm-yes").addEventListener("click", async () => {
    const action = doing;
    unconfirm();
    await act(action, changed, wantsToken);
  });
}

/** Opens the task; `row` is what the last overview knows of it, if anything. */
export function open(wanted, row) {
  if (id === wanted && box.open) return;
  id = wanted;
  asked = new Asked(`/api/tasks/${id}`);
  shownChain = "";
  say(part("task-said"), "");
  part("task-facts").replaceChildren();
  part("task-chain").replaceChildren(el("li", "calm", "asking…"));
  unconfirm();
  if (row) show(row);
  else {
    say(part("task-title"), `task ${id}`);
    for (const name of ["approve", "deny", "cancel"]) part(name).hidden = true;
  }
  if (!box.open) box.showModal();
  load();
}

export const close = () => box.open && box.close();

function closed() {
  clearTimeout(timer);
  id = null;
  asked = null;
  if (location.hash !== "") history.replaceState(null, "", location.pathname);
}

async function load() {
  clearTimeout(timer);
  const mine = asked;
  try {
    const body = await mine.ask();
    if (mine !== asked) return;
    show(body.task);
    chain(body.chain);
    if (part("task-said").dataset.from === "load") said("", "");
  } catch (refused) {
    if (mine !== asked) return;
    if (refused.status === 404) part("task-chain").replaceChildren();
    said(refused.message, "bad", "load");
    if (refused.status === 404) return;
  }
  timer = setTimeout(load, document.hidden ? EVERY * 4 : EVERY);
}

function said(text, tone, from = "act") {
  const place = part("task-said");
  say(place, text);
  place.dataset.tone = tone;
  place.dataset.from = from;
}

function show(task) {
  say(part("task-title"), `${words(task.kind)} ${task.id} ${task.name}`.trim());
  const now = clock();
  const facts = [
    ["status", task.status + (task.cancel_requested && task.finished === null ? ", asked to cancel" : "")],
    ["where", task.place],
    ["launched", ago(task.created, now)],
    ["started", ago(task.started, now)],
    ["ended", ago(task.finished, now)],
    ["took", task.started && task.finished ? span(Date.parse(task.finished) - Date.parse(task.started)) : ""],
    ["priority", String(task.priority)],
    ["costs", `${task.impact} ${task.impact === 1 ? "fork" : "forks"}`],
    ["why", task.explanation],
  ];
  const pairs = facts.filter(([, value]) => value !== "").flatMap(([name, value]) => [el("dt", "", name), el("dd", "", value)]);
  if (task.workflow !== null) {
    const value = el("dd");
    value.append(reference(`workflow job ${task.workflow}`, task.workflow));
    pairs.push(el("dt", "", "part of"), value);
  }
  part("task-facts").replaceChildren(...pairs);
  part("cancel").hidden = task.finished !== null || task.cancel_requested;
  part("approve").hidden = part("deny").hidden = !task.answerable;
}

/** A line each; tasks in it can be followed. */
function chain(lines) {
  if (lines.join("\n") === shownChain) return;
  shownChain = lines.join("\n");
  part("task-chain").replaceChildren(
    ...lines.map((line) => {
      const item = el("li", line.startsWith(" ") ? "step" : "");
      const text = line.trim();
      let from = 0;
      for (const found of text.matchAll(REFERENCE)) {
        item.append(text.slice(from, found.index));
        const other = Number(found[2]);
        item.append(other === id ? found[0] : reference(found[0], other));
        from = found.index + found[0].length;
      }
      item.append(text.slice(from));
      return item;
    }),
  );
}

function reference(text, other) {
  const link = el("a", "", text);
  link.href = `#task=${other}`;
  return link;
}

function confirm(question, yes, action) {
  doing = action;
  said("", "");
  say(part("confirm-what"), question);
  say(part("confirm-yes"), yes);
  part("confirm-yes").className = yes === "Approve" ? "good" : "bad";
  part("confirm").hidden = false;
  part("task-actions").hidden = true;
  part("confirm-no").focus();
}

function unconfirm() {
  doing = null;
  part("confirm").hidden = true;
  part("task-actions").hidden = false;
}

async function act(action, changed, wantsToken) {
  const about = id;
  said("asking…", "");
  try {
    const done = await action();
    const words = { requested: "asked to cancel", canceled: "canceled; nobody had taken it up yet", recorded: "your word is recorded" };
    if (about === id) said(words[done.result] ?? done.result, "good");
    changed();
  } catch (refused) {
    if (about === id) said(refused.message, "bad");
    if (refused.status === 401) {
      token.forget();
      wantsToken(refused.message);
    }
  }
  if (about === id) load();
}
