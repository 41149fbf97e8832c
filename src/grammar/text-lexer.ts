// A language of texts (dfa.ts, over code points) spelled as bytes: plain UTF-8, or the inside of a JSON string with
// its escapes. States are numbered as they are met, their moves kept in a table, because masks ask for millions.

import { classOf, type Dfa, hasWords, intersect, numStates } from './dfa.ts';

/**
 * How code points are written. `raw`: UTF-8. `json`: between quotes, with every escape of JSON.
 * `canonical`: as JSON.stringify writes it, so that two spellings are the same text only when they are the same.
 */
export type Spelling = 'raw' | 'json' | 'canonical';

const DEAD = -1;
const UNKNOWN = -2;
/** The closing quote. */
export const CLOSE = -3;
/** Set in a move that ends a code point. */
const COUNTED = 1 << 30;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SHORT_ESCAPES: Readonly<Record<string, number>> = {
  '"': 0x22,
  '\\': 0x5c,
  '/': 0x2f,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
};
/** Control characters that JSON.stringify writes as \u00xx. */
const LONG_CONTROLS = [
  [0, 7],
  [11, 11],
  [14, 31],
] as const;

/** What was read of a code point that is not complete. `block` code points from `base` on are possible. */
interface Partial {
  readonly kind: 'none' | 'utf8' | 'escape' | 'hex' | 'low-backslash' | 'low-u' | 'low-hex';
  readonly base: number;
  readonly block: number;
  /** The high surrogate before the low one; in UTF-8 the least code point that is not written too long. */
  readonly high: number;
}

const NONE: Partial = { kind: 'none', base: 0, block: 0, high: 0 };

/** A language and its spelling: the table of moves, without limits of length. */
export class TextTable {
  readonly spelling: Spelling;
  /** Whether every text is of the language. */
  readonly isFree: boolean;
  /** The largest number of code points that any state needs to its end. */
  readonly farthest: number;
  /** Per state: fewest code points and bytes (without the closing quote) to a place where the text may end. */
  private readonly points: number[] = [];
  private readonly lengths: number[] = [];
  readonly dfa: Dfa;
  private readonly hasByte: Uint8Array;
  private readonly dfaStates: number[] = [];
  private readonly partials: Partial[] = [];
  private readonly indices = new Map<string, number>();
  private table = new Int32Array(256 * 8).fill(UNKNOWN);
  /** Per state of the automaton: fewest code points and bytes to acceptance. */
  private readonly pointsToEnd: Float64Array;
  private readonly bytesToEnd: Float64Array;

  /** @param hasByte  [256]: bytes that tokens can write */
  constructor(dfa: Dfa, spelling: Spelling, hasByte: Uint8Array) {
    this.spelling = spelling;
    this.hasByte = hasByte;
    this.dfa = spelling === 'json' ? dfa : writable(dfa, spelling, hasByte);
    this.isFree = numStates(dfa) === 1 && dfa.starts.length === 1;
    this.pointsToEnd = distances(this.dfa, () => 1);
    this.bytesToEnd = distances(this.dfa, (c) => this.cheapest(this.dfa.starts[c], this.classEnd(c)));
    this.farthest = this.pointsToEnd.reduce((most, points) => Math.max(most, points), 0);
    if (numStates(this.dfa) > 0) this.index(0, NONE);
  }

  /** Fewest code points of a text; infinite when there is none. */
  get fewestPoints(): number {
    return this.pointsToEnd[0] ?? Number.POSITIVE_INFINITY;
  }

  /** The move of a byte: CLOSE, -1, or what `stateOf` and `completes` (below) read. */
  move(state: number, byte: number): number {
    const at = state * 256 + byte;
    let move = this.table[at];
    if (move === UNKNOWN) {
      move = this.hasByte[byte] === 0 ? DEAD : this.compute(state, byte);
      this.table[state * 256 + byte] = move;
    }
    return move;
  }

  /** Whether the text may end here. */
  accepts(state: number): boolean {
    return this.partials[state].kind === 'none' && this.dfa.accepts[this.dfaStates[state]] === 1;
  }

  /** Fewest code points to the end, one in progress counted. */
  pointsLeft(state: number): number {
    return this.points[state];
  }

  /** Fewest bytes to the end, without a closing quote. */
  bytesLeft(state: number): number {
    return this.lengths[state];
  }

