// Objects: which properties a shape has, and where in one the text stands. Declared properties come in the order of
// the schema, additional ones once all required properties are there; no name comes twice.

import { isSpace, type Spacing, type ValueNode } from './json-value.ts';
import { anyUnused, enterWord, NewTextState, State } from './state.ts';
import type { TextLexer } from './text-lexer.ts';
import { GrowingSets, identity, WordNode } from './words.ts';

export interface PropertyShape {
  /** The name, spelled, with its quotes. */
  readonly spelled: Uint8Array;
  readonly value: ValueNode;
  readonly required: boolean;
  /** Properties of one chain keep their order: `rank` counts from 0. Those of different chains mix freely. */
  readonly chain: number;
  readonly rank: number;
}

/** Names that are not declared, with what stands under them. */
export interface ExtraShape {
  readonly names: TextLexer;
  readonly value: ValueNode;
  /** Whether a property of this kind can be the one that must exist (`ObjectLimits.needsWitness`). */
  readonly isWitness: boolean;
}

export interface ObjectLimits {
  readonly min: number;
  readonly max: number;
  /** At least one additional property, and the first of them of a witness kind. */
  readonly needsWitness: boolean;
}

/** After `{`, after a comma, after a key, after its colon, after a value. */
type Phase = 'open' | 'comma' | 'key' | 'colon' | 'value';

export class ObjectShape {
  readonly properties: readonly PropertyShape[];
  readonly extras: readonly ExtraShape[];
  readonly limits: ObjectLimits;
  readonly spacing: Spacing;
  /** Names that additional properties may not have, spelled without quotes: all declared ones. */
  readonly declared: WordNode;
  fewest = Number.POSITIVE_INFINITY;
  height = Number.POSITIVE_INFINITY;
  /** Bytes of one more property beyond the required ones. */
  private spareBytes = 0;
  /** Per chain, properties by rank. */
  private readonly chains: readonly (readonly number[])[];
  /** Names of additional properties that were used together. */
  readonly used = new GrowingSets();
  private readonly keyTrees = new Map<string, WordNode>();

  constructor(
    properties: readonly PropertyShape[],
    declared: WordNode,
    extras: readonly ExtraShape[],
    limits: ObjectLimits,
    spacing: Spacing,
  ) {
    // Chains and ranks are numbered without gaps.
    const ids = [...new Set(properties.map(({ chain }) => chain))];
    const chains = ids.map((id) => {
      const members = properties.map((_, i) => i).filter((i) => properties[i].chain === id);
      return members.sort((a, b) => properties[a].rank - properties[b].rank);
    });
    this.chains = chains;
    this.properties = properties.map((property, i) => {
      const chain = ids.indexOf(property.chain);
      return { ...property, chain, rank: chains[chain].indexOf(i) };
    });
    this.declared = declared;
    this.extras = extras;
    this.limits = limits;
    this.spacing = spacing;
  }

  open(cont: State, depth: number): ObjectState {
    const place = {
      shape: this,
      next: this.chains.map(() => 0),
      count: 0,
      used: undefined,
      depth: depth + 1,
    };
    return new ObjectState(place, 'open', 0, undefined, cont);
  }

