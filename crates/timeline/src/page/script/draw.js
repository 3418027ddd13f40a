// The picture: axis, lanes, bars, and over them what is selected. It draws only what is in view, and bars that are narrower than
// a pixel together: in each row, neighbours of one colour that touch are one rectangle.

/** Draws everything. */
function drawScene(pen) {
  pen.rect(0, 0, view.width, view.height, colours.paper);
  const ticks = ticksOf(view.from, view.to, view.width - GUTTER, 84);
  const bottom = lanesEnd();
  pen.clipped(0, AXIS, view.width, bottom - AXIS, () => {
    drawLaneGrounds(pen);
    drawTicks(pen, ticks, AXIS, bottom);
    drawLaneNames(pen);
    pen.clipped(GUTTER, AXIS, view.width - GUTTER, bottom - AXIS, () => {
      lanes.forEach((lane, number) => drawLane(pen, lane, number));
      drawSelection(pen);
    });
  });
  drawAxis(pen, ticks);
  drawScrollbar(pen, bottom);
  drawCurves(pen, ticks, bottom);
}

function drawTicks(pen, ticks, from, to) {
  for (const { moment, strong } of ticks) {
    pen.rect(Math.round(xOf(moment)), from, 1, to - from, colours.line, strong ? 1 : 0.55);
  }
}

function drawAxis(pen, ticks) {
  pen.clipped(GUTTER, 0, view.width - GUTTER, AXIS, () => {
    let free = GUTTER;
    for (const { moment, words: text, strong } of ticks) {
      const x = Math.round(xOf(moment));
      pen.rect(x, AXIS - 7, 1, 7, colours.line);
      const end = x + widthOf(text, 11) + 12;
      if (x < free || end > view.width + 6) continue;
      pen.text(text, x + 5, AXIS - 13, strong ? colours.ink : colours.faint, { bold: strong });
      free = end;
    }
  });
  pen.text(fitting(eraWords(view.from), GUTTER - 8, 11), 10, AXIS - 13, colours.faint);
  pen.rect(0, AXIS - 1, view.width, 1, colours.line);
}

/** Where in the lanes the window is, when there are more of them than fit. */
function drawScrollbar(pen, bottom) {
  const [seen, all] = [bottom - AXIS, layOut().height];
  if (all <= seen + 1) return;
  const length = Math.max((seen * seen) / all, 24);
  const top = AXIS + (view.top / (all - seen)) * (seen - length);
  pen.rect(view.width - 7, top, 4, length, colours.faint, 0.55);
}

function drawLaneGrounds(pen) {
  const { places, headlines } = layOut();
  for (const { y } of headlines) pen.rect(0, AXIS - view.top + y, view.width, HEADLINE - 4, colours.shade);
  lanes.forEach((lane, number) => {
    const { y, height } = places[number];
    pen.rect(GUTTER, AXIS - view.top + y, view.width - GUTTER, height, colours.stripe, isWaiting(lane) ? 0.5 : 1);
  });
}

function drawLaneNames(pen) {
  const { places, headlines } = layOut();
  for (const { y, name } of headlines) {
    const text = fitting(name, view.width - 20, 12);
    pen.text(text, 10, AXIS - view.top + y + (HEADLINE - 4) / 2, colours.ink, { size: 12, bold: true });
  }
  lanes.forEach((lane, number) => {
    const { y, height } = places[number];
    const top = AXIS - view.top + y;
    if (top > lanesEnd() || top + height < AXIS) return;
    const middle = Math.min(Math.max(top + height / 2, AXIS + 12), Math.max(top + 10, lanesEnd() - 12));
    const two = height >= 34 && lane.capacity !== undefined && lane.kind === "instance";
    const name = fitting(lane.name, GUTTER - 24, 11);
    pen.text(name, 18, two ? middle - 7 : middle, isWaiting(lane) ? colours.faint : colours.ink);
    if (two) {
      const forks = capacityAt(lane.capacity, Math.min(view.to, picture.end));
      pen.text(isFinite(forks) ? `${thousands(forks)} forks` : "no limit", 18, middle + 7, colours.faint, { size: 10 });
    }
  });
}

