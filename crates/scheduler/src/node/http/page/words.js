// Words and numbers for people, and elements that hold nothing but text.

/** An element with a class and text. Text from elsewhere becomes part of the page in this way alone. */
export function el(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Changes an element's text only if it differs, so that selections and readers are left in peace. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Milliseconds as the command line says them: `0.4 s`, `75 s`, `12 min`, `7 h`, `3 d`. */
export function span(milliseconds) {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** How long ago, in whole seconds at least: what changes every glance is not read. */
export function ago(then, now) {
  if (then === null) return "";
  const gone = now - Date.parse(then);
  return gone < 1000 ? "now" : `${span(Math.max(gone, 10) < 10000 ? Math.floor(gone / 1000) * 1000 : gone).replace(".0", "")} ago`;
}

/** How long from then to now, in whole seconds. */
export function since(then, now) {
  return span(Math.floor((now - Date.parse(then)) / 1000) * 1000).replace(".0 ", " ");
}

/** `project_update` as people say it. */
export function words(token) {
  return token.replaceAll("_", " ");
}

/** 12,345 */
export function number(many) {
  return many.toLocaleString("en");
}

/** How a status looks: good, bad, busy or calm. */
export function tone(status) {
  if (status === "successful") return "good";
  if (status === "running") return "busy";
  if (status === "failed" || status === "error" || status === "canceled") return "bad";
  return "calm";
}

/** What is wrong, where, and what to do about it, in a line; the place is not said twice. */
export function fault({ place, what, remedy }) {
  const where = place === "" || what.startsWith(place) ? what : `${place}: ${what}`;
  return remedy ? `${where} – ${remedy}` : where;
}
