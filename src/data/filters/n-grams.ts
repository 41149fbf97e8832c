// Repeated runs of n words, counted without making a string for each. Every run is a piece of one joined text; pieces
// are compared by a polynomial hash of their UTF-16 units and, where hashes agree, unit by unit: the answer is exact.

import { numCodePoints } from '../words/python-strings.ts';

const MULTIPLIER = 0x01000193;

export class NGrams {
  private readonly numWords: number;
  /** [number of units] the words one after the other, each followed by `separator`. */
  private readonly units: Uint16Array;
  /** [numWords + 1] where each word begins in `units`, and where the next would. */
  private readonly begins: Int32Array;
  /** [numWords + 1] code points of the words before, without separators. */
  private readonly chars: Int32Array;
  /** [numWords + 1] hash of all units before each word. */
  private readonly hashes: Int32Array;
  private readonly separatorLength: number;

  constructor(words: readonly string[], separator: '' | ' ') {
    const n = words.length;
    let length = 0;
    for (const word of words) length += word.length + separator.length;
    this.numWords = n;
    this.separatorLength = separator.length;
    this.units = new Uint16Array(length);
    this.begins = new Int32Array(n + 1);
    this.chars = new Int32Array(n + 1);
    this.hashes = new Int32Array(n + 1);
    let at = 0;
    let hash = 0;
    for (let w = 0; w < n; w++) {
      const word = words[w];
      for (let i = 0; i < word.length; i++) {
        const unit = word.charCodeAt(i);
        this.units[at++] = unit;
        hash = (Math.imul(hash, MULTIPLIER) + unit + 1) | 0;
      }
      if (separator !== '') {
        this.units[at++] = 32;
        hash = (Math.imul(hash, MULTIPLIER) + 33) | 0;
      }
      this.begins[w + 1] = at;
      this.chars[w + 1] = this.chars[w] + numCodePoints(word);
      this.hashes[w + 1] = hash;
    }
  }

  /** Code points of the commonest run times its count; of equally common ones the first. 0 where there is none. */
  topChars(n: number): number {
    const last = this.numWords - n;
    if (last < 0) return 0;
    const table = new RunTable(last + 1);
    const counts = new Int32Array(last + 1);
    let most = 0;
    for (let w = 0; w <= last; w++) most = Math.max(most, ++counts[this.firstEqual(table, w, n)]);
    const top = counts.indexOf(most);
    return (this.charsOf(top, n) + (n - 1) * this.separatorLength) * most;
  }

  /** Code points of runs that were there before; after such a run the search goes on behind it. */
  repeatedChars(n: number): number {
    const last = this.numWords - n;
    const table = new RunTable(last + 1);
    let numChars = 0;
    for (let w = 0; w <= last; ) {
      if (this.firstEqual(table, w, n) === w) w++;
      else {
        numChars += this.charsOf(w, n);
        w += n;
      }
    }
    return numChars;
  }

  private charsOf(w: number, n: number): number {
    return this.chars[w + n] - this.chars[w];
  }

  /** The first word of the first run equal to that at w, which is w itself for a new one. */
  private firstEqual(table: RunTable, w: number, n: number): number {
    const hash = this.hashOf(w, n);
    for (let slot = table.slotOf(hash); ; slot = table.next(slot)) {
      const found = table.runs[slot] - 1;
      if (found < 0) {
        table.runs[slot] = w + 1;
        table.hashes[slot] = hash;
        return w;
      }
      if (table.hashes[slot] === hash && this.isEqual(found, w, n)) return found;
    }
  }

  private hashOf(w: number, n: number): number {
    const numUnits = this.begins[w + n] - this.begins[w];
    return (this.hashes[w + n] - Math.imul(this.hashes[w], powerOf(numUnits))) | 0;
  }

  private isEqual(a: number, b: number, n: number): boolean {
    const { units, begins } = this;
    const length = begins[a + n] - begins[a];
    if (begins[b + n] - begins[b] !== length) return false;
    for (let i = 0; i < length; i++) {
      if (units[begins[a] + i] !== units[begins[b] + i]) return false;
    }
    return true;
  }
}

/** Open addressing: run number plus one by hash; 0 is free. */
class RunTable {
  readonly runs: Int32Array;
  readonly hashes: Int32Array;
  private readonly shift: number;

  constructor(numRuns: number) {
    const bits = Math.max(4, 32 - Math.clz32(2 * Math.max(0, numRuns)));
    this.runs = new Int32Array(1 << bits);
    this.hashes = new Int32Array(1 << bits);
    this.shift = 32 - bits;
  }

  slotOf(hash: number): number {
    return Math.imul(hash, 0x9e3779b1 | 0) >>> this.shift;
  }

  next(slot: number): number {
    return (slot + 1) & (this.runs.length - 1);
  }
}

/** Powers below this are kept; longer runs of words are rare and put together from two halves. */
const MAX_POWERS = 1 << 16;
const powers: number[] = [1];

/** The multiplier to the power of n, modulo 2^32. */
function powerOf(n: number): number {
  if (n >= MAX_POWERS) return Math.imul(powerOf(n >>> 1), powerOf(n - (n >>> 1)));
  while (powers.length <= n) powers.push(Math.imul(powers[powers.length - 1], MULTIPLIER));
  return powers[n];
}
