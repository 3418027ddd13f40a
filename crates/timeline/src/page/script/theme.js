// Colours: those of the style sheet, as the canvas and the exported picture need them.

const PALETTE = 9;
const STATUSES = { successful: "good", failed: "bad", error: "bad", canceled: "canceled", running: "running", "can never run": "never" };
const probe = document.getElementById("probe");

/** The colours of the style sheet by name, for the scheme that shows now, in the notation that every viewer of SVG knows. */
function readColours() {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    context.fillStyle = getComputedStyle(probe).color;
    context.fillRect(0, 0, 1, 1);
    return `rgb(${Array.from(context.getImageData(0, 0, 1, 1).data.slice(0, 3)).join(" ")})`;
  };
  const names = [
    ..."paper ink faint line stripe accent idle good bad canceled running never capacity used select shade bar-ink".split(" "),
    ..."no_capacity resource_held behind_older_task waiting_for_dependency".split(" "),
    ...Array.from({ length: PALETTE + 1 }, (_, number) => `c${number}`),
    ...Array.from({ length: PALETTE }, (_, number) => `p${number}`),
  ];
  return Object.fromEntries(names.map((name) => [name, read(name)]));
}

let colours = readColours();

/** The colour of a wait by its reason. */
const waitColour = (reason) =>
  reasons.never[reason] ? colours.never : colours[word(reasons.token[reason])] ?? colours.never;

/** Ranks values by the fork time of their tasks, so that what fills the picture has colours of its own. */
function ranked(column) {
  const sums = new Map();
  for (let task = 0; task < tasks.count; task++) {
    const area = hasStarted(task) ? (ranUntil(task) - tasks.started[task]) * Math.max(tasks.impact[task], 1) : 0;
    sums.set(column[task], (sums.get(column[task]) ?? 0) + area);
  }
  const sorted = [...sums].sort((one, other) => other[1] - one[1]).map(([value]) => value);
  return new Map(sorted.map((value, rank) => [value, rank]));
}

/** The ways to colour bars: for a task the name of a colour, and the legend. */
const colourings = (() => {
  const by = (column, none) => {
    const ranks = ranked(column);
    // Others take the colours again, paler, so that neighbours are told apart.
    const name = (rank) => `${rank < PALETTE ? "c" : "p"}${rank % PALETTE}`;
    const entries = [...ranks].slice(0, PALETTE).map(([value, rank]) => [name(rank), value < 0 ? none : word(value)]);
    if (ranks.size > PALETTE) {
      const others = thousands(ranks.size - PALETTE);
      entries.push([`c${PALETTE}`, `${others} others, paler`]);
    }
    return { of: (task) => name(ranks.get(column[task])), entries };
  };
  const statusOf = (number) => STATUSES[word(number)] ?? "idle";
  return {
    template: by(tasks.template, "no template"),
    kind: by(tasks.kind, ""),
    status: {
      of: (task) => statusOf(tasks.status[task]),
      entries: countsOf(tasks.status).map(([status]) => [statusOf(status), word(status)]),
    },
  };
})();

let colouring = colourings.template;

/** Whether a task ended badly, which is seen in every colouring. */
const endedBadly = (() => {
  const bad = new Set(words.flatMap((one, number) => (one === "failed" || one === "error" ? [number] : [])));
  return (task) => bad.has(tasks.status[task]);
})();

/** Changes between light and dark. */
function toggleTheme() {
  const root = document.documentElement;
  const dark = root.style.colorScheme ? root.style.colorScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.style.colorScheme = dark ? "light" : "dark";
}