  /** Sums the cheapest object; infinite when a required value is impossible. */
  measure(): void {
    const optional: number[] = [];
    const heights: number[] = [];
    let fewest = 2;
    let height = 0;
    let count = 0;
    for (const { spelled, value, required } of this.properties) {
      const bytes = spelled.length + 2 + value.fewest;
      if (required) {
        fewest += bytes;
        height = Math.max(height, value.height);
        count++;
      } else if (value.fewest < Number.POSITIVE_INFINITY) {
        optional.push(bytes);
        heights.push(value.height);
      }
    }
    const extras = this.extras.filter(({ value }) => value.fewest < Number.POSITIVE_INFINITY);
    let missing = this.limits.min - count;
    if (this.limits.needsWitness) {
      const witnesses = extras.filter(({ isWitness }) => isWitness);
      fewest += Math.min(...witnesses.map(extraBytes));
      height = Math.max(height, Math.min(...witnesses.map(({ value }) => value.height)));
      missing--;
      count++;
    }
    // Additional properties can be as many as are needed (their names are infinite, or the schema was refused).
    const spare = Math.min(...extras.map(extraBytes));
    const spareHeight = Math.min(...extras.map(({ value }) => value.height));
    this.spareBytes = spare < Number.POSITIVE_INFINITY ? spare : Math.max(0, ...optional);
    optional.sort((a, b) => a - b);
    heights.sort((a, b) => a - b);
    for (let i = 0, alike = 1; i < missing; i += alike) {
      // Beyond the optional ones all are alike.
      alike = i < optional.length ? 1 : missing - i;
      fewest += alike * Math.min(optional[i] ?? Number.POSITIVE_INFINITY, spare);
      height = Math.max(height, Math.min(heights[i] ?? Number.POSITIVE_INFINITY, spareHeight));
    }
    if (count > this.limits.max) fewest = Number.POSITIVE_INFINITY;
    this.fewest = fewest;
    this.height = fewest < Number.POSITIVE_INFINITY ? height + 1 : Number.POSITIVE_INFINITY;
  }

  /** Properties that may come next: in every chain those up to the first required one. */
  candidates({ next, count, depth, used }: Place): number[] {
    const required = this.requiredLeft(next) - (this.limits.needsWitness && used ? 1 : 0);
    return this.chains.flatMap((chain, c) => {
      const open: number[] = [];
      for (let rank = next[c]; rank < chain.length; rank++) {
        const property = this.properties[chain[rank]];
        const after = next.with(c, rank + 1);
        const rest = property.required ? required - 1 : required;
        const canEnd =
          count + 1 + rest <= this.limits.max && count + 1 + this.capacity(after, depth) >= this.limits.min;
        if (property.value.fits(depth) && canEnd) open.push(chain[rank]);
        if (property.required) break;
      }
      return open;
    });
  }

  requiredLeft(next: readonly number[]): number {
    let count = this.limits.needsWitness ? 1 : 0;
    this.chains.forEach((chain, c) => {
      for (let rank = next[c]; rank < chain.length; rank++)
        if (this.properties[chain[rank]].required) count++;
    });
    return count;
  }

  /** Most properties that can still come. */
  private capacity(next: readonly number[], depth: number): number {
    if (this.limits.min === 0) return 0;
    if (this.extras.some(({ value }) => value.fits(depth))) return Number.POSITIVE_INFINITY;
    let count = 0;
    this.chains.forEach((chain, c) => {
      for (let rank = next[c]; rank < chain.length; rank++) {
        if (this.properties[chain[rank]].value.fits(depth)) count++;
      }
    });
    return count;
  }

  /** Kinds of additional properties that may come next. */
  openExtras(place: Place): readonly ExtraShape[] {
    const { next, count, depth, used } = place;
    if (this.extras.length === 0 || count >= this.limits.max) return [];
    const required = this.requiredLeft(next) - (this.limits.needsWitness ? 1 : 0);
    if (required > 0) return [];
    return this.extras.filter(
      ({ names, value, isWitness }) =>
        value.fits(depth) &&
        (!this.limits.needsWitness || used !== undefined || isWitness) &&
        anyUnused(names, 0, 0, [this.declared, used]),
    );
  }

  /** Fewest bytes to the closing brace, apart from a value that is due. */
  bytesLeft({ next, count, used }: Place): number {
    let bytes = 1;
    let missing = this.limits.min - count;
    this.chains.forEach((chain, c) => {
      for (let rank = next[c]; rank < chain.length; rank++) {
        const { required, spelled, value } = this.properties[chain[rank]];
        if (!required) continue;
        bytes += spelled.length + 2 + value.fewest;
        missing--;
      }
    });
    if (this.limits.needsWitness && !used) missing = Math.max(missing, 1);
    return bytes + Math.max(0, missing) * this.spareBytes;
  }

  /** The names of the candidates as one tree behind the opening quote. */
  keyTree(place: Place): WordNode {
    const open = this.candidates(place);
    const key = open.join();
    let tree = this.keyTrees.get(key);
    if (!tree) {
      tree = new WordNode();
      for (const i of open) tree.add(this.properties[i].spelled, i);
      if (this.keyTrees.size > 1000) this.keyTrees.clear();
      this.keyTrees.set(key, tree);
    }
    return tree;
  }
}

