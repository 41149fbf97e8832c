// Addresses of people: e-mail and public IP addresses give way to ones that belong to nobody (datatrove's PIIFormatter,
// its patterns and replacements). datatrove goes round its replacements over all documents of a worker; here each
// document starts with the first, so that its text does not depend on who came before.

import { type StageKind, withText } from '../stage.ts';

const DEFAULTS = {
  removeEmails: true,
  removeIps: true,
  onlyRemovePublicIps: true,
  emailReplacement: ['email@example.com', 'firstname.lastname@example.org'],
  ipReplacement: [
    '22.214.171.124',
    '126.96.36.199',
    '188.8.131.52',
    '184.108.40.206',
    '220.127.116.11',
    '18.104.22.168',
  ],
};
type Options = typeof DEFAULTS;

const ATOM = /[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]/;
const WORD = /[\p{L}\p{N}_]/u;
const OCTET = '(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)';
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
/** What follows the @; the second form is the pattern's own, which no address has. */
const DOMAIN = new RegExp(
  `(?:(?:${LABEL}\\.)+${LABEL}|\\[(?:${OCTET}\\.){3}(?:${OCTET}|[A-Za-z0-9-]*[A-Za-z0-9]:)\\])`,
  'y',
);
const IP = new RegExp(`(?:${OCTET}\\.){3}${OCTET}`, 'g');

export const pii: StageKind = {
  name: 'pii',
  summary: 'Replaces e-mail addresses and public IP addresses',
  options: DEFAULTS,
  create: (options) => {
    const checked = options as Options;
    return { name: 'pii', apply: (doc) => withText(doc, replaced(doc.text, checked)) };
  },
};

function replaced(text: string, options: Options): string {
  let result = text;
  if (options.removeEmails && text.includes('@')) {
    result = withoutEmails(result, inTurn(options.emailReplacement));
  }
  if (options.removeIps) {
    const next = inTurn(options.ipReplacement);
    result = result.replace(IP, (ip) => (isPersonal(ip, options.onlyRemovePublicIps) ? next() : ip));
  }
  return result;
}

function inTurn(replacements: readonly string[]): () => string {
  let i = 0;
  return () => replacements[i++ % replacements.length] ?? '';
}

/**
 * One look at each @, backwards for the local part, then the pattern for the domain: the same matches as the whole
 * pattern from left to right, in time that a long run of letters cannot square.
 */
function withoutEmails(text: string, next: () => string): string {
  let result = '';
  let done = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', Math.max(at + 1, done))) {
    const begin = localBegin(text, at, done);
    if (begin < 0) continue;
    DOMAIN.lastIndex = at + 1;
    if (!DOMAIN.test(text)) continue;
    result += text.slice(done, begin) + next();
    done = DOMAIN.lastIndex;
  }
  return result + text.slice(done);
}

/** Where the local part before the @ begins: at the edge of a word, not before `limit`; -1 where there is none. */
function localBegin(text: string, at: number, limit: number): number {
  if (at === limit || !ATOM.test(text[at - 1])) return -1;
  let first = at - 1;
  while (first > limit && (ATOM.test(text[first - 1]) || (text[first - 1] === '.' && text[first] !== '.'))) {
    first--;
  }
  for (let begin = first; begin < at; begin++) {
    if (text[begin] !== '.' && isWordEdge(text, begin)) return begin;
  }
  return -1;
}

function isWordEdge(text: string, at: number): boolean {
  const before = at > 0 && WORD.test(characterBefore(text, at));
  return before !== WORD.test(text[at]);
}

function characterBefore(text: string, at: number): string {
  const isLow = at > 1 && (text.charCodeAt(at - 1) & 0xfc00) === 0xdc00;
  return text.slice(isLow ? at - 2 : at - 1, at);
}

/** Networks that are nobody's public address (ipaddress of Python 3.11): first address and length of the prefix. */
const PRIVATE_NETWORKS: readonly (readonly [first: string, prefixLength: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 29],
  ['192.0.0.170', 31],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['240.0.0.0', 4],
];

/** Is this an address, and one of the public internet? An octet with a leading zero makes it none. */
function isPersonal(ip: string, publicOnly: boolean): boolean {
  if (/(^|\.)0[0-9]/.test(ip)) return false;
  if (!publicOnly) return true;
  const number = ipNumber(ip);
  return !PRIVATE_NETWORKS.some(([first, prefixLength]) => {
    const size = 2 ** (32 - prefixLength);
    return Math.floor(number / size) === Math.floor(ipNumber(first) / size);
  });
}

function ipNumber(ip: string): number {
  return ip.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}
