// Questions about the picture that more than one part of the page asks.

const picture = decode(JSON.parse(document.getElementById("payload").textContent));
const { tasks, words, reasons, lanes, sections, capacities } = picture;

const word = (number) => (number < 0 ? "" : words[number]);
const hasStarted = (task) => !isNaN(tasks.started[task]);
const hasEnded = (task) => !isNaN(tasks.finished[task]);
/** When a task's waiting ended: with its start, with its end, or with the picture. */
const waitedUntil = (task) =>
  hasStarted(task) ? tasks.started[task] : hasEnded(task) ? tasks.finished[task] : picture.end;
/** When a task's run ended, or the picture. */
const ranUntil = (task) => (hasEnded(task) ? tasks.finished[task] : picture.end);
/** The words for a task: its kind, number and name. */
const titleOf = (task) => {
  const name = word(tasks.name[task]);
  return `${word(tasks.kind[task])} ${tasks.id[task]}${name ? ` ${name}` : ""}`;
};
/** Where a task runs, as words. */
const placeOf = (task) => {
  const [instance, group] = [tasks.instance[task], tasks.group[task]];
  if (instance < 0 && group < 0) return "";
  if (instance < 0) return `in ${capacities[group].name}`;
  return `on ${capacities[instance].name}${group < 0 ? "" : ` (${capacities[group].name})`}`;
};
/** Whether a lane's bars wait. */
const isWaiting = (lane) => lane.kind === "waiting" || lane.kind === "never_started";

/** A row of lists, as an array. */
const listAt = ({ begins, values }, row) => Array.from(values.subarray(begins[row], begins[row + 1]));
const dependenciesOf = (task) => listAt(tasks.dependencies, task).map((before) => task - before);
const blockersOf = (reason) => listAt(reasons.blockers, reason);

/** The bars of each lane in the order of their beginnings, with their ends and rows. */
const bars = lanes.map(() => []);
for (let task = 0; task < tasks.count; task++) {
  if (tasks.lane[task] >= 0) bars[tasks.lane[task]].push(task);
  if (tasks.waitLane[task] >= 0) bars[tasks.waitLane[task]].push(task);
}
lanes.forEach((lane, number) => {
  const begin = isWaiting(lane) ? tasks.launched : tasks.started;
  const sorted = bars[number].sort((one, other) => begin[one] - begin[other] || one - other);
  bars[number] = Int32Array.from(sorted);
  lane.number = number;
  lane.begin = begin;
  lane.until = isWaiting(lane) ? waitedUntil : ranUntil;
  lane.row = isWaiting(lane) ? tasks.waitRow : tasks.row;
  lane.heightOf = lane.kind === "instance" ? (task) => Math.max(1, tasks.impact[task]) : () => 1;
});

/** The stretch of waiting in which a task is at a moment, or -1. */
function waitAt(task, moment) {
  const { begins, from, to } = tasks.waits;
  for (let wait = begins[task]; wait < begins[task + 1]; wait++) {
    if (from[wait] <= moment && moment < to[wait]) return wait;
  }
  return -1;
}

/** The last stretch of waiting of a task, or -1. */
function lastWait(task) {
  const { begins } = tasks.waits;
  return begins[task + 1] > begins[task] ? begins[task + 1] - 1 : -1;
}

/** Whether some stretch of waiting of a task has no reason: no pass has looked at it yet. */
function waitsUnexplained(task) {
  const { begins, from, to } = tasks.waits;
  const [first, last] = [begins[task], begins[task + 1]];
  const waited = waitedUntil(task) - tasks.launched[task];
  return waited > 0 && (first === last || to[last - 1] - from[first] < waited);
}

const someWaitUnexplained = tasks.launched.some((_, task) => waitsUnexplained(task));

/** A task by its number; undefined when there is none. */
const taskById = (() => {
  let known = null;
  return (id) => {
    known ??= new Map(Array.from(tasks.id, (value, task) => [value, task]));
    return known.get(id);
  };
})();

/** Tasks that waited for this one: those that depend on it, and those that were blocked by it. */
function heldUpBy(task) {
  const held = new Set();
  for (let other = 0; other < tasks.count; other++) {
    if (dependenciesOf(other).includes(task)) held.add(other);
  }
  const naming = new Set();
  for (let reason = 0; reason < reasons.token.length; reason++) {
    if (blockersOf(reason).includes(task)) naming.add(reason);
  }
  if (naming.size > 0) {
    const { begins, reason } = tasks.waits;
    for (let other = 0; other < tasks.count; other++) {
      for (let wait = begins[other]; wait < begins[other + 1]; wait++) {
        if (naming.has(reason[wait])) held.add(other);
      }
    }
  }
  held.delete(task);
  return [...held].sort((one, other) => one - other);
}

/** How often each value of a column occurs: pairs of value and count, most frequent first. */
function countsOf(column) {
  const counts = new Map();
  for (const value of column) if (value >= 0) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1] || one[0] - other[0]);
}
