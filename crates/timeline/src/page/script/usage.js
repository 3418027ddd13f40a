// Step functions over time: how much of an instance or a group is used, and how many tasks wait.

/** Changes added up: when, and how many from then on. */
function stepsOf(changes) {
  changes.sort((one, other) => one[0] - other[0]);
  const at = [];
  const value = [];
  let sum = 0;
  for (const [moment, change] of changes) {
    sum += change;
    if (at.length > 0 && at[at.length - 1] === moment) value[value.length - 1] = sum;
    else {
      at.push(moment);
      value.push(sum);
    }
  }
  return { at: Float64Array.from(at), value: Float64Array.from(value), peak: value.reduce((a, b) => Math.max(a, b), 0) };
}

/** What is used of the place at this position among the capacities. Counted once. */
const usageOf = (() => {
  const known = new Map();
  const count = (place) => {
    const changes = [];
    for (let task = 0; task < tasks.count; task++) {
      if (!hasStarted(task)) continue;
      let forks = 0;
      if (tasks.group[task] === place || tasks.instance[task] === place) forks += tasks.impact[task];
      if (tasks.controller[task] === place) forks += picture.control_impact;
      const until = ranUntil(task);
      if (forks > 0 && until > tasks.started[task]) {
        changes.push([tasks.started[task], forks], [until, -forks]);
      }
    }
    return stepsOf(changes);
  };
  return (place) => {
    if (!known.has(place)) known.set(place, count(place));
    return known.get(place);
  };
})();

/** How many tasks wait. */
const waiting = stepsOf(
  Array.from({ length: tasks.count }, (_, task) => task)
    .filter((task) => waitedUntil(task) > tasks.launched[task])
    .flatMap((task) => [[tasks.launched[task], 1], [waitedUntil(task), -1]]),
);

/** The first position in an ascending array whose value is larger. */
function firstAfter(ascending, value) {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The value of steps at a moment. */
function valueAt(steps, moment) {
  const next = firstAfter(steps.at, moment);
  return next === 0 ? 0 : steps.value[next - 1];
}

/** What an instance or a group has at a moment; Infinity for no limit. */
function capacityAt(place, moment) {
  const { at, forks } = capacities[place];
  const next = firstAfter(at, moment);
  const value = next === 0 ? 0 : forks[next - 1];
  return value < 0 ? Infinity : value;
}

/** Steps seen in columns of pixels: of each column the mean over its time, and the most. */
function sampled(steps, from, to, columns) {
  const mean = new Float64Array(columns);
  const most = new Float64Array(columns);
  const width = (to - from) / columns;
  let step = firstAfter(steps.at, from) - 1;
  for (let column = 0; column < columns; column++) {
    const [begin, end] = [from + column * width, from + (column + 1) * width];
    let area = 0;
    let here = begin;
    while (here < end) {
      const value = step < 0 ? 0 : steps.value[step];
      const next = step + 1 < steps.at.length ? steps.at[step + 1] : Infinity;
      const until = Math.min(next, end);
      area += value * (until - here);
      if (value > most[column]) most[column] = value;
      here = until;
      if (next <= end) step++;
      else break;
    }
    mean[column] = area / width;
  }
  return { mean, most };
}
