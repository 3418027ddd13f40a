// The controls above the picture.

function showCount() {
  const all = thousands(tasks.count);
  byId("count").textContent = isFiltered() ? `${thousands(chosenCount)} of ${all} tasks` : `${all} tasks`;
}

function listenToFilters() {
  fillChoices(byId("template"), "every template", countsOf(tasks.template), word);
  fillChoices(byId("group"), "every group", countsOf(tasks.group), (group) => capacities[group].name);
  fillChoices(byId("status"), "every status", countsOf(tasks.status), word);
  const changed = () => {
    applyFilter();
    showCount();
    redraw();
  };
  for (const name of ["template", "group", "status"]) {
    byId(name).addEventListener("change", (event) => {
      wanted[name] = event.target.value;
      changed();
    });
  }
  const search = byId("search");
  search.addEventListener("input", () => {
    wanted.text = search.value.trim();
    changed();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const task = taskById(Number(wanted.text)) ?? chosen.indexOf(1);
    if (wanted.text === "" || task < 0) {
      byId("live").textContent = `No task is called ${wanted.text}.`;
      return;
    }
    select(task, tasks.lane[task] < 0, false);
    showLife(task);
    stage.focus();
    redraw();
  });
}

/** Downloads what is seen as an SVG file. */
function exportSvg() {
  const pen = svgPen();
  drawScene(pen);
  const file = new Blob([pen.file(view.width, view.height, picture.title, descriptionOf())], { type: "image/svg+xml" });
  const link = element("a", "", { download: "timeline.svg" });
  link.href = URL.createObjectURL(file);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Shows the page in the other scheme. */
function changeTheme() {
  toggleTheme();
  recolour();
}

/** Reads the colours of the scheme that shows now. */
function recolour() {
  colours = readColours();
  showLegend();
  showPanel();
  redraw();
}

function listenToControls() {
  const click = (id, act) =>
    byId(id).addEventListener("click", () => {
      act();
      redraw();
    });
  click("nearer", () => zoomTime(NEARER * NEARER));
  click("farther", () => zoomTime(1 / (NEARER * NEARER)));
  click("fit", fitView);
  click("export", exportSvg);
  click("theme", changeTheme);
  click("help-open", () => byId("help").showModal());
  click("summary-open", () => {
    fillSummary();
    byId("summary").showModal();
  });
  byId("colour").addEventListener("change", (event) => {
    colouring = colourings[event.target.value];
    recolour();
  });
  const curve = byId("curve");
  curve.append(element("option", "curves: groups", { value: "" }));
  for (const one of groupsFirst) curve.append(element("option", capacities[one].name, { value: one }));
  const first = view.curves;
  curve.addEventListener("change", () => {
    view.curves = curve.value === "" ? first : [...first.filter((one) => one === "waiting"), Number(curve.value)];
    clampView();
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
}
