// The selected task: its frame, and arrows from what it depends on and from what it waited for.

const selection = { task: MISSING, waits: false };
const MOST_ARROWS = 80;
/** More arrows than this have no heads, which would cover each other. */
const MOST_HEADS = 12;

function drawSelection(pen) {
  const { task } = selection;
  if (task < 0) return;
  const own = [boxOf(task, false), boxOf(task, true)].filter(Boolean);
  const arrows = arrowsOf(task);
  arrows.forEach((arrow) => drawArrow(pen, arrow, arrows.length <= MOST_HEADS));
  for (const box of own) {
    const [width, height] = [Math.max(box.width, 2), box.height];
    pen.frame(box.x - 1, box.y - 1, width + 2, height + 2, colours.paper, 2);
    pen.frame(box.x - 3, box.y - 3, width + 6, height + 6, colours.select, 2);
  }
  if (own.length === 2) {
    const [run, wait] = own;
    const from = { x: wait.x + wait.width, y: wait.y + wait.height / 2 };
    drawArrow(pen, { from, to: { x: run.x, y: run.y + run.height / 2 }, colour: colours.select, dash: [2, 3] });
  }
}

/** From the end of each dependency to the task, and from each blocker to the stretch that waited for it. */
function arrowsOf(task) {
  const arrows = [];
  const edge = (box, x) => ({ x: Math.min(Math.max(x, box.x), box.x + box.width), y: box.y + box.height / 2 });
  const target = boxOf(task, tasks.waitLane[task] >= 0);
  if (!target) return arrows;
  const named = new Set();
  for (const { reason, to } of stretchesOf(task)) {
    for (const blocker of blockersOf(reason)) {
      const box = boxOf(blocker);
      if (!box || blocker === task || arrows.length >= MOST_ARROWS) continue;
      named.add(blocker);
      arrows.push({ from: edge(box, xOf(to)), to: edge(target, xOf(to)), colour: waitColour(reason), dash: [] });
    }
  }
  for (const dependency of dependenciesOf(task)) {
    const box = boxOf(dependency);
    if (!box || named.has(dependency) || arrows.length >= MOST_ARROWS) continue;
    const end = { x: box.x + box.width, y: box.y + box.height / 2 };
    arrows.push({ from: end, to: edge(target, end.x), colour: colours.waiting_for_dependency, dash: [5, 3] });
  }
  return arrows;
}

function drawArrow(pen, { from, to, colour, dash }, headed = true) {
  const bend = Math.min(Math.max(Math.abs(to.x - from.x) / 2, 18), 90);
  const point = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  const path = `M${point(from.x, from.y)}C${point(from.x + bend, from.y)} ${point(to.x - bend, to.y)} ${point(to.x - 5, to.y)}`;
  pen.path(path, { stroke: colours.paper, thickness: 4, opacity: 0.8 });
  pen.path(path, { stroke: colour, thickness: 1.8, dash });
  if (!headed) return;
  const head = `M${point(to.x, to.y)}L${point(to.x - 8, to.y - 4.5)}L${point(to.x - 8, to.y + 4.5)}Z`;
  pen.path(head, { fill: colours.select, stroke: colours.paper, thickness: 0.8 });
}

/** The task beside another: the next in time on its lane, or the nearest in time on the lane above or below. */
function neighbour(task, waits, direction) {
  const number = waits ? tasks.waitLane[task] : tasks.lane[task];
  const along = bars[number];
  const visible = (one) => chosen[one] === 1;
  if (direction === "left" || direction === "right") {
    const step = direction === "left" ? -1 : 1;
    for (let at = along.indexOf(task) + step; at >= 0 && at < along.length; at += step) {
      if (visible(along[at])) return { task: along[at], waits };
    }
    return null;
  }
  const step = direction === "up" ? -1 : 1;
  const moment = lanes[number].begin[task];
  for (let next = number + step; next >= 0 && next < lanes.length; next += step) {
    const candidates = Array.from(bars[next]).filter(visible);
    // The other bar of the same task is the nearest.
    const distance = (one) => (one === task ? -1 : Math.abs(lanes[next].begin[one] - moment));
    if (candidates.length > 0) {
      const best = candidates.reduce((near, one) => (distance(one) < distance(near) ? one : near));
      return { task: best, waits: isWaiting(lanes[next]) };
    }
  }
  return null;
}
