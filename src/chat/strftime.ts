// `strftime_now` of chat templates: Python's strftime in the C locale and local time (Llama 3 writes "Today Date:
// 26 Jul 2024").

const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
const DAY_MS = 86_400_000;

/** A number and how wide it is written; glibc's flags - _ 0 change the filling. */
type Field = readonly [value: number, width: number, fill: '0' | ' '] | string;

/** Days since 1 January, from 0. */
function dayOfYear(date: Date): number {
  return (
    (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0)) / DAY_MS
  );
}

/** ISO 8601: weeks begin on Monday, the first one holds 4 January. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()));
  thursday.setUTCDate(thursday.getUTCDate() + 4 - (thursday.getUTCDay() || 7));
  const year = thursday.getUTCFullYear();
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0)) / DAY_MS / 7) + 1 };
}

const COMPOSED: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  r: '%I:%M:%S %p',
  R: '%H:%M',
  T: '%H:%M:%S',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
};

const FIELDS: Readonly<Record<string, (date: Date) => Field>> = {
  a: (date) => DAYS[date.getDay()].slice(0, 3),
  A: (date) => DAYS[date.getDay()],
  b: (date) => MONTHS[date.getMonth()].slice(0, 3),
  B: (date) => MONTHS[date.getMonth()],
  h: (date) => MONTHS[date.getMonth()].slice(0, 3),
  C: (date) => [Math.floor(date.getFullYear() / 100), 2, '0'],
  d: (date) => [date.getDate(), 2, '0'],
  e: (date) => [date.getDate(), 2, ' '],
  f: (date) => [date.getMilliseconds() * 1000, 6, '0'],
  g: (date) => [isoWeek(date).year % 100, 2, '0'],
  G: (date) => [isoWeek(date).year, 4, '0'],
  H: (date) => [date.getHours(), 2, '0'],
  I: (date) => [date.getHours() % 12 || 12, 2, '0'],
  j: (date) => [dayOfYear(date) + 1, 3, '0'],
  k: (date) => [date.getHours(), 2, ' '],
  l: (date) => [date.getHours() % 12 || 12, 2, ' '],
  m: (date) => [date.getMonth() + 1, 2, '0'],
  M: (date) => [date.getMinutes(), 2, '0'],
  n: () => '\n',
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  P: (date) => (date.getHours() < 12 ? 'am' : 'pm'),
  s: (date) => [Math.floor(date.getTime() / 1000), 1, '0'],
  S: (date) => [date.getSeconds(), 2, '0'],
  t: () => '\t',
  u: (date) => [date.getDay() || 7, 1, '0'],
  U: (date) => [Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7), 2, '0'],
  V: (date) => [isoWeek(date).week, 2, '0'],
  w: (date) => [date.getDay(), 1, '0'],
  W: (date) => [Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7), 2, '0'],
  y: (date) => [date.getFullYear() % 100, 2, '0'],
  Y: (date) => [date.getFullYear(), 1, '0'],
  z: () => '',
  Z: () => '',
  '%': () => '%',
};

/** Directives that Python does not know stay as they are; `%z` and `%Z` are empty, as of a time without zone. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([-_0^#]?)([A-Za-z%])/g, (directive, flag: string, letter: string) => {
    if (Object.hasOwn(COMPOSED, letter) && flag === '') return strftime(date, COMPOSED[letter]);
    if (!Object.hasOwn(FIELDS, letter)) return directive;
    const field = FIELDS[letter](date);
    if (typeof field === 'string') return flag === '^' || flag === '#' ? field.toUpperCase() : field;
    const [value, width, fill] = field;
    if (flag === '-') return String(value);
    return String(value).padStart(width, flag === '_' ? ' ' : flag === '0' ? '0' : fill);
  });
}
