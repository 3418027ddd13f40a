// What of the picture is seen: a stretch of time across, a stretch of lanes down. All lengths are CSS pixels.

const AXIS = 34;
const GUTTER = 148;
const HEADLINE = 24;
const GAP = 5;
const CURVE = 62;
const FOOT = 8;
/** The least height of a lane, and the most of a bar that waits. */
const LEAST_LANE = 20;
const MOST_ROW = 15;
/** The height of all lanes of waiting together, if they have that many rows. */
const LEAST_WAITING = 110;
/** Bars of one fork are at most so high. */
const MOST_FORK = 22;

const whole = (() => {
  let from = Infinity;
  for (const launched of tasks.launched) from = Math.min(from, launched);
  const begin = isFinite(from) ? from : 0;
  const length = Math.max(picture.end - begin, 1);
  return { from: begin - length * 0.01, to: picture.end + length * 0.01 };
})();

const view = { from: whole.from, to: whole.to, top: 0, tall: 1, width: 1000, height: 600, curves: [] };

/** Where a moment is. */
const xOf = (moment) => GUTTER + ((moment - view.from) / (view.to - view.from)) * (view.width - GUTTER);
/** Which moment is there. */
const momentAt = (x) => view.from + ((x - GUTTER) / (view.width - GUTTER)) * (view.to - view.from);
/** From where on the curves stand, below the lanes. */
const lanesEnd = () => view.height - view.curves.length * CURVE - FOOT;

/** Keeps the view within the picture. */
function clampView() {
  const least = Math.max(20 / picture.unit, 0.02);
  const span = Math.min(Math.max(view.to - view.from, least), whole.to - whole.from);
  const from = Math.min(Math.max(view.from, whole.from), whole.to - span);
  view.from = from;
  view.to = from + span;
  view.top = Math.min(Math.max(view.top, 0), Math.max(0, layOut().height - (lanesEnd() - AXIS)));
}

/** Shows a stretch of time. */
function showTime(from, to) {
  view.from = from;
  view.to = to;
  clampView();
}

/** Shows so many times as much time around a point; less than one is nearer. */
function zoomTime(factor, x = (GUTTER + view.width) / 2) {
  const moment = momentAt(Math.max(x, GUTTER));
  showTime(moment - (moment - view.from) * factor, moment + (view.to - moment) * factor);
}

/** Makes lanes so many times as high around a point. */
function zoomLanes(factor, y = (AXIS + lanesEnd()) / 2) {
  const before = layOut().height;
  const place = view.top + y - AXIS;
  view.tall = Math.min(Math.max(view.tall * factor, 1), 64);
  view.top = (place * layOut().height) / before - (y - AXIS);
  clampView();
}

/** Moves by pixels. */
function moveView(dx, dy) {
  const moved = (dx / (view.width - GUTTER)) * (view.to - view.from);
  view.from += moved;
  view.to += moved;
  view.top += dy;
  clampView();
}

/** Shows everything. */
function fitView() {
  view.tall = 1;
  view.top = 0;
  showTime(whole.from, whole.to);
}

/** Where every lane is, from the top of the first headline; counted anew when the window or the lanes' height changes. */
const layOut = (() => {
  let known = null;
  let key = "";
  const rowsOf = (kinds) =>
    lanes.filter((lane) => kinds === isWaiting(lane)).reduce((sum, lane) => sum + Math.max(lane.rows, 1), 0);
  const waitingRows = rowsOf(true);
  const runningRows = rowsOf(false);
  const mostFork = () => {
    const largest = tasks.impact.reduce((most, impact) => Math.max(most, impact), 1);
    return Math.max(MOST_FORK / Math.sqrt(largest), 2);
  };
  const widest = mostFork();
  return () => {
    const now = `${view.width} ${view.height} ${view.tall} ${view.curves.length}`;
    if (now === key) return known;
    // What is left beside headlines and gaps is shared out; where that is too little the lanes are taller than the window.
    const room = Math.max(lanesEnd() - AXIS - sections.length * HEADLINE - lanes.length * GAP, 0);
    const waitingRoom = Math.min(Math.max(room * 0.3, LEAST_WAITING), waitingRows * MOST_ROW);
    const row = waitingRoom / Math.max(waitingRows, 1);
    const fork = Math.min(Math.max(room - waitingRoom, 0) / Math.max(runningRows, 1), widest);
    const places = [];
    const headlines = [];
    let y = 0;
    lanes.forEach((lane, number) => {
      if (number === 0 || lanes[number - 1].section !== lane.section) {
        headlines.push({ y, name: sections[lane.section].name });
        y += HEADLINE;
      }
      const share = isWaiting(lane) ? row : lane.kind === "instance" ? fork : Math.min(fork * 4, MOST_ROW);
      const least = Math.min(LEAST_LANE / Math.max(lane.rows, 1), MOST_ROW);
      const height = Math.max(lane.rows * share, LEAST_LANE) * view.tall;
      places.push({ y, height, unit: Math.max(share, least) * view.tall });
      y += height + GAP;
    });
    key = now;
    known = { places, headlines, height: y };
    return known;
  };
})();

/** The box of a task's bar: where it runs, or where it waits. Its edges may be outside of the window. */
function boxOf(task, waits = tasks.lane[task] < 0) {
  const number = waits ? tasks.waitLane[task] : tasks.lane[task];
  if (number < 0) return null;
  const lane = lanes[number];
  const { y, unit } = layOut().places[number];
  const x = xOf(lane.begin[task]);
  return {
    x,
    y: AXIS - view.top + y + lane.row[task] * unit,
    width: Math.max(xOf(lane.until(task)) - x, 1),
    height: lane.heightOf(task) * unit,
  };
}

/** The bar at a point: the task, whether it is its wait, and the moment; null where there is none. */
function barAt(x, y) {
  if (x < GUTTER || y < AXIS || y > lanesEnd()) return null;
  const { places } = layOut();
  const inside = y - AXIS + view.top;
  const number = places.findIndex((place) => inside >= place.y && inside < place.y + place.height);
  if (number < 0) return null;
  const lane = lanes[number];
  const row = Math.floor((inside - places[number].y) / places[number].unit);
  const slack = (3 / (view.width - GUTTER)) * (view.to - view.from);
  const moment = momentAt(x);
  let best = null;
  for (const task of bars[number]) {
    if (lane.begin[task] > moment + slack) break;
    const low = lane.row[task];
    if (row < low || row >= low + lane.heightOf(task)) continue;
    const distance = Math.max(lane.begin[task] - moment, moment - lane.until(task), 0);
    if (distance <= slack && (best === null || distance <= best.distance)) {
      best = { task, waits: isWaiting(lane), moment, distance };
    }
  }
  return best;
}
