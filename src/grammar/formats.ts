// The formats that are enforced, each as a regular expression of our own: a part of the standard's language where the
// whole is not regular or not useful (a `regex` is written without look-around, a host name in lower or upper case).

const DAY31 = '(?:0[1-9]|[12]\\d|3[01])';
const DATE =
  `(?:\\d{4}-(?:0[13578]|1[02])-${DAY31}|\\d{4}-(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|\\d{4}-02-(?:0[1-9]|1\\d|2[0-8])` +
  // 29 February: years divisible by 4, but not by 100 unless by 400.
  '|(?:\\d{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)';
const ZONE = '(?:[Zz]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)';
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?';
// A leap second stands at 23:59:60 UTC, so with an offset of whole hours at another hour.
const two = (n: number) => String(n).padStart(2, '0');
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const LEAP_FRACTION = '(?:\\.\\d{1,9})?';
const LEAP = [
  `23:59:60${LEAP_FRACTION}(?:[Zz]|\\+00:00)`,
  ...HOURS.map((hour) => `${two(hour)}:59:60${LEAP_FRACTION}-${two(23 - hour)}:00`),
  ...HOURS.slice(0, 23).map((hour) => `${two(hour)}:59:60${LEAP_FRACTION}\\+${two(hour + 1)}:00`),
].join('|');
const TIME = `(?:${CLOCK}${ZONE}|${LEAP})`;
const HEX = '[0-9a-fA-F]';
const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = `${BYTE}(?:\\.${BYTE}){3}`;
const GROUP = `${HEX}{1,4}`;
const IPV6 = [
  `(?:${GROUP}:){7}${GROUP}`,
  `(?:${GROUP}:){6}${IPV4}`,
  // `::` with so many groups before it and at most so many after.
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((before) => {
    const left = before === 0 ? ':' : `(?:${GROUP}:){${before}}`;
    const after = 7 - before;
    const right = after === 0 ? '' : `(?:${GROUP}(?::${GROUP}){0,${after - 1}})?`;
    const four = after >= 2 ? `|(?:${GROUP}:){0,${after - 2}}${IPV4}` : '';
    return `${left}:(?:${right}${four})`;
  }),
].join('|');
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const SHORT_LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,33}[A-Za-z0-9])?';
/** Stands last in its class: it ends in a hyphen. */
const UNRESERVED = 'A-Za-z0-9._~-';
const SUB_DELIMS = "!$&'()*+,;=";
const PERCENT = `%${HEX}{2}`;
const PCHAR = `(?:[${SUB_DELIMS}:@${UNRESERVED}]|${PERCENT})`;
const AUTHORITY =
  `(?:(?:[${SUB_DELIMS}:${UNRESERVED}]|${PERCENT})*@)?` +
  `(?:\\[(?:${IPV6})\\]|(?:[${SUB_DELIMS}${UNRESERVED}]|${PERCENT})*)(?::\\d{0,5})?`;
const SUFFIX = `(?:\\?(?:${PCHAR}|[/?])*)?(?:#(?:${PCHAR}|[/?])*)?`;
const SCHEME = '[A-Za-z][A-Za-z0-9+.-]*:';
const HIERARCHY = `(?://${AUTHORITY}(?:/${PCHAR}*)*|/(?:${PCHAR}+(?:/${PCHAR}*)*)?|${PCHAR}+(?:/${PCHAR}*)*)`;
const URI = `${SCHEME}${HIERARCHY}${SUFFIX}`;
const SEGMENT_NO_COLON = `(?:[${SUB_DELIMS}@${UNRESERVED}]|${PERCENT})+`;
const RELATIVE_PATH = `/(?:${PCHAR}+(?:/${PCHAR}*)*)?|${SEGMENT_NO_COLON}(?:/${PCHAR}*)*`;
const RELATIVE = `(?:(?://${AUTHORITY}(?:/${PCHAR}*)*|${RELATIVE_PATH})?${SUFFIX})`;
const VARIABLE = `(?:[A-Za-z0-9_]|${PERCENT})+(?::[1-9]\\d{0,3}|\\*)?`;
const TEMPLATE_PART = `\\{[+#./;?&=,!@|]?${VARIABLE}(?:,${VARIABLE})*\\}`;
const TEMPLATE = `(?:[^\\x00-\\x20"'<>%\\\\^\`{|}\\x7f-\\uffff]|${PERCENT}|${TEMPLATE_PART})*`;
const ATEXT = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]";
// Regular expressions: literals, classes, escapes and groups in groups, each with at most one quantifier.
const QUANTIFIER = '(?:[*+?]|\\{\\d{1,2},?\\})?';
const REGEX_ATOM =
  '(?:[A-Za-z0-9 _/,;:=@!#%&~\'"<>-]|\\.|\\\\[dDwWsS.*+?^$(){}\\[\\]|/\\\\]|\\[\\^?(?:[a-z0-9_]|\\\\[dws])+\\])';
const regexOf = (atom: string): string => {
  const piece = `${atom}${QUANTIFIER}`;
  return `\\^?(?:${piece})*(?:\\|(?:${piece})+)*\\$?`;
};
const REGEX = regexOf(`(?:${REGEX_ATOM}|\\((?:\\?:)?(?:${REGEX_ATOM}${QUANTIFIER}|\\|)*\\))`);
const POINTER = '(?:/(?:[^~/]|~[01])*)*';

const DAYS = '\\d+D|\\d+M(?:\\d+D)?|\\d+Y(?:\\d+M(?:\\d+D)?)?';
const SECONDS = '\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S';

/** Patterns that the whole text must match, by the name of the format. */
export const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE}[Tt](?:${CLOCK}${ZONE}|${LEAP})`,
  duration: `P(?:\\d+W|(?:${DAYS})(?:T(?:${SECONDS}))?|T(?:${SECONDS}))`,
  email: `${ATEXT}+(?:\\.${ATEXT}+)*@(?:${LABEL}\\.)+${LABEL}`,
  // At most 253 characters: seven labels of 35 and their dots.
  hostname: `${SHORT_LABEL}(?:\\.${SHORT_LABEL}){0,6}`,
  ipv4: IPV4,
  ipv6: `(?:${IPV6})`,
  uri: URI,
  'uri-reference': `(?:${URI}|${RELATIVE})`,
  'uri-template': TEMPLATE,
  uuid: `${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}`,
  regex: REGEX,
  'json-pointer': POINTER,
  'relative-json-pointer': `(?:0|[1-9]\\d{0,9})(?:#|${POINTER})`,
  'json-pointer-uri-fragment': `#(?:/(?:[a-zA-Z0-9_.!$&'()*+,;:=@-]|%[0-9a-fA-F]{2}|~0|~1)*)*`,
  byte: '(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?',
};

/** Formats of numbers: whole numbers in a range. Doubles and floats are any number. */
export const NUMBER_FORMATS: Readonly<
  Record<string, { readonly min?: number; readonly max?: number; readonly integer: boolean }>
> = {
  int32: { min: -(2 ** 31), max: 2 ** 31 - 1, integer: true },
  int64: { integer: true },
  float: { integer: false },
  double: { integer: false },
};

/** Formats that only describe: nothing is enforced, as the standard allows. All unknown names are such, too. */
export const REFUSED_FORMATS: readonly string[] = [
  'url',
  'iso-time',
  'iso-date-time',
  'idn-email',
  'idn-hostname',
  'iri',
  'iri-reference',
];
