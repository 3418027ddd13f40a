// A table whose rows stay the same elements while what they show changes: focus, selection and scrolling survive every overview.

import { el, say } from "./words.js";

export class Table {
  #section;
  #columns;
  #open;
  #body;
  #rows = new Map();
  #sort = null;
  #last = [[], 0, 0];

  /** `columns`: title, text(row, now), and where they differ from that: order(row), tone(row), wide, lead. `open(id)` shows a task. */
  constructor(section, columns, open) {
    this.#section = section;
    this.#columns = columns;
    this.#open = open;
    const table = section.querySelector("table");
    const head = table.createTHead().insertRow();
    for (const [at, column] of columns.entries()) {
      const title = head.appendChild(el("th"));
      title.scope = "col";
      const button = title.appendChild(el("button", "sort", column.title));
      button.type = "button";
      button.addEventListener("click", () => this.#sortBy(at));
    }
    this.#body = table.appendChild(el("tbody"));
    this.#body.addEventListener("click", (event) => this.#clicked(event));
    this.#body.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Shows these tasks; `total` is how many there are in all, `matching` a test that they must pass. */
  show(tasks, total, now, matching, none) {
    this.#last = [tasks, total, now, matching, none];
    const shown = tasks.filter(matching);
    if (this.#sort !== null) this.#order(shown, now);
    this.#place(shown, now);
    say(this.#section.querySelector(".much"), much(shown.length, tasks.length, total));
    this.#section.querySelector("table").hidden = shown.length === 0;
    say(this.#section.querySelector(".none"), shown.length > 0 ? "" : tasks.length > 0 ? "none matches the filter" : none);
  }

  #order(shown, now) {
    const { at, down } = this.#sort;
    const column = this.#columns[at];
    const key = column.order ?? ((row) => column.text(row, now).toLowerCase());
    const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
    shown.sort((one, other) => (down ? -1 : 1) * compare(key(one), key(other)) || one.id - other.id);
  }

  /** Once ascending, once descending, then as the store says. */
  #sortBy(at) {
    const now = this.#sort?.at === at ? this.#sort : null;
    this.#sort = now === null ? { at, down: false } : now.down ? null : { at, down: true };
    for (const [position, title] of [...this.#section.querySelectorAll("th")].entries()) {
      if (this.#sort?.at === position) title.ariaSort = this.#sort.down ? "descending" : "ascending";
      else title.removeAttribute("aria-sort");
    }
    if (this.#last.length > 3) this.show(...this.#last);
  }

  #place(shown, now) {
    const gone = new Set(this.#rows.keys());
    let next = this.#body.firstElementChild;
    for (const task of shown) {
      gone.delete(task.id);
      const row = this.#rows.get(task.id) ?? this.#create(task.id);
      this.#fill(row, task, now);
      if (row === next) next = row.nextElementSibling;
      else this.#body.insertBefore(row, next);
    }
    for (const id of gone) {
      this.#rows.get(id).remove();
      this.#rows.delete(id);
    }
    const leads = [...this.#body.querySelectorAll(".lead")];
    // One stop for the tabulator; arrows go on from there.
    if (!leads.some((lead) => lead.tabIndex === 0)) leads[0]?.setAttribute("tabindex", "0");
  }

  #create(id) {
    const row = el("tr");
    row.dataset.id = id;
    for (const column of this.#columns) {
      const cell = row.appendChild(el("td", column.wide ? "wide" : column.number ? "number" : ""));
      cell.dataset.title = column.title;
      if (column.lead) {
        const lead = cell.appendChild(el("button", "lead"));
        lead.type = "button";
        lead.tabIndex = -1;
        lead.append(el("span", "id"), el("span", "name"));
      } else if (column.tone) {
        cell.append(el("span", "badge"), el("span", "text"));
      }
    }
    this.#rows.set(id, row);
    return row;
  }

  #fill(row, task, now) {
    for (const [at, column] of this.#columns.entries()) {
      const cell = row.cells[at];
      if (column.lead) {
        say(cell.querySelector(".id"), String(task.id));
        say(cell.querySelector(".name"), task.name);
      } else if (column.tone) {
        const [tone, badge] = column.tone(task);
        const mark = cell.querySelector(".badge");
        mark.dataset.tone = tone;
        say(mark, badge);
        say(cell.querySelector(".text"), column.text(task, now));
      } else {
        say(cell, column.text(task, now));
      }
    }
  }

  #clicked(event) {
    const row = event.target.closest("tr");
    // Whoever marks text to copy it wants no task opened.
    if (row !== null && getSelection().isCollapsed) this.#open(Number(row.dataset.id));
  }

  #key(event) {
    const row = event.target.closest("tr");
    const to = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling", j: "nextElementSibling", k: "previousElementSibling" }[event.key];
    if (row === null || to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const lead = row[to]?.querySelector(".lead");
    if (!lead) return;
    event.target.tabIndex = -1;
    lead.tabIndex = 0;
    lead.focus();
  }
}

function much(shown, had, total) {
  const all = total.toLocaleString("en");
  if (shown < had) return total > had ? `${shown} of the first ${had}, ${all} in all` : `${shown} of ${all}`;
  return total > had ? `the first ${had} of ${all}` : all;
}
