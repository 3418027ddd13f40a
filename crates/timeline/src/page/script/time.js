// Moments and lengths of time as words, and the places of ticks.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TICKS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 14, 28, 56, 112, 364, 728, 3640].map((count) => count * DAY),
];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const two = (number) => String(number).padStart(2, "0");
const thousands = (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** A length of time in units: `0.5 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
function spanWords(units) {
  const millis = Math.max(0, units * picture.unit);
  const seconds = Math.floor(millis / SECOND);
  if (millis === 0) return "0 s";
  if (seconds < 10 && millis % SECOND !== 0) return `${(millis / SECOND).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

/** The clock of a day, with as much as a tick of this length needs. */
function clockWords(millis, tick) {
  const rest = ((millis % DAY) + DAY) % DAY;
  const [hours, minutes] = [Math.floor(rest / HOUR), Math.floor((rest % HOUR) / MINUTE)];
  const clock = `${two(hours)}:${two(minutes)}`;
  if (tick >= MINUTE) return clock;
  const seconds = (rest % MINUTE) / SECOND;
  return `${clock}:${tick >= SECOND ? two(Math.floor(seconds)) : seconds.toFixed(3).padStart(6, "0")}`;
}

/** The day: of the calendar, or counted from the beginning. */
function dayWords(millis) {
  if (picture.origin === null) return `day ${Math.floor(millis / DAY)}`;
  const date = new Date(millis);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

/** The day with its year, which the ticks leave out. */
function eraWords(moment) {
  const millis = moment * picture.unit + (picture.origin ?? 0);
  if (picture.origin === null) return "since the beginning";
  return `${dayWords(millis)} ${new Date(millis).getUTCFullYear()}, UTC`;
}

/** A moment in units, in full. */
function momentWords(moment) {
  const millis = moment * picture.unit + (picture.origin ?? 0);
  const fine = picture.unit < SECOND && millis % SECOND !== 0;
  const clock = clockWords(millis, fine ? 1 : SECOND);
  if (picture.origin === null) return millis >= DAY ? `${dayWords(millis)}, ${clock}` : clock;
  const date = new Date(millis);
  return `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())} ${clock}`;
}

/** The ticks between two moments, at most one in `gap` pixels of `width`. */
function ticksOf(from, to, width, gap) {
  const origin = picture.origin ?? 0;
  const [begin, end] = [from * picture.unit + origin, to * picture.unit + origin];
  const least = ((end - begin) * gap) / width;
  const tick = TICKS.find((length) => length >= least) ?? TICKS[TICKS.length - 1];
  const ticks = [];
  for (let millis = Math.ceil(begin / tick) * tick; millis <= end; millis += tick) {
    const newDay = tick >= DAY || millis % DAY === 0;
    ticks.push({
      moment: (millis - origin) / picture.unit,
      words: newDay ? dayWords(millis) : clockWords(millis, tick),
      strong: tick < DAY && newDay,
    });
  }
  return ticks;
}