/** Puts rectangles of one row together while they touch and look the same. */
function rowMerger(pen) {
  const open = new Map();
  const put = ([x, y, end, height, colour, opacity]) => pen.rect(x, y, Math.max(end - x, 0.7), height, colour, opacity);
  return {
    rect(key, x, y, end, height, colour, opacity) {
      const last = open.get(key);
      if (last && x - last[2] < 0.35 && last[4] === colour && last[5] === opacity && last[3] === height) {
        last[2] = Math.max(last[2], end);
        return;
      }
      if (last) put(last);
      open.set(key, [x, y, end, height, colour, opacity]);
    },
    finish() {
      open.forEach(put);
    },
  };
}

function drawLane(pen, lane, number) {
  const { y, height, unit } = layOut().places[number];
  const top = AXIS - view.top + y;
  if (top > lanesEnd() || top + height < AXIS) return;
  const merger = rowMerger(pen);
  const labels = [];
  const waits = isWaiting(lane);
  const perUnit = (view.width - GUTTER) / (view.to - view.from);
  for (const task of bars[number]) {
    const begin = lane.begin[task];
    if (begin > view.to) break;
    const until = lane.until(task);
    if (until < view.from) continue;
    const high = lane.heightOf(task) * unit;
    const low = top + lane.row[task] * unit;
    if (low > lanesEnd() || low + high < AXIS) continue;
    const x = Math.max(xOf(begin), GUTTER - 4);
    const end = Math.min(xOf(until), view.width + 4);
    const single = (until - begin) * perUnit >= 3;
    const inner = high > 3 ? high - 1 : high;
    const opacity = chosen[task] ? 1 : 0.13;
    if (waits) drawWaits(merger, task, x, low, end, inner, opacity);
    else drawRun(pen, merger, task, single, x, low, end, inner, opacity);
    if (end - x > 34 && high >= 11 && chosen[task]) labels.push([task, x, low, end - x, inner]);
  }
  merger.finish();
  for (const [task, x, low, width, high] of labels) drawLabel(pen, task, x, low, width, high);
}

/** A run: a bar in the colour of the colouring; what ended badly is red at its end, or all over where there is no room for that. */
function drawRun(pen, merger, task, single, x, y, end, height, opacity) {
  const bad = endedBadly(task);
  const colour = bad && end - x < 4 ? colours.bad : colours[colouring.of(task)];
  if (!single) {
    merger.rect(y, x, y, end, height, colour, opacity);
    return;
  }
  pen.rect(x, y, Math.max(end - x - 0.6, 0.7), height, colour, opacity);
  if (bad) {
    pen.rect(end - 4.6, y, 4, height, colours.bad, opacity);
    if (height > 8) pen.rect(x, y + height - 2, end - x - 0.6, 2, colours.bad, opacity);
  }
}

/** A wait: its stretches in the colours of their reasons, and what no pass has looked at yet. */
function drawWaits(merger, task, x, y, end, height, opacity) {
  const { begins, from, to, reason } = tasks.waits;
  const [first, last] = [begins[task], begins[task + 1]];
  let told = x;
  for (let wait = first; wait < last; wait++) {
    if (to[wait] < view.from || from[wait] > view.to) continue;
    const [begin, until] = [Math.max(xOf(from[wait]), x), Math.min(xOf(to[wait]), end)];
    if (begin - told > 0.35) merger.rect(y, told, y, begin, height, colours.idle, opacity);
    merger.rect(y, begin, y, until, height, waitColour(reason[wait]), opacity);
    told = Math.max(told, until);
  }
  if (end - told > 0.35) merger.rect(y, told, y, end, height, colours.idle, opacity);
}

function drawLabel(pen, task, x, y, width, height) {
  const size = Math.min(11, height - 1);
  const name = word(tasks.name[task]);
  const text = fitting(name ? `${tasks.id[task]} ${name}` : titleOf(task), width - 8, size);
  if (text) pen.text(text, Math.max(x, GUTTER) + 4, y + height / 2 + 0.5, colours["bar-ink"], { size });
}
