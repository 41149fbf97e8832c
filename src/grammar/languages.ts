// The languages of strings that schemas name: patterns, formats, fixed texts; their automata, kept.

import { GrammarError } from '../base/errors.ts';
import {
  ANY_TEXT,
  anyOfWords,
  type Dfa,
  intersect,
  lengthBetween,
  matches,
  numStates,
  subtract,
} from './dfa.ts';
import { FORMATS } from './formats.ts';
import { partKey, type StringPart } from './parts.ts';
import { regexDfa } from './regex-dfa.ts';

/** Longest minLength beside a pattern: both become one automaton. */
const MAX_MIN_LENGTH = 2048;

/** Automata of formats are the same for every schema. */
const formats = new Map<string, Dfa>();

export class Languages {
  private readonly known = new Map<string, Dfa>();
  private readonly empty = new Map<string, boolean>();

  /** @param name  `/pattern`, `:format` or `=text` */
  dfa(name: string): Dfa {
    const shared = name.startsWith(':') ? formats : this.known;
    let dfa = shared.get(name);
    if (!dfa) {
      const rest = name.slice(1);
      if (name.startsWith('/')) dfa = regexDfa(rest, true);
      else dfa = name.startsWith(':') ? regexDfa(FORMATS[rest], false) : anyOfWords([rest]);
      shared.set(name, dfa);
    }
    return dfa;
  }

  /** Whether a text is of the part's language. */
  holds(part: StringPart, text: string): boolean {
    const length = Array.from(text).length;
    return (
      (part.values === undefined || part.values.includes(text)) &&
      length >= part.min &&
      length <= part.max &&
      part.yes.every((name) => matches(this.dfa(name), text)) &&
      !part.no.some((name) => matches(this.dfa(name), text))
    );
  }

  /** Whether no text is of the part's language. */
  isEmpty(part: StringPart): boolean {
    const key = partKey({ ...part, min: 0, max: 0 });
    let is = this.empty.get(key);
    if (is === undefined) {
      is = numStates(this.ofPart({ ...part, min: 0 })) === 0;
      this.empty.set(key, is);
    }
    return is;
  }

  /** The part's language but for its greatest length, which lexers count. */
  ofPart(part: StringPart): Dfa {
    let dfa = part.values ? anyOfWords(part.values) : ANY_TEXT;
    for (const name of part.yes) dfa = dfa === ANY_TEXT ? this.dfa(name) : intersect(dfa, this.dfa(name));
    const texts = part.no.filter((name) => name.startsWith('='));
    if (texts.length > 0) dfa = subtract(dfa, anyOfWords(texts.map((name) => name.slice(1))));
    for (const name of part.no) if (!name.startsWith('=')) dfa = subtract(dfa, this.dfa(name));
    if (part.min > 0 && dfa !== ANY_TEXT) {
      if (part.min > MAX_MIN_LENGTH) {
        throw new GrammarError(
          `expected minLength up to ${MAX_MIN_LENGTH} beside a pattern, got ${part.min}`,
          '#',
          'minLength',
        );
      }
      dfa = intersect(dfa, lengthBetween(part.min, Number.POSITIVE_INFINITY));
    }
    return dfa;
  }
}
