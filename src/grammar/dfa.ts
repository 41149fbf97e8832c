// Deterministic automata over code points, with intersection, union and difference. Every regular part of a schema
// (patterns, formats, numbers, property names) is one of these; text-lexer.ts spells them as bytes.

import { GrammarError } from '../base/errors.ts';

/** Most states of one automaton: `(a{1,1000}){1,1000}` must end in an error, not in all memory. */
export const MAX_STATES = 20_000;

export const MAX_CODE_POINT = 0x10ffff;

/** State 0 is the first; every state can still reach an accepting one, unless the language is empty. */
export interface Dfa {
  /** First code point of each class; class c ends before `starts[c + 1]`. starts[0] = 0. */
  readonly starts: readonly number[];
  /** [numStates, numClasses]: the next state, or -1. */
  readonly next: Int32Array;
  /** [numStates]: 1 where a word may end. */
  readonly accepts: Uint8Array;
}

export function numStates(dfa: Dfa): number {
  return dfa.accepts.length;
}

export function isEmpty(dfa: Dfa): boolean {
  return numStates(dfa) === 0;
}

/** Index of the class that holds `codePoint`. */
export function classOf(dfa: Dfa, codePoint: number): number {
  let low = 0;
  let high = dfa.starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (dfa.starts[middle] <= codePoint) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The state after `codePoint`, or -1. */
export function stepDfa(dfa: Dfa, state: number, codePoint: number): number {
  return dfa.next[state * dfa.starts.length + classOf(dfa, codePoint)];
}

export function matches(dfa: Dfa, text: string): boolean {
  if (isEmpty(dfa)) return false;
  let state = 0;
  for (const character of text) {
    state = stepDfa(dfa, state, character.codePointAt(0) as number);
    if (state < 0) return false;
  }
  return dfa.accepts[state] === 1;
}

/** What `explore` needs to know of an automaton that is described, not yet built. */
export interface Machine<S> {
  readonly starts: readonly number[];
  readonly first: S;
  /** The state after class `c`, or undefined. */
  step(state: S, c: number): S | undefined;
  accepts(state: S): boolean;
  /** Equal for equal states. */
  key(state: S): string;
}

/** Builds the automaton of a machine by breadth-first search, without states that lead nowhere. */
export function explore<S>(machine: Machine<S>, maxStates = MAX_STATES): Dfa {
  const numClasses = machine.starts.length;
  const indices = new Map([[machine.key(machine.first), 0]]);
  const states = [machine.first];
  const next: number[] = [];
  for (let i = 0; i < states.length; i++) {
    for (let c = 0; c < numClasses; c++) {
      const to = machine.step(states[i], c);
      if (to === undefined) {
        next.push(-1);
        continue;
      }
      const key = machine.key(to);
      let index = indices.get(key);
      if (index === undefined) {
        index = states.length;
        if (index >= maxStates) {
          throw new GrammarError(
            `expected an automaton of at most ${maxStates} states; make it simpler`,
            '#',
          );
        }
        indices.set(key, index);
        states.push(to);
      }
      next.push(index);
    }
  }
  return trim(
    machine.starts,
    next,
    states.map((state) => machine.accepts(state)),
  );
}

/** Drops states from which no word can end, and numbers the others anew. */
function trim(starts: readonly number[], next: readonly number[], accepts: readonly boolean[]): Dfa {
  const numClasses = starts.length;
  const before: number[][] = accepts.map(() => []);
  next.forEach((to, i) => {
    if (to >= 0) before[to].push(Math.floor(i / numClasses));
  });
  const alive = accepts.slice();
  const queue = accepts.flatMap((accepting, state) => (accepting ? [state] : []));
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    for (const from of before[state]) {
      if (!alive[from]) {
        alive[from] = true;
        queue.push(from);
      }
    }
  }
  if (!alive[0]) return { starts, next: new Int32Array(0), accepts: new Uint8Array(0) };
  let count = 0;
  const names = alive.map((is) => (is ? count++ : -1));
  const kept = new Int32Array(count * numClasses);
  alive.forEach((is, state) => {
    if (!is) return;
    for (let c = 0; c < numClasses; c++) {
      const to = next[state * numClasses + c];
      kept[names[state] * numClasses + c] = to < 0 ? -1 : names[to];
    }
  });
  return { starts, next: kept, accepts: Uint8Array.from(accepts.filter((_, s) => alive[s]).map(Number)) };
}

