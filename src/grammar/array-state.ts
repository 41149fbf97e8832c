// Arrays: which items a shape has, and where in one the text stands.

import { isSpace, type Spacing, type ValueNode } from './json-value.ts';
import { anyUnused, enterWord, NewTextState, State } from './state.ts';
import { GrowingSets, identity, WordNode } from './words.ts';

/** `contains`: how many items must satisfy it. */
export interface ContainsShape {
  readonly min: number;
  readonly max: number;
}

/** One way to read an item. */
export interface ItemShape {
  readonly value: ValueNode;
  /** By how much the item advances the count of each `contains`: 0 or 1. */
  readonly counts: readonly number[];
}

export interface ArrayLimits {
  readonly min: number;
  readonly max: number;
  readonly contains: readonly ContainsShape[];
  /** Items differ from one another; they are then strings, numbers and constants, each in one spelling. */
  readonly unique: boolean;
}

export class ArrayShape {
  /** Readings of the first items, then of all others. */
  readonly first: readonly (readonly ItemShape[])[];
  readonly rest: readonly ItemShape[];
  readonly limits: ArrayLimits;
  readonly spacing: Spacing;
  /** Texts of the constants among the items, for arrays of different items. */
  readonly wordBytes: ReadonlyMap<ValueNode, readonly Uint8Array[]>;
  /** Texts of items that stood together, where they must differ. */
  readonly used = new GrowingSets();
  /** What `left` found, by the number of items and what each `contains` has counted. */
  private readonly leftKnown = new Map<string, number>();
  fewest = Number.POSITIVE_INFINITY;
  height = Number.POSITIVE_INFINITY;

  constructor(
    first: readonly (readonly ItemShape[])[],
    rest: readonly ItemShape[],
    limits: ArrayLimits,
    spacing: Spacing,
    wordBytes: ReadonlyMap<ValueNode, readonly Uint8Array[]>,
  ) {
    this.first = first;
    this.rest = rest;
    this.limits = limits;
    this.spacing = spacing;
    this.wordBytes = wordBytes;
  }

  itemsAt(index: number): readonly ItemShape[] {
    return this.first[index] ?? this.rest;
  }

  open(cont: State, depth: number): ArrayState {
    const found = this.limits.contains.map(() => 0);
    return new ArrayState(
      { shape: this, count: 0, found, used: undefined, depth: depth + 1 },
      'open',
      0,
      cont,
    );
  }

  measure(): void {
    this.leftKnown.clear();
    const place = {
      shape: this,
      count: 0,
      found: this.limits.contains.map(() => 0),
      used: undefined,
      depth: 0,
    };
    // From the back, so that no search is deeper than its counts.
    for (let count = this.first.length; count > 0; count--) this.left(count, place.found);
    this.fewest = 1 + this.bytesLeft(place);
    let height = 0;
    for (let i = 0; i < Math.min(this.needed(place), this.first.length + 1); i++) {
      height = Math.max(height, leastHeight(this.itemsAt(i)));
    }
    for (const [i, { min }] of this.limits.contains.entries()) {
      const counted = [...this.first.flat(), ...this.rest].filter(({ counts }) => counts[i] > 0);
      if (min > 0) height = Math.max(height, leastHeight(counted));
    }
    this.height = this.fewest < Number.POSITIVE_INFINITY ? height + 1 : Number.POSITIVE_INFINITY;
  }

  /** Fewest items that are still to come: those of minItems, or those that some `contains` lacks. */
  needed({ count, found }: Place): number {
    const lacking = this.limits.contains.reduce((sum, { min }, i) => sum + Math.max(0, min - found[i]), 0);
    return Math.max(0, this.limits.min - count, lacking);
  }

  /** Fewest bytes to the closing bracket; infinite where the array cannot be completed. */
  bytesLeft(place: Place): number {
    const bytes = this.left(place.count, place.found);
    // Different constants need not all be as short as the shortest.
    return this.limits.unique ? bytes + 8 * this.needed(place) : bytes;
  }

  private left(count: number, found: readonly number[]): number {
    const { contains, min } = this.limits;
    if (count >= this.first.length) return this.leftOfRest(count, found);
    // Beyond what is asked for, more that counts changes nothing, unless there may be too many.
    const clipped = found.map((n, i) =>
      contains[i].max < Number.POSITIVE_INFINITY ? n : Math.min(n, contains[i].min),
    );
    const key = `${count},${clipped.join()}`;
    const known = this.leftKnown.get(key);
    if (known !== undefined) return known;
    let fewest =
      count >= min && contains.every((one, i) => found[i] >= one.min) ? 1 : Number.POSITIVE_INFINITY;
    if (fewest > 1 && count < this.limits.max) {
      for (const { value, counts } of this.first[count]) {
        const after = clipped.map((n, i) => n + counts[i]);
        if (value.fewest === Number.POSITIVE_INFINITY || after.some((n, i) => n > contains[i].max)) continue;
        fewest = Math.min(fewest, value.fewest + 1 + this.left(count + 1, after));
      }
    }
    this.leftKnown.set(key, fewest);
    return fewest;
  }

  /** The same behind the first items, where all places are alike. */
  private leftOfRest(count: number, found: readonly number[]): number {
    const { limits, rest } = this;
    const lacking = limits.contains.map(({ min }, i) => Math.max(0, min - found[i]));
    const total = lacking.reduce((sum, n) => sum + n, 0);
    const needed = Math.max(0, limits.min - count, total);
    if (count + needed > limits.max) return Number.POSITIVE_INFINITY;
    const fewestOf = (items: readonly ItemShape[]) => Math.min(...items.map(({ value }) => value.fewest)) + 1;
    let bytes = 1;
    for (const [i, n] of lacking.entries()) {
      if (n > 0) bytes += n * fewestOf(rest.filter(({ counts }) => counts[i] > 0));
    }
    const others = needed - total;
    // What fills up to minItems must not be counted where the limit is reached.
    const mayCount = limits.contains.every(({ max }, i) => found[i] + lacking[i] + others <= max);
    const fillers = mayCount ? rest : rest.filter(({ counts }) => counts.every((n) => n === 0));
    return others > 0 ? bytes + others * fewestOf(fillers) : bytes;
  }
}

