// What is said beside the picture: the selected task in words, the tip under the pointer, the legend, and the summary.

/** What the legend calls a wait, by the token of its reason. */
const WAIT_WORDS = {
  no_capacity: "capacity",
  resource_held: "a resource that is held",
  behind_older_task: "an older task's turn",
  waiting_for_dependency: "a dependency",
  never_fits: "nothing: it never fits",
};

const byId = (id) => document.getElementById(id);

/** An element with text and children. Text is never read as markup. */
function element(name, content = "", attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (Array.isArray(content)) made.append(...content);
  else made.textContent = content;
  return made;
}

/** A button that selects a task. */
function taskButton(task) {
  const button = element("button", titleOf(task), { type: "button", class: "task" });
  button.addEventListener("click", () => select(task, tasks.lane[task] < 0, true));
  return button;
}

function showPanel() {
  const panel = byId("panel");
  const { task } = selection;
  panel.hidden = task < 0;
  panel.replaceChildren();
  byId("live").textContent = task < 0 ? "" : sentenceOf(task);
  if (task < 0) return;
  panel.append(element("h2", titleOf(task)), factsOf(task));
  const ended = word(tasks.end[task]);
  if (ended) panel.append(element("p", `A pass ended it: it ${ended}`));
  panel.append(...waitingWords(task), ...relativesOf(task));
}

function factsOf(task) {
  const facts = [["status", word(tasks.status[task])]];
  if (tasks.template[task] >= 0) facts.push(["template", word(tasks.template[task])]);
  facts.push(["ran", hasStarted(task) ? `${spanWords(ranUntil(task) - tasks.started[task])} ${placeOf(task)}` : "never started"]);
  facts.push(["waited", spanWords(waitedUntil(task) - tasks.launched[task])]);
  facts.push(["forks", thousands(tasks.impact[task])], ["priority", String(tasks.priority[task])]);
  facts.push(["launched", `${momentWords(tasks.launched[task])} (${word(tasks.launchType[task])})`]);
  const moment = (name, value) => isNaN(value) || facts.push([name, momentWords(value)]);
  moment("considered", tasks.considered[task]);
  moment("started", tasks.started[task]);
  moment("finished", tasks.finished[task]);
  return element("dl", facts.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

function waitingWords(task) {
  const stretches = stretchesOf(task);
  if (stretches.length === 0) return [];
  const items = stretches.slice(0, 50).map(({ reason, from, to }) => {
    const swatch = element("span", "", { class: "swatch" });
    swatch.style.background = waitColour(reason);
    return element("li", [swatch, `${spanWords(to - from)}: ${word(reasons.sentence[reason])}`]);
  });
  if (stretches.length > 50) items.push(element("li", `and ${stretches.length - 50} more`));
  const moment = waitingMoment(task, selection.moment ?? NaN);
  const chain = chainOf(task, moment).map(({ depth, task: one, words: text }) => {
    const item = element("li", depth === 0 ? [text] : [taskButton(one), ` ${text}`]);
    item.style.marginInlineStart = `${depth * 0.9}em`;
    return item;
  });
  return [
    element("h3", "Why it waited"),
    element("ol", items, { class: "waits" }),
    element("h3", `The chain at ${momentWords(Math.round(moment))}`),
    element("ol", chain, { class: "chain" }),
  ];
}

function relativesOf(task) {
  const parts = [];
  const list = (title, others) => {
    if (others.length === 0) return;
    const items = others.slice(0, 20).map((other) => element("li", [taskButton(other)]));
    if (others.length > 20) items.push(element("li", `and ${thousands(others.length - 20)} more`));
    parts.push(element("h3", title), element("ul", items));
  };
  list("Depends on", dependenciesOf(task));
  list("Part of", tasks.workflow[task] >= 0 ? [tasks.workflow[task]] : []);
  list("Waited for it", heldUpBy(task));
  return parts;
}

/** Shows what is under the pointer: the chain for a wait, the run in short for a run. */
function showTip(found, x, y) {
  const tip = byId("tip");
  tip.hidden = !found;
  if (!found) return;
  const { task, waits, moment } = found;
  const lines = [element("strong", titleOf(task))];
  if (waits) {
    lines.push(element("div", `${momentWords(Math.round(moment))}, waits since ${spanWords(moment - tasks.launched[task])}`));
    chainOf(task, moment).forEach(({ depth, task: one, words: text }) => {
      const line = element("div", depth === 0 ? text : `${titleOf(one)} ${text}`, { class: "link" });
      line.style.marginInlineStart = `${depth}em`;
      lines.push(line);
    });
  } else {
    const ran = spanWords(ranUntil(task) - tasks.started[task]);
    lines.push(element("div", `${word(tasks.status[task])}, ran ${ran} ${placeOf(task)}, ${thousands(tasks.impact[task])} forks`));
    lines.push(element("div", `waited ${spanWords(tasks.started[task] - tasks.launched[task])}`));
    const wait = lastWait(task);
    if (wait >= 0) lines.push(element("div", `last it ${word(reasons.sentence[tasks.waits.reason[wait]])}`, { class: "link" }));
  }
  tip.replaceChildren(...lines);
  const box = tip.getBoundingClientRect();
  const stage = byId("stage").getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, stage.width - box.width - 6))}px`;
  tip.style.top = `${y + 18 + box.height > stage.height ? Math.max(4, y - box.height - 10) : y + 18}px`;
}

function showLegend() {
  const entry = (colour, text) => {
    const swatch = element("span", "", { class: "swatch" });
    swatch.style.background = colour;
    return element("li", [swatch, text]);
  };
  const tokens = new Map();
  for (let reason = 0; reason < reasons.token.length; reason++) tokens.set(word(reasons.token[reason]), waitColour(reason));
  const waits = [...tokens].map(([token, colour]) => entry(colour, WAIT_WORDS[token] ?? token.replaceAll("_", " ")));
  if (someWaitUnexplained) waits.push(entry(colours.idle, "for the next pass"));
  const runs = colouring.entries.map(([name, text]) => entry(colours[name], text));
  byId("legend").replaceChildren(
    element("ul", [element("li", "runs", { class: "title" }), ...runs]),
    ...(waits.length > 0 ? [element("ul", [element("li", "waits for", { class: "title" }), ...waits])] : []),
  );
}
