// The curves under the lanes: how many tasks wait, and how much of a group or an instance is used of what it has.

/** What can be chosen: "waiting" or a position among the capacities. The page begins with waiting and the first groups. */
const groupsFirst = capacities
  .map((capacity, place) => [capacity.group ? 0 : 1, place])
  .sort((one, other) => one[0] - other[0] || one[1] - other[1])
  .map(([, place]) => place);
view.curves = [...(waiting.peak > 0 ? ["waiting"] : []), ...groupsFirst.filter((place) => capacities[place].group).slice(0, 2)];

function drawCurves(pen, ticks, top) {
  view.curves.forEach((curve, number) => {
    const y = top + number * CURVE;
    pen.rect(0, y, view.width, 1, colours.line);
    pen.clipped(0, y, view.width, CURVE, () => {
      pen.clipped(GUTTER, y, view.width - GUTTER, CURVE, () => drawTicks(pen, ticks, y, y + CURVE));
      if (curve === "waiting") drawCurve(pen, y, waiting, null, "waiting tasks", "idle");
      else drawCurve(pen, y, usageOf(curve), curve, capacities[curve].name, "used");
    });
  });
}

function drawCurve(pen, y, steps, place, name, colour) {
  const columns = Math.max(Math.round(view.width - GUTTER), 1);
  const { mean, most } = sampled(steps, view.from, view.to, columns);
  const room = place === null ? [] : Array.from(capacities[place].forks).filter((forks) => forks >= 0);
  const scale = Math.max(steps.peak, ...room, 1);
  const [base, height] = [y + CURVE - 5, CURVE - 14];
  const level = (value) => base - (value / scale) * height;
  pen.path(outline(most, level, base), { fill: colours[colour], opacity: 0.28 });
  pen.path(outline(mean, level, base), { fill: colours[colour], opacity: 0.85 });
  if (place !== null) drawCapacity(pen, place, level);
  const unit = place === null ? "" : " forks";
  pen.text(fitting(name, GUTTER - 20, 11), 10, y + 16, colours.ink);
  pen.text(`at most ${thousands(steps.peak)}${unit}`, 10, y + 31, colours.faint, { size: 10 });
  if (room.length > 0) pen.text(`of ${thousands(Math.max(...room))}`, 10, y + 45, colours.faint, { size: 10 });
}

/** The outline of an area over columns of one pixel, with a corner only where the value changes. */
function outline(values, level, base) {
  const parts = [`M${GUTTER} ${base}`];
  let last = null;
  values.forEach((value, column) => {
    if (value === last) return;
    const x = GUTTER + column;
    parts.push(`L${x} ${level(last ?? 0).toFixed(1)}L${x} ${level(value).toFixed(1)}`);
    last = value;
  });
  const right = GUTTER + values.length;
  return `${parts.join("")}L${right} ${level(last ?? 0).toFixed(1)}L${right} ${base}Z`;
}

function drawCapacity(pen, place, level) {
  const { at, forks } = capacities[place];
  let path = "";
  for (let step = 0; step < at.length; step++) {
    const from = Math.max(xOf(at[step]), GUTTER);
    const to = Math.min(step + 1 < at.length ? xOf(at[step + 1]) : xOf(picture.end), view.width);
    if (forks[step] < 0 || to < GUTTER || from > view.width) continue;
    const y = level(forks[step]).toFixed(1);
    path += `${path ? "L" : "M"}${from.toFixed(1)} ${y}L${to.toFixed(1)} ${y}`;
  }
  if (path) pen.path(path, { stroke: colours.capacity, dash: [4, 3], thickness: 1.2 });
}