/** Words for which `both(in a, in b)` holds. `both(false, false)` must be false. */
export function combine(a: Dfa, b: Dfa, both: (inA: boolean, inB: boolean) => boolean): Dfa {
  const starts = [...new Set([...a.starts, ...b.starts])].sort((x, y) => x - y);
  const classA = starts.map((start) => classOf(a, start));
  const classB = starts.map((start) => classOf(b, start));
  const inside = (dfa: Dfa, state: number) => state >= 0 && dfa.accepts[state] === 1;
  const go = (dfa: Dfa, state: number, c: number) =>
    state < 0 ? -1 : dfa.next[state * dfa.starts.length + c];
  // A side that is dead may matter no more: then the other must be able to carry on alone.
  const deadA = !both(false, true);
  const deadB = !both(true, false);
  return explore<readonly [number, number]>({
    starts,
    first: [isEmpty(a) ? -1 : 0, isEmpty(b) ? -1 : 0],
    step: ([p, q], c) => {
      const to = [go(a, p, classA[c]), go(b, q, classB[c])] as const;
      if ((to[0] < 0 && deadA) || (to[1] < 0 && deadB)) return undefined;
      return to[0] < 0 && to[1] < 0 ? undefined : to;
    },
    accepts: ([p, q]) => both(inside(a, p), inside(b, q)),
    key: ([p, q]) => `${p},${q}`,
  });
}

export const intersect = (a: Dfa, b: Dfa): Dfa => combine(a, b, (inA, inB) => inA && inB);
export const union = (a: Dfa, b: Dfa): Dfa => combine(a, b, (inA, inB) => inA || inB);
export const subtract = (a: Dfa, b: Dfa): Dfa => combine(a, b, (inA, inB) => inA && !inB);

/** Every text. */
export const ANY_TEXT: Dfa = { starts: [0], next: Int32Array.of(0), accepts: Uint8Array.of(1) };

/** Texts of `min` to `max` code points. */
export function lengthBetween(min: number, max: number): Dfa {
  return explore<number>({
    starts: [0],
    first: 0,
    step: (n) => (n < max ? (n >= min && max === Number.POSITIVE_INFINITY ? n : n + 1) : undefined),
    accepts: (n) => n >= min && n <= max,
    key: String,
  });
}

/** Exactly these texts. */
export function anyOfWords(words: readonly string[]): Dfa {
  const codes = words.map((word) => Array.from(word, (character) => character.codePointAt(0) as number));
  const points = [...new Set(codes.flat())];
  const starts = [...new Set([0, ...points, ...points.map((point) => point + 1)])]
    .filter((start) => start <= MAX_CODE_POINT)
    .sort((x, y) => x - y);
  const wanted = new Set(points);
  // A state is the list of words that are still possible, and how many code points were read.
  return explore<{ readonly left: readonly number[]; readonly at: number }>({
    starts,
    first: { left: codes.map((_, i) => i), at: 0 },
    step: ({ left, at }, c) => {
      if (!wanted.has(starts[c])) return undefined;
      const still = left.filter((i) => codes[i][at] === starts[c]);
      return still.length > 0 ? { left: still, at: at + 1 } : undefined;
    },
    accepts: ({ left, at }) => left.some((i) => codes[i].length === at),
    key: ({ left, at }) => `${at}:${left.join()}`,
  });
}

/** Whether there are `enough` words of at most `max` code points. */
export function hasWords({ starts, next, accepts }: Dfa, max: number, enough: number): boolean {
  const numClasses = starts.length;
  let missing = enough;
  // Per state: how many words of the length lead there.
  let ways = Float64Array.from(accepts, (_, state) => (state === 0 ? 1 : 0));
  for (let length = 0; length <= max && missing > 0 && ways.some((n) => n > 0); length++) {
    const after = new Float64Array(ways.length);
    next.forEach((to, i) => {
      const c = i % numClasses;
      const points = (starts[c + 1] ?? MAX_CODE_POINT + 1) - starts[c];
      if (to >= 0) after[to] += points * ways[Math.floor(i / numClasses)];
    });
    for (const [state, n] of ways.entries()) missing -= n * accepts[state];
    ways = after;
  }
  return missing <= 0;
}