function leastHeight(items: readonly ItemShape[]): number {
  return Math.min(...items.map(({ value }) => value.height));
}

interface Place {
  readonly shape: ArrayShape;
  /** Items so far. */
  readonly count: number;
  /** Per `contains`: items that were counted for it. */
  readonly found: readonly number[];
  /** Texts of the items so far, where they must differ. */
  readonly used: WordNode | undefined;
  readonly depth: number;
}

export class ArrayState extends State {
  private readonly place: Place;
  /** After `[`, after a comma, after an item. */
  private readonly phase: 'open' | 'comma' | 'item';
  private readonly spaces: number;
  readonly cont: State;

  constructor(place: Place, phase: 'open' | 'comma' | 'item', spaces: number, cont: State) {
    super();
    this.place = place;
    this.phase = phase;
    this.spaces = spaces;
    this.cont = cont;
  }

  step(byte: number, out: State[]): void {
    const { place, phase, cont } = this;
    const { spacing } = place.shape;
    const spaces = Math.max(phase === 'comma' ? spacing.afterSeparator : 0, spacing.anywhere);
    if (this.spaces < spaces && isSpace(byte, spacing.anywhere > 0)) {
      out.push(new ArrayState(place, phase, this.spaces + 1, cont));
    } else if (byte === 0x5d) {
      if (phase !== 'comma' && this.mayClose) out.push(cont);
    } else if (phase === 'item') {
      if (byte === 0x2c && this.openItems().length > 0) out.push(new ArrayState(place, 'comma', 0, cont));
    } else {
      for (const item of this.openItems()) this.beginItem(item, byte, out);
    }
  }

  private get mayClose(): boolean {
    return this.place.shape.needed(this.place) === 0;
  }

  /** Readings of the next item after which the array can still be completed. */
  private openItems(): readonly ItemShape[] {
    const { shape, count, found, used, depth } = this.place;
    const { max, contains } = shape.limits;
    if (count >= max) return [];
    return shape.itemsAt(count).filter((item) => {
      if (!item.value.fits(depth)) return false;
      const after = found.map((n, i) => n + item.counts[i]);
      if (after.some((n, i) => n > contains[i].max)) return false;
      if (shape.bytesLeft({ ...this.place, count: count + 1, found: after }) === Number.POSITIVE_INFINITY)
        return false;
      return !shape.limits.unique || this.hasUnused(item.value, used);
    });
  }

  private hasUnused(value: ValueNode, used: WordNode | undefined): boolean {
    if (!used) return true;
    const words = this.place.shape.wordBytes.get(value) ?? [];
    if (words.some((bytes) => !contains(used, bytes))) return true;
    const quoted = used.children.get(0x22);
    return (
      value.strings.some((lexer) => anyUnused(lexer, 0, 0, [quoted])) ||
      value.numbers.some((lexer) => anyUnused(lexer, 0, 0, [used]))
    );
  }

  private beginItem({ value, counts }: ItemShape, byte: number, out: State[]): void {
    const { place, cont } = this;
    const found = place.found.map((n, i) => n + counts[i]);
    const after: Place = { ...place, count: place.count + 1, found };
    if (!place.shape.limits.unique) {
      value.begin(byte, new ArrayState(after, 'item', 0, cont), place.depth, out);
      return;
    }
    const used = place.used ?? new WordNode();
    const afterText = (bytes: Uint8Array) =>
      new ArrayState({ ...after, used: place.shape.used.with(place.used, bytes) }, 'item', 0, cont);
    const words = new WordNode();
    const all = place.shape.wordBytes.get(value) ?? [];
    all.forEach((bytes, i) => {
      if (!contains(used, bytes)) words.add(bytes, i);
    });
    const child = words.children.get(byte);
    if (child) enterWord(child, (word) => afterText(unclosed(all[word])), out);
    if (byte === 0x22) {
      const afterString = (bytes: Uint8Array) => afterText(Uint8Array.of(0x22, ...bytes));
      const cursors = [used.children.get(0x22)];
      for (const lexer of value.strings) {
        if (anyUnused(lexer, 0, 0, cursors))
          out.push(new NewTextState(lexer, 0, 0, cursors, '', afterString));
      }
    }
    for (const lexer of value.numbers) new NewTextState(lexer, 0, 0, [used], '', afterText).step(byte, out);
  }

  get remaining(): number {
    return this.place.shape.bytesLeft(this.place) + this.cont.remaining;
  }

  override get key(): string {
    const { shape, count, found, used, depth } = this.place;
    const place = [identity(shape), count, found.join(), used ? identity(used) : '', depth];
    return `a${place.join()},${this.phase},${this.spaces}`;
  }

  override withCont(cont: State): State {
    return new ArrayState(this.place, this.phase, this.spaces, cont);
  }
}

/** Whether a set of texts, strings without their closing quote, holds this one. */
function contains(used: WordNode, bytes: Uint8Array): boolean {
  const text = unclosed(bytes);
  let node: WordNode | undefined = used;
  for (const byte of text) node = node?.children.get(byte);
  return node !== undefined && node.word >= 0;
}

/** A spelled value; a string without its closing quote, as NewTextState reports it. */
function unclosed(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0x22 ? bytes.subarray(0, -1) : bytes;
}
