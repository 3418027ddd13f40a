// Which columns there are, and the bars of groups and nodes.

import { ago, el, number, say, since, span, tone, words } from "./words.js";

const TASK = { title: "task", lead: true, text: (task) => `${task.id} ${task.name}`, order: (task) => task.id };
const KIND = { title: "kind", text: (task) => words(task.kind) };

export const QUEUE = [
  TASK,
  KIND,
  { title: "priority", number: true, text: (task) => String(task.priority), order: (task) => -task.priority },
  { title: "for", text: (task, now) => since(task.created, now), order: (task) => Date.parse(task.created) },
  {
    title: "why",
    wide: true,
    tone: (task) => (task.hold === null ? ["calm", "new"] : task.hold.never ? ["bad", "never runs"] : ["calm", words(task.hold.token)]),
    text: (task) => task.hold?.sentence ?? "no pass has looked at it yet",
  },
  {
    title: "since",
    text: (task, now) => ago(task.hold?.since ?? null, now),
    order: (task) => Date.parse(task.hold?.since ?? task.created),
  },
];

export const RUNNING = [
  TASK,
  KIND,
  {
    title: "status",
    tone: (task) => [tone(task.status), task.status],
    text: (task) => (task.cancel_requested ? "asked to cancel" : ""),
    order: (task) => task.status,
  },
  { title: "where", wide: true, text: (task) => task.place },
  {
    title: "for",
    text: (task, now) => since(task.started ?? task.created, now),
    order: (task) => Date.parse(task.started ?? task.created),
  },
];

export const ENDED = [
  TASK,
  KIND,
  { title: "status", tone: (task) => [tone(task.status), task.status], text: () => "", order: (task) => task.status },
  { title: "when", text: (task, now) => ago(task.finished, now), order: (task) => -Date.parse(task.finished) },
  {
    title: "took",
    text: (task) => (task.started && task.finished ? span(Date.parse(task.finished) - Date.parse(task.started)) : ""),
    order: (task) => Date.parse(task.finished) - Date.parse(task.started ?? task.finished),
  },
  { title: "why", wide: true, text: (task) => task.explanation },
];

/** A list of bars, one an entry of `rows`: name, used, of, note, about, tone. */
function bars(list, rows) {
  while (list.children.length > rows.length) list.lastElementChild.remove();
  while (list.children.length < rows.length) {
    const item = list.appendChild(el("li"));
    const line = item.appendChild(el("p", "line"));
    line.append(el("span", "name"), el("span", "badge"), el("span", "use"));
    const bar = item.appendChild(el("div", "bar"));
    bar.role = "meter";
    bar.ariaValueMin = "0";
    bar.append(el("div", "full"));
    item.append(el("p", "note"));
  }
  for (const [at, row] of rows.entries()) {
    const item = list.children[at];
    const share = row.of > 0 ? Math.min(1, row.used / row.of) : 0;
    say(item.querySelector(".name"), row.name);
    say(item.querySelector(".use"), row.of > 0 ? `${number(row.used)} of ${number(row.of)}` : number(row.used));
    say(item.querySelector(".note"), row.note);
    const badge = item.querySelector(".badge");
    say(badge, row.badge);
    badge.hidden = row.badge === "";
    badge.dataset.tone = row.tone;
    const bar = item.querySelector(".bar");
    bar.ariaLabel = `${row.name}: forks in use`;
    bar.ariaValueNow = String(row.used);
    bar.ariaValueMax = String(row.of);
    bar.ariaValueText = `${row.used} of ${row.of} forks in use`;
    bar.dataset.full = share >= 1 ? "yes" : "no";
    bar.firstElementChild.style.width = `${(share * 100).toFixed(1)}%`;
  }
}

export function groups(list, all) {
  const row = (group) => {
    const limits = [];
    if (group.max_forks > 0) limits.push(`at most ${number(group.max_forks)} forks`);
    if (group.max_concurrent_jobs > 0) limits.push(`at most ${number(group.max_concurrent_jobs)} tasks at once`);
    return {
      name: group.name,
      used: group.used,
      of: group.limit ?? 0,
      badge: group.container ? "container" : "",
      tone: "calm",
      note: limits.join(", "),
    };
  };
  bars(list, all.map(row));
}

const NODE_TONES = {
  in_use: "good",
  takes_no_work: "busy",
  lost: "bad",
  left: "calm",
  never_joined: "calm",
  out_of_use: "calm",
};

export function nodes(list, all, now) {
  const row = (node) => {
    const heard = node.last_heartbeat === null ? "" : `heard ${ago(node.last_heartbeat, now)}`;
    const version = node.version === "" ? "" : `version ${node.version}`;
    return {
      name: node.hostname,
      used: node.used,
      of: node.capacity,
      badge: words(node.state),
      tone: NODE_TONES[node.state] ?? "calm",
      note: [node.node_type, heard, version].filter((words) => words !== "").join(" · "),
    };
  };
  bars(list, all.map(row));
}
