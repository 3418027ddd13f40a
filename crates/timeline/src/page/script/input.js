// What the reader does: pointer, wheel, keys, and the controls above the picture.

const stage = byId("stage");
const canvas = byId("canvas");
const STEP = 60;
const NEARER = 0.8;

/** Selects a task, and brings it into view if that is asked for. */
function select(task, waits, show, moment = NaN) {
  Object.assign(selection, { task, waits, moment });
  if (show && task >= 0) reveal(task, waits);
  showPanel();
  redraw();
}

/** Moves the view so that a task's bar is in it. */
function reveal(task, waits) {
  const box = boxOf(task, waits);
  if (!box) return;
  const right = box.x + Math.min(box.width, view.width / 2);
  if (box.x < GUTTER + 20) moveView(box.x - GUTTER - (view.width - GUTTER) / 3, 0);
  else if (right > view.width - 20) moveView(right - view.width + (view.width - GUTTER) / 3, 0);
  if (box.y < AXIS + 10) moveView(0, box.y - AXIS - 40);
  else if (box.y + box.height > lanesEnd() - 10) moveView(0, box.y + box.height - lanesEnd() + 40);
}

/** Shows a task's whole life, from its launch to its end, with some room. */
function showLife(task) {
  const [from, to] = [tasks.launched[task], ranUntil(task)];
  const room = Math.max((to - from) * 0.6, 2 / picture.unit);
  showTime(from - room, to + room);
  reveal(task, selection.waits);
}

const pointer = { x: 0, y: 0, down: false, moved: false };
const place = (event) => {
  const box = stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
};

function listenToPointer() {
  stage.addEventListener("pointerdown", (event) => {
    Object.assign(pointer, place(event), { down: true, moved: false });
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    const { x, y } = place(event);
    if (pointer.down) {
      const [dx, dy] = [pointer.x - x, pointer.y - y];
      if (pointer.moved || Math.abs(dx) + Math.abs(dy) > 3) {
        pointer.moved = true;
        moveView(dx, dy);
        Object.assign(pointer, { x, y });
        showTip(null);
        redraw();
      }
      return;
    }
    const found = barAt(x, y);
    stage.style.cursor = found ? "pointer" : "grab";
    showTip(found, x, y);
  });
  stage.addEventListener("pointerup", (event) => {
    pointer.down = false;
    if (pointer.moved) return;
    const found = barAt(...Object.values(place(event)));
    if (found) select(found.task, found.waits, false, found.moment);
    else select(MISSING, false, false);
  });
  stage.addEventListener("pointerleave", () => showTip(null));
  stage.addEventListener("dblclick", () => {
    if (selection.task >= 0) showLife(selection.task);
    redraw();
  });
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = place(event);
    const amount = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    if (event.shiftKey) moveView(0, event.deltaY || event.deltaX);
    else if (event.altKey || event.ctrlKey) zoomLanes(Math.exp(-amount / 400), y);
    else {
      if (event.deltaX) moveView(event.deltaX, 0);
      if (amount) zoomTime(Math.exp(amount / 400), x);
    }
    showTip(null);
    redraw();
  }, { passive: false });
}

/** Selects the neighbour in a direction; the first task in view when none is selected. */
function step(direction) {
  if (selection.task < 0) {
    const first = lanes.findIndex((_, number) => bars[number].some((task) => chosen[task]));
    if (first < 0) return;
    const lane = lanes[first];
    const visible = bars[first].find((task) => chosen[task] && lane.until(task) >= view.from) ?? bars[first].find((task) => chosen[task]);
    select(visible, isWaiting(lane), true);
    return;
  }
  const next = neighbour(selection.task, selection.waits, direction);
  if (next) select(next.task, next.waits, true);
}

/** Around what keys zoom: the selected bar if it is in view, else the middle. */
function centre() {
  const box = selection.task < 0 ? null : boxOf(selection.task, selection.waits);
  if (!box) return {};
  const x = (Math.max(box.x, GUTTER) + Math.min(box.x + box.width, view.width)) / 2;
  const y = box.y + box.height / 2;
  return { x: x > GUTTER && x < view.width ? x : undefined, y: y > AXIS && y < lanesEnd() ? y : undefined };
}

/** What keys do while the picture has the focus. */
const KEYS = {
  ArrowLeft: (event) => (event.shiftKey ? moveView(-STEP, 0) : step("left")),
  ArrowRight: (event) => (event.shiftKey ? moveView(STEP, 0) : step("right")),
  ArrowUp: (event) => (event.shiftKey ? moveView(0, -STEP) : step("up")),
  ArrowDown: (event) => (event.shiftKey ? moveView(0, STEP) : step("down")),
  PageUp: () => moveView(0, AXIS - lanesEnd()),
  PageDown: () => moveView(0, lanesEnd() - AXIS),
  Home: () => showTime(whole.from, whole.from + view.to - view.from),
  End: () => showTime(whole.to - (view.to - view.from), whole.to),
  Enter: () => selection.task >= 0 && showLife(selection.task),
  b: () => {
    const wait = selection.task < 0 ? -1 : lastWait(selection.task);
    const [blocker] = wait < 0 ? [] : blockersOf(tasks.waits.reason[wait]);
    if (blocker !== undefined) select(blocker, tasks.lane[blocker] < 0, true);
  },
  "]": () => zoomLanes(1 / NEARER, centre().y),
  "[": () => zoomLanes(NEARER, centre().y),
};

/** What keys do anywhere on the page but in a field. */
const GLOBAL_KEYS = {
  "+": () => zoomTime(NEARER, centre().x),
  "=": () => zoomTime(NEARER, centre().x),
  "-": () => zoomTime(1 / NEARER, centre().x),
  0: () => fitView(),
  "/": () => byId("search").focus(),
  t: () => changeTheme(),
  "?": () => byId("help").showModal(),
  Escape: () => select(MISSING, false, false),
};

function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const field = event.target.matches("input, select");
    if (field && event.key !== "Escape") return;
    const act = GLOBAL_KEYS[event.key] ?? (document.activeElement === stage ? KEYS[event.key] : undefined);
    if (!act) return;
    event.preventDefault();
    if (field) stage.focus();
    act(event);
    redraw();
  });
}
