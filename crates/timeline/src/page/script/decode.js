// What the payload's columns stand for. `crate::payload` writes them and says what each holds.

/** A value that may be missing is -1 here when it is. */
const MISSING = -1;

/** The values of a column: an array, or runs of values and their lengths. */
function columnOf(encoded, Type = Int32Array) {
  if (Array.isArray(encoded)) return Type.from(encoded);
  const { runs } = encoded;
  let length = 0;
  for (let at = 1; at < runs.length; at += 2) length += runs[at];
  const values = new Type(length);
  let next = 0;
  for (let at = 0; at < runs.length; at += 2) {
    values.fill(runs[at], next, next + runs[at + 1]);
    next += runs[at + 1];
  }
  return values;
}

/** A column whose values may be missing. */
function optionalOf(encoded, Type = Int32Array) {
  return columnOf(encoded, Type).map((value) => value - 1);
}

/** A column of differences, added up. */
function sumsOf(encoded) {
  const values = columnOf(encoded, Float64Array);
  for (let at = 1; at < values.length; at++) values[at] += values[at - 1];
  return values;
}

/** Lists by row: where each begins (one more than there are rows), and their values. */
function listsOf({ counts, values }) {
  const lengths = columnOf(counts);
  const begins = new Int32Array(lengths.length + 1);
  for (let row = 0; row < lengths.length; row++) begins[row + 1] = begins[row] + lengths[row];
  return { begins, values: columnOf(values, Float64Array) };
}

/** The stretches of waiting of all tasks: where each task's begin, and for each stretch the reason, from when, until when. */
function waitsOf(encoded, launched) {
  const { begins, values } = listsOf(encoded);
  const count = values.length / 3;
  const waits = {
    begins: begins.map((begin) => begin / 3),
    reason: new Int32Array(count),
    from: new Float64Array(count),
    to: new Float64Array(count),
  };
  for (let task = 0; task < launched.length; task++) {
    let last = launched[task];
    for (let wait = waits.begins[task]; wait < waits.begins[task + 1]; wait++) {
      last += values[wait * 3 + 1];
      waits.reason[wait] = values[wait * 3];
      waits.from[wait] = last;
      waits.to[wait] = last + values[wait * 3 + 2];
    }
  }
  return waits;
}

/** The tasks as columns. Moments are in units since moment 0. */
function tasksOf(encoded) {
  const launched = sumsOf(encoded.launched);
  const since = (column, from) =>
    optionalOf(column, Float64Array).map((value, task) => (value < 0 ? NaN : from(task) + value));
  const started = since(encoded.started, (task) => launched[task]);
  return {
    count: launched.length,
    id: sumsOf(encoded.id),
    name: columnOf(encoded.name),
    kind: columnOf(encoded.kind),
    template: optionalOf(encoded.template),
    launchType: columnOf(encoded.launch_type),
    status: columnOf(encoded.status),
    impact: columnOf(encoded.impact, Float64Array),
    priority: columnOf(encoded.priority),
    launched,
    considered: since(encoded.considered, (task) => launched[task]),
    started,
    finished: since(encoded.finished, (task) => (isNaN(started[task]) ? launched[task] : started[task])),
    group: optionalOf(encoded.group),
    instance: optionalOf(encoded.instance),
    controller: optionalOf(encoded.controller),
    lane: optionalOf(encoded.lane),
    row: columnOf(encoded.row),
    waitLane: optionalOf(encoded.wait_lane),
    waitRow: columnOf(encoded.wait_row),
    end: optionalOf(encoded.end),
    workflow: columnOf(encoded.workflow).map((before, task) => (before === 0 ? MISSING : task - before)),
    dependencies: listsOf(encoded.dependencies),
    waits: waitsOf(encoded.waits, launched),
  };
}

/** The whole picture. */
function decode(payload) {
  if (payload.version !== 1) throw new Error(`this page reads version 1, not ${payload.version}`);
  const capacities = payload.capacities.map((one) => ({
    ...one,
    at: sumsOf(one.at),
    forks: optionalOf(one.forks, Float64Array),
  }));
  const reasons = {
    token: columnOf(payload.reasons.token),
    sentence: columnOf(payload.reasons.sentence),
    never: columnOf(payload.reasons.never),
    blockers: listsOf(payload.reasons.blockers),
  };
  const lanes = payload.sections.flatMap((section, number) =>
    section.lanes.map((lane) => ({ ...lane, section: number })),
  );
  return { ...payload, capacities, reasons, lanes, tasks: tasksOf(payload.tasks) };
}