function extraBytes({ names, value }: ExtraShape): number {
  return names.bytesLeft(0, 0) + 6 + value.fewest;
}

/** Where in an object the text stands. */
interface Place {
  readonly shape: ObjectShape;
  /** Per chain: the least rank that may come. */
  readonly next: readonly number[];
  /** Properties so far. */
  readonly count: number;
  /** Names of the additional properties so far. */
  readonly used: WordNode | undefined;
  /** Depth of the values inside. */
  readonly depth: number;
}

export class ObjectState extends State {
  private readonly place: Place;
  private readonly phase: Phase;
  private readonly spaces: number;
  /** The value to come, between key and value. */
  private readonly value: ValueNode | undefined;
  readonly cont: State;

  constructor(place: Place, phase: Phase, spaces: number, value: ValueNode | undefined, cont: State) {
    super();
    this.place = place;
    this.phase = phase;
    this.spaces = spaces;
    this.value = value;
    this.cont = cont;
  }

  step(byte: number, out: State[]): void {
    const { place, phase, value, cont } = this;
    const { spacing } = place.shape;
    const separated = phase === 'comma' || phase === 'colon';
    const spaces = Math.max(separated ? spacing.afterSeparator : 0, spacing.anywhere);
    if (this.spaces < spaces && isSpace(byte, spacing.anywhere > 0)) {
      out.push(new ObjectState(place, phase, this.spaces + 1, value, cont));
    } else if (phase === 'colon') {
      value?.begin(byte, new ObjectState(place, 'value', 0, undefined, cont), place.depth, out);
    } else if (phase === 'key') {
      if (byte === 0x3a) out.push(new ObjectState(place, 'colon', 0, value, cont));
    } else if (byte === 0x7d) {
      if (phase !== 'comma' && this.mayClose) out.push(cont);
    } else if (byte === 0x22) {
      if (phase !== 'value') this.beginKey(out);
    } else if (byte === 0x2c && phase === 'value' && this.mayGoOn) {
      out.push(new ObjectState(place, 'comma', 0, undefined, cont));
    }
  }

  private get mayClose(): boolean {
    const { shape, next, count, used } = this.place;
    const missing = shape.requiredLeft(next) - (shape.limits.needsWitness && used ? 1 : 0);
    return missing === 0 && count >= shape.limits.min;
  }

  private get mayGoOn(): boolean {
    const { shape } = this.place;
    return shape.candidates(this.place).length > 0 || shape.openExtras(this.place).length > 0;
  }

  private beginKey(out: State[]): void {
    const { place, cont } = this;
    const { shape } = place;
    const names = shape.keyTree(place).children.get(0x22);
    const afterKey = (inside: Place, value: ValueNode) => new ObjectState(inside, 'key', 0, value, cont);
    if (names) {
      const afterName = (i: number) => {
        const { chain, rank, value } = shape.properties[i];
        const next = place.next.with(chain, rank + 1);
        return afterKey({ ...place, next, count: place.count + 1 }, value);
      };
      enterWord(names, afterName, out, this);
    }
    for (const { names: lexer, value } of shape.openExtras(place)) {
      const afterName = (bytes: Uint8Array) => {
        const used = shape.used.with(place.used, bytes);
        return afterKey({ ...place, used, count: place.count + 1 }, value);
      };
      out.push(new NewTextState(lexer, 0, 0, [shape.declared, place.used], '', afterName, this));
    }
  }

  get remaining(): number {
    const bytes = this.place.shape.bytesLeft(this.place) + (this.value?.fewest ?? 0) + this.cont.remaining;
    return this.phase === 'key' ? bytes + 1 : bytes;
  }

  override get key(): string {
    const { shape, next, count, used, depth } = this.place;
    const value = this.value ? identity(this.value) : '';
    const place = [identity(shape), next.join(), count, used ? identity(used) : '', depth];
    return `o${place.join()},${this.phase},${this.spaces},${value}`;
  }

  override withCont(cont: State): State {
    return new ObjectState(this.place, this.phase, this.spaces, this.value, cont);
  }
}
