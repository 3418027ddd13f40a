// Numbers about the whole, as tables that can be read without the picture.

/** How long tasks waited: how many, and the lengths that so many in a hundred did not exceed. */
function waitingRow(name, some) {
  const waits = some.filter(hasStarted).map((task) => tasks.started[task] - tasks.launched[task]);
  waits.sort((one, other) => one - other);
  const at = (percent) => {
    const rank = Math.max(Math.ceil((waits.length * percent) / 100), 1);
    return waits.length === 0 ? "" : spanWords(waits[rank - 1]);
  };
  return [name, thousands(some.length), thousands(waits.length), at(50), at(90), at(99), at(100)];
}

function tableOf(caption, header, rows) {
  const line = (cell, values) =>
    element("tr", values.map((value, at) => element(at === 0 ? "th" : cell, String(value), at === 0 ? { scope: "row" } : {})));
  const head = element("tr", header.map((title) => element("th", title, { scope: "col" })));
  return element("table", [
    element("caption", caption),
    element("thead", [head]),
    element("tbody", rows.map((row) => line("td", row))),
  ]);
}

/** The fork time that was used of a place, by what it had. */
function shareOf(place) {
  const [from, to] = [Math.max(whole.from, 0), picture.end];
  const had = sampled({ at: capacities[place].at, value: capacities[place].forks }, from, to, 1).mean[0];
  if (capacities[place].forks.some((forks) => forks < 0) || !(had > 0)) return "";
  return `${((sampled(usageOf(place), from, to, 1).mean[0] / had) * 100).toFixed(1)} %`;
}

function fillSummary() {
  const all = Array.from({ length: tasks.count }, (_, task) => task).filter((task) => chosen[task]);
  const by = (column) =>
    countsOf(column.filter((_, task) => chosen[task])).slice(0, 30).map(([value]) => [value, all.filter((task) => column[task] === value)]);
  const header = ["", "tasks", "started", "p50", "p90", "p99", "longest"];
  const places = groupsFirst.slice(0, 60).map((place) => {
    const forks = capacityAt(place, picture.end);
    const most = usageOf(place).peak;
    return [capacities[place].name, isFinite(forks) ? thousands(forks) : "no limit", thousands(most), shareOf(place)];
  });
  byId("summary-tables").replaceChildren(
    tableOf("How long tasks waited", header, [
      waitingRow(isFiltered() ? "chosen" : "all", all),
      ...by(tasks.group).map(([place, some]) => waitingRow(`group ${capacities[place].name}`, some)),
      ...by(tasks.template).map(([name, some]) => waitingRow(word(name), some)),
    ]),
    tableOf("How tasks ended", ["", "tasks"], by(tasks.status).map(([status, some]) => [word(status), thousands(some.length)])),
    tableOf("What was used", ["", "forks", "most at once", "share"], places),
  );
}

/** A few sentences in place of the picture. */
function descriptionOf() {
  const instances = capacities.filter((capacity) => !capacity.group).length;
  const [, , started, half, , , longest] = waitingRow("", Array.from({ length: tasks.count }, (_, task) => task));
  const ends = countsOf(tasks.status).map(([status, count]) => `${thousands(count)} ${word(status)}`).join(", ");
  const waits = tasks.count > 0 ? ` ${started} started; the median wait was ${half || "0 s"}, the longest ${longest || "0 s"}.` : "";
  const counted = (count, one) => `${thousands(count)} ${one}${count === 1 ? "" : "s"}`;
  return `${counted(tasks.count, "task")} on ${counted(instances, "instance")} in ${spanWords(picture.end)}: ${ends || "none"}.${waits}`;
}
