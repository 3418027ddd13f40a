// Puts the page together, and draws when something has changed.

let drawing = 0;

/** Draws before the next frame, once. */
function redraw() {
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    draw();
  });
}

function draw() {
  const context = canvas.getContext("2d", { alpha: false });
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(view.width * scale), Math.round(view.height * scale)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.setTransform(scale, 0, 0, scale, 0, 0);
  drawScene(canvasPen(context));
  placeCursor();
}

/** Lays an element over the selected bar, for those who read the page by its elements. */
function placeCursor() {
  const cursor = byId("cursor");
  const box = selection.task < 0 ? null : boxOf(selection.task, selection.waits);
  cursor.hidden = !box;
  if (!box) {
    stage.removeAttribute("aria-activedescendant");
    return;
  }
  stage.setAttribute("aria-activedescendant", "cursor");
  cursor.setAttribute("aria-label", sentenceOf(selection.task));
  Object.assign(cursor.style, { left: `${box.x}px`, top: `${box.y}px`, width: `${box.width}px`, height: `${box.height}px` });
}

function resize() {
  const { width, height } = stage.getBoundingClientRect();
  Object.assign(view, { width: Math.max(width, GUTTER + 100), height: Math.max(height, 200) });
  clampView();
  draw();
}

byId("title").textContent = picture.title;
byId("about").textContent = picture.about;
byId("description").textContent = descriptionOf();
showCount();
showLegend();
listenToFilters();
listenToControls();
listenToPointer();
listenToKeys();
new ResizeObserver(resize).observe(stage);
resize();
document.documentElement.dataset.ready = Math.round(performance.now());
