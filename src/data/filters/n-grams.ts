// Repeated runs of n words, counted without making a string for each. Runs joined by a space are equal where their
// words are: a run of n is known by the number of its first n − 1 words, as they first stood there, and that of its
// last. Runs joined without a space are pieces of one joined text, compared by a polynomial hash of their UTF-16 units
// and, where hashes agree, unit by unit. Both answers are exact.

const MULTIPLIER = 0x01000193;

export class NGrams {
  private readonly numWords: number;
  /** [number of units] the words one after the other. */
  private readonly units: Uint16Array;
  /** [numWords + 1] where each word begins in `units`, and where the next would. */
  private readonly begins: Int32Array;
  /** [numWords + 1] code points of the words before. */
  private readonly chars: Int32Array;
  /** [numWords + 1] hash of all units before each word. */
  private readonly hashes: Int32Array;
  /** [numWords] the first word equal to each, and the first run of `runLength` words equal to that at each. */
  private words: Int32Array | undefined;
  private runs: Int32Array | undefined;
  private runLength = 1;

  constructor(words: readonly string[]) {
    const joined = words.join('');
    const n = words.length;
    this.numWords = n;
    this.units = new Uint16Array(joined.length);
    this.begins = new Int32Array(n + 1);
    this.chars = new Int32Array(n + 1);
    this.hashes = new Int32Array(n + 1);
    let at = 0;
    let hash = 0;
    let numPairs = 0;
    for (let w = 0; w < n; w++) {
      const end = at + words[w].length;
      for (; at < end; at++) {
        const unit = joined.charCodeAt(at);
        this.units[at] = unit;
        hash = (Math.imul(hash, MULTIPLIER) + unit + 1) | 0;
        // The second half of a pair, within the word.
        if ((unit & 0xfc00) === 0xdc00 && at > this.begins[w] && (this.units[at - 1] & 0xfc00) === 0xd800) {
          numPairs++;
        }
      }
      this.begins[w + 1] = at;
      this.chars[w + 1] = at - numPairs;
      this.hashes[w + 1] = hash;
    }
  }

  /** Code points of the commonest run with its spaces, times its count; of equally common ones the first. */
  topChars(n: number): number {
    const last = this.numWords - n;
    if (last < 0) return 0;
    const runs = this.runsOf(n);
    const counts = new Int32Array(last + 1);
    let most = 0;
    for (let w = 0; w <= last; w++) {
      const count = ++counts[runs[w]];
      if (count > most) most = count;
    }
    const top = counts.indexOf(most);
    return (this.charsOf(top, n) + n - 1) * most;
  }

  /** Code points of runs, joined without spaces, that were there before; the search goes on behind such a run. */
  repeatedChars(n: number): number {
    const last = this.numWords - n;
    const table = clearTable(last + 1);
    let numChars = 0;
    for (let w = 0; w <= last; ) {
      if (this.isNew(table, w, n)) w++;
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

  /** [numWords − n + 1] the first run of n words equal to that at each word. */
  private runsOf(n: number): Int32Array {
    this.words ??= this.firstWords();
    if (this.runs === undefined || this.runLength > n) {
      this.runs = this.words;
      this.runLength = 1;
    }
    for (; this.runLength < n; this.runLength++)
      this.runs = this.longerRuns(this.runs, this.words, this.runLength);
    return this.runs;
  }

  private firstWords(): Int32Array {
    const table = clearTable(this.numWords);
    const { slots, shift, mask } = table;
    const words = new Int32Array(this.numWords);
    for (let w = 0; w < words.length; w++) {
      let slot = Math.imul(this.hashOf(w, 1), SPREAD) >>> shift;
      while (slots[slot] !== 0 && !this.isEqual(slots[slot] - 1, w, 1)) slot = (slot + 1) & mask;
      if (slots[slot] === 0) slots[slot] = w + 1;
      words[w] = slots[slot] - 1;
    }
    return words;
  }

  /** Runs one word longer: equal where the shorter run and the word behind it are. */
  private longerRuns(runs: Int32Array, words: Int32Array, n: number): Int32Array {
    const longer = new Int32Array(Math.max(0, this.numWords - n));
    const { slots, shift, mask } = clearTable(longer.length);
    for (let w = 0; w < longer.length; w++) {
      const [run, word] = [runs[w], words[w + n]];
      let slot = Math.imul(Math.imul(run, MULTIPLIER) + word, SPREAD) >>> shift;
      for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
        const found = slots[slot] - 1;
        if (runs[found] === run && words[found + n] === word) break;
      }
      if (slots[slot] === 0) slots[slot] = w + 1;
      longer[w] = slots[slot] - 1;
    }
    return longer;
  }

  /** Whether no equal run was in the table; it is from now on. */
  private isNew({ slots, shift, mask }: Table, w: number, n: number): boolean {
    let slot = Math.imul(this.hashOf(w, n), SPREAD) >>> shift;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.isEqual(slots[slot] - 1, w, n)) return false;
    }
    slots[slot] = w + 1;
    return true;
  }

  private hashOf(w: number, n: number): number {
    const numUnits = this.begins[w + n] - this.begins[w];
    return (this.hashes[w + n] - Math.imul(this.hashes[w], powerOf(numUnits))) | 0;
  }

  private isEqual(a: number, b: number, n: number): boolean {
    const { units, begins } = this;
    const [beginA, beginB] = [begins[a], begins[b]];
    const length = begins[a + n] - beginA;
    if (begins[b + n] - beginB !== length) return false;
    for (let i = 0; i < length; i++) if (units[beginA + i] !== units[beginB + i]) return false;
    return true;
  }
}

/** Open addressing: run number plus one by hash; 0 is free. */
interface Table {
  readonly slots: Int32Array;
  readonly shift: number;
  readonly mask: number;
}

/** Spreads a hash over its upper bits (2^32 / golden ratio). */
const SPREAD = 0x9e3779b1 | 0;
/** One table after the other lies here: nine are needed for every document, none beside another. */
let room = new Int32Array(1 << 12);

function clearTable(numRuns: number): Table {
  const bits = Math.max(4, 32 - Math.clz32(2 * Math.max(0, numRuns)));
  if (room.length < 1 << bits) room = new Int32Array(1 << bits);
  const slots = room.length === 1 << bits ? room : room.subarray(0, 1 << bits);
  slots.fill(0);
  return { slots, shift: 32 - bits, mask: (1 << bits) - 1 };
}

/** Powers below this are kept; longer runs of words are rare and put together from two halves. */
const MAX_POWERS = 1 << 10;
const powers = new Int32Array(MAX_POWERS).fill(1);
for (let n = 1; n < MAX_POWERS; n++) powers[n] = Math.imul(powers[n - 1], MULTIPLIER);

/** The multiplier to the power of n, modulo 2^32. */
function powerOf(n: number): number {
  if (n < MAX_POWERS) return powers[n];
  return Math.imul(powerOf(n >>> 1), powerOf(n - (n >>> 1)));
}