  private classEnd(c: number): number {
    return c + 1 < this.dfa.starts.length ? this.dfa.starts[c + 1] - 1 : 0x10ffff;
  }

  /** Fewest bytes that write a code point of [low, high]. */
  private cheapest(low: number, high: number): number {
    if (this.spelling === 'raw' || high < 0x20)
      return high < 0x20 ? (this.spelling === 'raw' ? 1 : 6) : utf8Length(low);
    if (low === high && (low === QUOTE || low === BACKSLASH)) return 2;
    return utf8Length(Math.max(low, 0x20));
  }

  /** The number of a state, which is registered if new; DEAD when no text can follow. */
  private index(dfaState: number, partial: Partial): number {
    const key = `${dfaState}${partial.kind}${partial.base},${partial.block},${partial.high}`;
    const known = this.indices.get(key);
    if (known !== undefined) return known;
    let points = this.pointsToEnd[dfaState];
    let bytes = this.bytesToEnd[dfaState];
    if (partial.kind !== 'none') {
      points = Number.POSITIVE_INFINITY;
      bytes = Number.POSITIVE_INFINITY;
      for (const [low, high, left] of this.candidates(partial)) {
        for (let c = classOf(this.dfa, low); c < this.dfa.starts.length && this.dfa.starts[c] <= high; c++) {
          const to = this.dfa.next[dfaState * this.dfa.starts.length + c];
          if (to < 0) continue;
          points = Math.min(points, 1 + this.pointsToEnd[to]);
          bytes = Math.min(bytes, left + this.bytesToEnd[to]);
        }
      }
    }
    if (points === Number.POSITIVE_INFINITY) {
      this.indices.set(key, DEAD);
      return DEAD;
    }
    const state = this.partials.length;
    this.indices.set(key, state);
    this.partials.push(partial);
    this.dfaStates.push(dfaState);
    this.points.push(points);
    this.lengths.push(bytes);
    if (this.table.length < (state + 1) * 256) {
      const table = new Int32Array(this.table.length * 2).fill(UNKNOWN);
      table.set(this.table);
      this.table = table;
    }
    return state;
  }

  /** Code points that a partial one can become, with the bytes that are missing. */
  private candidates({ kind, base, block, high }: Partial): (readonly [number, number, number])[] {
    const last = base + block - 1;
    if (kind === 'utf8') {
      const from = block === 1 ? 0 : block === 64 ? 1 : block === 4096 ? 2 : 3;
      return validScalars(Math.max(base, high), last).map(([low, end]) => [low, end, from] as const);
    }
    if (kind === 'escape') {
      const short = Object.entries(SHORT_ESCAPES)
        .filter(([letter]) => this.spelling === 'json' || letter !== '/')
        .map(([, point]) => [point, point, 1] as const);
      return [
        ...short,
        ...this.candidates({ kind: 'hex', base: 0, block: 0x10000, high: 0 }).map(
          ([low, end, left]) => [low, end, left + 1] as const,
        ),
      ];
    }
    const digitsLeft = Math.round(Math.log2(block) / 4);
    if (kind === 'hex' && this.spelling === 'canonical') {
      return LONG_CONTROLS.filter(([low, end]) => low <= last && end >= base).map(
        ([low, end]) => [Math.max(low, base), Math.min(end, last), digitsLeft] as const,
      );
    }
    if (kind === 'hex') {
      const pairs = overlap(base, last, 0xd800, 0xdbff).map(
        ([from, to]) =>
          [
            0x10000 + ((from - 0xd800) << 10),
            0x10000 + ((to - 0xd800) << 10) + 0x3ff,
            digitsLeft + 6,
          ] as const,
      );
      return [...validScalars(base, last).map(([low, end]) => [low, end, digitsLeft] as const), ...pairs];
    }
    const plane = 0x10000 + ((high - 0xd800) << 10);
    if (kind === 'low-backslash') return [[plane, plane + 0x3ff, 6]];
    if (kind === 'low-u') return [[plane, plane + 0x3ff, 5]];
    return overlap(base, last, 0xdc00, 0xdfff).map(
      ([from, to]) => [plane + from - 0xdc00, plane + to - 0xdc00, digitsLeft] as const,
    );
  }

