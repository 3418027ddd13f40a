// Why a task waits, and why that for which it waits does, in words.

/** No chain is followed further than this. */
const DEEPEST = 12;

/** What a task does at a moment, in words whose subject is the task. */
function stateWords(task, moment) {
  if (moment < tasks.launched[task]) return "is not launched yet";
  if (hasEnded(task) && moment >= tasks.finished[task]) {
    return `${word(tasks.status[task])} since ${momentWords(tasks.finished[task])}`;
  }
  if (hasStarted(task) && moment >= tasks.started[task]) {
    const until = hasEnded(task) ? ` until ${momentWords(tasks.finished[task])}` : "";
    return `runs ${placeOf(task)} since ${momentWords(tasks.started[task])}${until}`.replace("  ", " ");
  }
  const wait = waitAt(task, moment);
  return wait < 0 ? "waits for the next pass" : word(reasons.sentence[tasks.waits.reason[wait]]);
}

/**
 * The chain of waiting of a task at a moment: a list of `{depth, task, words}`, the task itself first. Each task that the reason
 * of another names follows it, one step deeper.
 */
function chainOf(task, moment) {
  const chain = [];
  const seen = new Set();
  const follow = (one, depth) => {
    chain.push({ depth, task: one, words: stateWords(one, moment) });
    if (seen.has(one) || depth >= DEEPEST || chain.length > 40) return;
    seen.add(one);
    const wait = waitAt(one, moment);
    const ran = hasStarted(one) && moment >= tasks.started[one];
    if (wait < 0 || ran) return;
    for (const blocker of blockersOf(tasks.waits.reason[wait])) if (blocker !== one) follow(blocker, depth + 1);
  };
  follow(task, 0);
  return chain;
}

/** The moment at which a task's waiting is explained: the one asked for if it waits then, else just before it stopped. */
function waitingMoment(task, moment) {
  if (waitAt(task, moment) >= 0) return moment;
  const wait = lastWait(task);
  return wait < 0 ? moment : (tasks.waits.from[wait] + tasks.waits.to[wait]) / 2;
}

/** What a task waited for, one after the other: `{reason, from, to}`. */
function stretchesOf(task) {
  const { begins, reason, from, to } = tasks.waits;
  const stretches = [];
  for (let wait = begins[task]; wait < begins[task + 1]; wait++) {
    stretches.push({ reason: reason[wait], from: from[wait], to: to[wait] });
  }
  return stretches;
}

/** One sentence about a task, for the live region and the label of its bar. */
function sentenceOf(task) {
  const parts = [`${titleOf(task)}: ${word(tasks.status[task])}`];
  if (hasStarted(task)) {
    parts.push(`waited ${spanWords(tasks.started[task] - tasks.launched[task])}`);
    parts.push(`ran ${spanWords(ranUntil(task) - tasks.started[task])} ${placeOf(task)}`.trim());
  } else {
    parts.push(`waited ${spanWords(waitedUntil(task) - tasks.launched[task])} and never started`);
  }
  const wait = lastWait(task);
  if (wait >= 0) parts.push(`last it ${word(reasons.sentence[tasks.waits.reason[wait]])}`);
  return `${parts.join(", ")}.`;
}
