// Special cases that the rules tore apart are put together again: `(e.g.),` is peeled to `e.g` and `.`, and a second
// look at the tokens finds `e.g.`. Tokens are compared whatever stands between them, as spaCy does: a match over a
// space changes nothing, but keeps shorter ones from its tokens (`:-) )`).

import { isCutByRule, tokensOf } from './rules.ts';
import { SPECIAL_CASES } from './special-cases.ts';

/** Torn forms by their first token. */
const TORN: ReadonlyMap<string, readonly (readonly string[])[]> = tornForms();
/** Which tokens may follow a token inside a torn form. */
const FOLLOWERS: ReadonlyMap<string, ReadonlySet<string>> = followers();

interface Match {
  readonly begin: number;
  readonly end: number;
}

/** Might a torn form lie across two chunks, of which this is the last token of one and the first of the next? */
export function mayJoin(last: string, first: string): boolean {
  return FOLLOWERS.get(last)?.has(first) ?? false;
}

/** Could `last` be followed by anything in a torn form? */
export function isOpen(last: string): boolean {
  return FOLLOWERS.has(last);
}

/** All tokens that something may follow in a torn form. */
export function openTokens(): Iterable<string> {
  return FOLLOWERS.keys();
}

/**
 * The tokens with torn special cases mended.
 *
 * @param isSpaced  whether a space follows token i; without it, tokens touch (one chunk)
 */
export function mended(tokens: readonly string[], isSpaced?: (i: number) => boolean): readonly string[] {
  const matches = matchesOf(tokens);
  if (matches.length === 0) return tokens;
  const result: string[] = [];
  let at = 0;
  for (const { begin, end } of matches) {
    while (at < begin) result.push(tokens[at++]);
    let touches = true;
    for (let i = begin; i < end - 1; i++) touches &&= !isSpaced?.(i);
    const span = tokens.slice(begin, end);
    result.push(...((touches && SPECIAL_CASES.get(span.join(''))) || span));
    at = end;
  }
  while (at < tokens.length) result.push(tokens[at++]);
  return result;
}

/** Longest first, of equal ones the first; one that ends in a token of an earlier choice falls, and blocks too. */
function matchesOf(tokens: readonly string[]): Match[] {
  const all: Match[] = [];
  for (let begin = 0; begin < tokens.length; begin++) {
    for (const form of TORN.get(tokens[begin]) ?? []) {
      if (form.every((token, i) => tokens[begin + i] === token)) {
        all.push({ begin, end: begin + form.length });
      }
    }
  }
  if (all.length < 2) return all;
  all.sort((a, b) => b.end - b.begin - (a.end - a.begin) || a.begin - b.begin);
  const seen = new Set<number>();
  const chosen = all.filter(({ begin, end }) => {
    const isFree = !seen.has(begin) && !seen.has(end - 1);
    for (let i = begin; i < end; i++) seen.add(i);
    return isFree;
  });
  return chosen.sort((a, b) => a.begin - b.begin);
}

function tornForms(): Map<string, string[][]> {
  const forms = new Map<string, string[][]>();
  for (const chunk of SPECIAL_CASES.keys()) {
    if (chunk.trim() === '' || !isCutByRule(chunk)) continue;
    const tokens = tokensOf(chunk, false);
    forms.set(tokens[0], [...(forms.get(tokens[0]) ?? []), tokens]);
  }
  return forms;
}

function followers(): Map<string, Set<string>> {
  const result = new Map<string, Set<string>>();
  for (const form of [...TORN.values()].flat()) {
    for (let i = 1; i < form.length; i++) {
      result.set(form[i - 1], (result.get(form[i - 1]) ?? new Set()).add(form[i]));
    }
  }
  return result;
}