  private compute(state: number, byte: number): number {
    const dfaState = this.dfaStates[state];
    const partial = this.partials[state];
    if (partial.kind === 'none') return this.begin(dfaState, byte);
    if (partial.kind === 'utf8') {
      if ((byte & 0xc0) !== 0x80) return DEAD;
      const block = partial.block / 64;
      const base = partial.base + (byte & 0x3f) * block;
      if (block === 1) return base >= partial.high && isScalar(base) ? this.complete(dfaState, base) : DEAD;
      return this.index(dfaState, { ...partial, base, block });
    }
    if (partial.kind === 'escape') return this.escape(dfaState, byte);
    if (partial.kind === 'low-backslash') {
      return byte === BACKSLASH ? this.index(dfaState, { ...partial, kind: 'low-u' }) : DEAD;
    }
    if (partial.kind === 'low-u') {
      return byte === 0x75
        ? this.index(dfaState, { ...partial, kind: 'low-hex', base: 0, block: 0x10000 })
        : DEAD;
    }
    return this.hexDigit(dfaState, partial, byte);
  }

  private begin(dfaState: number, byte: number): number {
    if (this.spelling !== 'raw') {
      if (byte === QUOTE) return this.dfa.accepts[dfaState] === 1 ? CLOSE : DEAD;
      if (byte === BACKSLASH) return this.index(dfaState, { kind: 'escape', base: 0, block: 0, high: 0 });
      if (byte < 0x20) return DEAD;
    }
    if (byte < 0x80) return this.complete(dfaState, byte);
    const utf8 = (base: number, block: number) =>
      this.index(dfaState, {
        kind: 'utf8',
        base,
        block,
        high: block === 64 ? 0x80 : block === 4096 ? 0x800 : 0x10000,
      });
    if (byte >= 0xc2 && byte <= 0xdf) return utf8((byte & 0x1f) * 64, 64);
    if (byte >= 0xe0 && byte <= 0xef) return utf8((byte & 0x0f) * 4096, 4096);
    if (byte >= 0xf0 && byte <= 0xf4) return utf8((byte & 0x07) * 262144, 262144);
    return DEAD;
  }

  private escape(dfaState: number, byte: number): number {
    if (byte === 0x75) return this.index(dfaState, { kind: 'hex', base: 0, block: 0x10000, high: 0 });
    const letter = String.fromCharCode(byte);
    if (!Object.hasOwn(SHORT_ESCAPES, letter) || (letter === '/' && this.spelling !== 'json')) return DEAD;
    return this.complete(dfaState, SHORT_ESCAPES[letter]);
  }

  private hexDigit(dfaState: number, partial: Partial, byte: number): number {
    const letter = String.fromCharCode(byte);
    if (!(this.spelling === 'canonical' ? /[0-9a-f]/ : /[0-9a-fA-F]/).test(letter)) return DEAD;
    const block = partial.block / 16;
    const base = partial.base + Number.parseInt(letter, 16) * block;
    if (block > 1) return this.index(dfaState, { ...partial, base, block });
    if (partial.kind === 'low-hex') {
      if (base < 0xdc00 || base > 0xdfff) return DEAD;
      return this.complete(dfaState, 0x10000 + ((partial.high - 0xd800) << 10) + (base - 0xdc00));
    }
    if (this.spelling === 'canonical') {
      return LONG_CONTROLS.some(([low, high]) => low <= base && base <= high)
        ? this.complete(dfaState, base)
        : DEAD;
    }
    if (base >= 0xd800 && base <= 0xdbff) {
      return this.index(dfaState, { kind: 'low-backslash', base: 0, block: 0, high: base });
    }
    return base >= 0xdc00 && base <= 0xdfff ? DEAD : this.complete(dfaState, base);
  }

  private complete(dfaState: number, point: number): number {
    const to = this.dfa.next[dfaState * this.dfa.starts.length + classOf(this.dfa, point)];
    return to < 0 ? DEAD : this.index(to, NONE) | COUNTED;
  }
}

/** The state that a move leads to. */
export function stateOf(move: number): number {
  return move < 0 ? move : move & ~COUNTED;
}

/** Whether a move ends a code point. */
export function completes(move: number): boolean {
  return move >= 0 && (move & COUNTED) !== 0;
}

export interface LexerLimits {
  /** Fewest and most code points; `min` only where the language is that of all texts. */
  readonly min?: number;
  readonly max?: number;
}

