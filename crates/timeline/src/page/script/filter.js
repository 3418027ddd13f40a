// Which tasks are asked for. Others stay on the page, faint.

/** What is asked for; empty asks for all. */
const wanted = { text: "", template: "", group: "", status: "" };
/** 1 for each task that is asked for. */
const chosen = new Uint8Array(tasks.count).fill(1);
let chosenCount = tasks.count;

/** Counts anew which tasks are asked for. */
function applyFilter() {
  const text = wanted.text.toLowerCase();
  const fits = words.map((one) => text === "" || one.toLowerCase().includes(text));
  const is = (choice, value) => choice === "" || Number(choice) === value;
  chosenCount = 0;
  for (let task = 0; task < tasks.count; task++) {
    const found = fits[tasks.name[task]] || String(tasks.id[task]) === text;
    const fit =
      found &&
      is(wanted.template, tasks.template[task]) &&
      is(wanted.group, tasks.group[task]) &&
      is(wanted.status, tasks.status[task]);
    chosen[task] = fit ? 1 : 0;
    chosenCount += chosen[task];
  }
}

const isFiltered = () => chosenCount < tasks.count;

/** Fills a list of choices: all, then each value with how often it occurs. */
function fillChoices(select, all, counts, wordsOf) {
  const option = (value, text) => {
    const element = document.createElement("option");
    element.value = value;
    element.textContent = text;
    return element;
  };
  select.append(option("", all));
  for (const [value, count] of counts) select.append(option(value, `${wordsOf(value)} (${thousands(count)})`));
}
