// Pages by their address: blocked hosts and pages, words that none may have, words of which it may have one
// (datatrove's URLFilter, its order and reasons). The lists are the user's: FineWeb's come with datatrove, in its
// assets folder. Traps kept: words and hosts of the address are compared as they are written, words of the lists are in
// lower case; and subwords are looked for in the whole address with everything but letters and digits taken out.

import type { Outcome, Resources, Stage, StageKind, TextDocument } from '../stage.ts';

const DEFAULTS = {
  /** Lists: entries, or `file:PATH` for one with an entry a line (`#` begins a comment). */
  domains: [] as string[],
  urls: [] as string[],
  bannedWords: [] as string[],
  softBannedWords: [] as string[],
  bannedSubwords: [] as string[],
  /** So many soft words are too many. */
  softWordThreshold: 2,
};
type Options = typeof DEFAULTS;
type Lists = Readonly<Record<Exclude<keyof Options, 'softWordThreshold'>, ReadonlySet<string>>>;

const NOT_PLAIN = /[^a-zA-Z0-9]+/g;

export const urlFilter: StageKind = {
  name: 'url-filter',
  summary: 'Removes pages whose address is blocked or has words that are',
  options: DEFAULTS,
  create: (options, resources) => create(options as Options, resources),
};

async function create(options: Options, resources: Resources): Promise<Stage> {
  const list = async (entries: readonly string[], normal: (line: string) => string) =>
    new Set((await Promise.all(entries.map((entry) => linesOf(entry, resources)))).flat().map(normal));
  const asItIs = (line: string) => line.trim();
  const lists: Lists = {
    domains: await list(options.domains, asItIs),
    urls: await list(options.urls, asItIs),
    bannedWords: await list(options.bannedWords, plain),
    softBannedWords: await list(options.softBannedWords, plain),
    bannedSubwords: await list(options.bannedSubwords, plain),
  };
  return { name: 'url-filter', apply: (doc) => judge(doc, lists, options.softWordThreshold) };
}

async function linesOf(entry: string, resources: Resources): Promise<string[]> {
  if (!entry.startsWith('file:')) return [entry];
  const text = new TextDecoder().decode(await resources.readBytes(entry.slice('file:'.length)));
  return text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
}

function judge(doc: TextDocument, lists: Lists, softWordThreshold: number): Outcome {
  const { url } = doc.metadata;
  // datatrove stops at a document without an address.
  if (typeof url !== 'string' || url === '') return { removed: 'no_url' };
  const host = hostOf(url);
  const because = url;
  if (lists.domains.has(registeredDomain(host))) return { removed: 'domain', because };
  if (lists.domains.has(host)) return { removed: 'subdomain', because };
  if (lists.urls.has(url)) return { removed: 'url', because };
  const words = new Set(url.split(NOT_PLAIN));
  for (const word of lists.bannedWords)
    if (words.has(word)) return { removed: 'hard_blacklisted', because: word };
  const soft = [...lists.softBannedWords].filter((word) => words.has(word));
  if (soft.length >= softWordThreshold) return { removed: 'soft_blacklisted', because: soft.join(', ') };
  const squeezed = plain(url);
  for (const word of lists.bannedSubwords) {
    if (squeezed.includes(word)) return { removed: 'blacklisted_subword', because: word };
  }
  return doc;
}

function plain(text: string): string {
  return text.replace(NOT_PLAIN, '').toLowerCase();
}

/** `www.example.org` of `https://user@www.example.org:80/path`. */
function hostOf(url: string): string {
  const rest = url.replace(/^[a-z][a-z0-9+.-]*:/i, '').replace(/^\/\//, '');
  const authority = /^[^/?#]*/.exec(rest)![0];
  return authority
    .slice(authority.lastIndexOf('@') + 1)
    .replace(/:\d*$/, '')
    .replace(/\.$/, '');
}

/** Second labels under which countries register names: co.uk, com.au, ac.jp. */
const SECOND_LABELS = new Set('ac co com edu gen gob gov go gouv info mil ne net nom or org sch'.split(' '));

/**
 * The name somebody registered: the last two labels, three below `co.uk` and its like. The list of public suffixes
 * knows a few hundred more; under those a whole suffix is compared, which no block list holds.
 */
function registeredDomain(host: string): string {
  if (/^[\d.]+$|:/.test(host)) return host;
  const labels = host.split('.');
  const isDeep =
    labels.length > 2 && labels.at(-1)!.length === 2 && SECOND_LABELS.has(labels.at(-2)!.toLowerCase());
  return labels.slice(isDeep ? -3 : -2).join('.');
}