/** A table with limits of length. */
export class TextLexer {
  readonly table: TextTable;
  readonly spelling: Spelling;
  readonly min: number;
  readonly max: number;
  private large: boolean | undefined;

  constructor(table: TextTable, limits: LexerLimits = {}) {
    this.table = table;
    this.spelling = table.spelling;
    this.min = limits.min ?? 0;
    this.max = limits.max ?? Number.POSITIVE_INFINITY;
  }

  get isEmpty(): boolean {
    const { fewestPoints } = this.table;
    return fewestPoints === Number.POSITIVE_INFINITY || fewestPoints > this.max || this.min > this.max;
  }

  /** Whether there are more texts than any document holds. */
  get isLarge(): boolean {
    this.large ??= this.hasTexts(2 ** 16);
    return this.large;
  }

  /** Whether there are `enough` different texts. */
  hasTexts(enough: number): boolean {
    return hasWords(this.table.dfa, this.max, enough);
  }

  /** Whether a text of `count` whole code points so far can still end in time. */
  fits(state: number, count: number): boolean {
    return count + this.table.pointsLeft(state) <= this.max;
  }

  /** Whether the text may end here. */
  accepts(state: number, count: number): boolean {
    return count >= this.min && this.table.accepts(state);
  }

  /** Fewest bytes to the end of the text, without a closing quote. */
  bytesLeft(state: number, count: number): number {
    return Math.max(this.table.bytesLeft(state), this.min - count);
  }
}

function isScalar(point: number): boolean {
  return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

function utf8Length(point: number): number {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

function overlap(low: number, high: number, from: number, to: number): (readonly [number, number])[] {
  return low <= high && low <= to && high >= from ? [[Math.max(low, from), Math.min(high, to)]] : [];
}

/** The parts of [low, high] that are Unicode scalar values. */
function validScalars(low: number, high: number): (readonly [number, number])[] {
  return [...overlap(low, high, 0, 0xd7ff), ...overlap(low, high, 0xe000, 0x10ffff)];
}

/** Per state: the least sum of class weights on a way to acceptance (Dijkstra, by rounds of relaxation). */
function distances(dfa: Dfa, weight: (c: number) => number): Float64Array {
  const numClasses = dfa.starts.length;
  const least = Float64Array.from(dfa.accepts, (accepting) => (accepting ? 0 : Number.POSITIVE_INFINITY));
  const weights = dfa.starts.map((_, c) => weight(c));
  for (let changed = true; changed; ) {
    changed = false;
    for (let state = numStates(dfa) - 1; state >= 0; state--) {
      for (let c = 0; c < numClasses; c++) {
        const to = dfa.next[state * numClasses + c];
        if (to >= 0 && weights[c] + least[to] < least[state]) {
          least[state] = weights[c] + least[to];
          changed = true;
        }
      }
    }
  }
  return least;
}

/** The automaton without code points for which no token has the bytes, where no escape can stand in for them. */
function writable(dfa: Dfa, spelling: Spelling, hasByte: Uint8Array): Dfa {
  const lost: (readonly [number, number])[] = [];
  const lose = (byte: number, low: number, high: number) => {
    if (hasByte[byte] === 0) lost.push([low, high]);
  };
  for (let byte = spelling === 'raw' ? 0 : 0x20; byte < 0x80; byte++) lose(byte, byte, byte);
  for (let byte = 0xc2; byte <= 0xdf; byte++) lose(byte, (byte & 0x1f) * 64, (byte & 0x1f) * 64 + 63);
  for (let byte = 0xe0; byte <= 0xef; byte++)
    lose(byte, Math.max(0x800, (byte & 0x0f) * 4096), (byte & 0x0f) * 4096 + 4095);
  for (let byte = 0xf0; byte <= 0xf4; byte++) {
    lose(byte, Math.max(0x10000, (byte & 7) * 262144), Math.min(0x10ffff, (byte & 7) * 262144 + 262143));
  }
  lost.push([0xd800, 0xdfff]); // no scalar values: no bytes at all
  const starts = [...new Set([0, ...lost.flatMap(([low, high]) => [low, high + 1])])]
    .filter((start) => start <= 0x10ffff)
    .sort((a, b) => a - b);
  const kept = starts.map((start) => (lost.some(([low, high]) => low <= start && start <= high) ? -1 : 0));
  return intersect(dfa, { starts, next: Int32Array.from(kept), accepts: Uint8Array.of(1) });
}
