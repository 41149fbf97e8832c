// Token shards as rows: every shard is cut into windows of sequenceLength + 1 ids, and row n of a stage is the
// window that the order of its mixture puts at place n. Two orders: nanotron's, which trained SmolLM2, and `fresh`,
// for small data that are seen several times: each epoch has its own permutation and cuts every shard at another
// offset, and windows share the id at their border, so that no pair of neighbours is left out.

import { Rng } from '../base/rng.ts';
import { seedFor } from '../base/seed.ts';
import { permutationByPcg64 } from './numpy-random.ts';
import type { WindowOrderName } from './recipe.ts';
import { readTokens, type TokenFolder, type TokenShard } from './token-shard.ts';
import { type EpochOrder, interleaved, mixtureShares, nanotronOrder, permuted } from './window-order.ts';
import { nextTokenRow, type TrainingRow, type WindowSource } from './window-source.ts';

export interface PackedWindowsOptions {
  /** With the weight of each folder, as the recipe has it. */
  readonly parts: readonly { readonly folder: TokenFolder; readonly weight: number | undefined }[];
  readonly sequenceLength: number;
  readonly vocabSize: number;
  readonly order: WindowOrderName;
  /** Below 2^32. */
  readonly seed: number;
  /** Where given, documents are masked; see nextTokenRow. */
  readonly maskBehind?: number;
}

/** datatrove's DatatroveFolderDataset permutes its files with this seed. */
const FILE_ORDER_SEED = 42;

/** Windows of one folder: its shards in their order, with the number of the first window of each. */
interface WindowSet {
  readonly shards: readonly TokenShard[];
  readonly firstWindows: readonly number[];
  readonly numWindows: number;
}

/** How windows lie in a shard: the first at `offset` below `step`, then one every `step` ids. */
interface Cut {
  readonly step: number;
  readonly maxOffset: number;
}

export class PackedWindows implements WindowSource {
  readonly sequenceLength: number;
  readonly rowsPerEpoch: number;
  readonly rowsUntilRepeat: number;
  /** Those that the order draws from: `fresh` leaves out a weight of 0. */
  readonly parts: PackedWindowsOptions['parts'];
  /** How often each part repeats within an epoch because its weight asks for more than it has. */
  readonly repeats: readonly number[];
  private readonly options: PackedWindowsOptions;
  private readonly sets: readonly WindowSet[];
  private readonly cut: Cut;
  private readonly base: EpochOrder;
  private epoch: { readonly number: number; readonly order: EpochOrder; readonly offsets: readonly number[] };

  /** @throws RangeError when a folder is too short for one window, or the windows are too many to order */
  constructor(options: PackedWindowsOptions) {
    const { sequenceLength, order, seed } = options;
    const isFresh = order === 'fresh';
    // nanotron's order gives a part of weight 0 a window all the same.
    const parts = isFresh ? options.parts.filter(({ weight }) => weight !== 0) : options.parts;
    this.options = options;
    this.parts = parts;
    this.sequenceLength = sequenceLength;
    this.cut = isFresh
      ? { step: sequenceLength, maxOffset: sequenceLength - 1 }
      : { step: sequenceLength + 1, maxOffset: 0 };
    this.sets = parts.map(({ folder }) => windowSet(folder, sequenceLength, this.cut, isFresh));
    const lengths = this.sets.map(({ numWindows }) => numWindows);
    const shares = mixtureShares(
      lengths,
      parts.map(({ weight }) => weight),
    );
    this.base = isFresh ? interleaved(lengths, shares) : nanotronOrder(lengths, shares, seed);
    this.rowsPerEpoch = this.base.sets.length;
    this.repeats = this.base.repeats;
    this.epoch = { number: -1, order: this.base, offsets: lengths.map(() => 0) };
    const isRepeating = this.repeats.some((count) => count > 0);
    this.rowsUntilRepeat = isRepeating ? firstRepeat(this.ofEpoch(0).order, lengths) : this.rowsPerEpoch;
  }

  async row(index: number): Promise<TrainingRow> {
    const { order, offsets } = this.ofEpoch(Math.floor(index / this.rowsPerEpoch));
    const place = index % this.rowsPerEpoch;
    const set = order.sets[place];
    return this.window(this.sets[set], order.windows[place], offsets[set]);
  }

  private async window(set: WindowSet, number: number, offset: number): Promise<TrainingRow> {
    const { sequenceLength, vocabSize, maskBehind } = this.options;
    const at = set.firstWindows.findLastIndex((first) => first <= number);
    const shard = set.shards[at];
    const begin = offset + (number - set.firstWindows[at]) * this.cut.step;
    const ids = await readTokens(shard, begin, sequenceLength + 1, vocabSize);
    return nextTokenRow(ids, `${shard.source.name}, token ${begin}`, maskBehind);
  }

  /** Order and offsets of an epoch; the last one asked for is kept. */
  private ofEpoch(number: number) {
    if (this.options.order !== 'fresh' || this.epoch.number === number) return this.epoch;
    const { seed } = this.options;
    const places = Uint32Array.from({ length: this.rowsPerEpoch }, (_, i) => i);
    shuffle(places, Rng.fromSeed(seedFor(seed, 'order', `epoch ${number}`)));
    const offsets = this.sets.map((_, i) =>
      below(Rng.fromSeed(seedFor(seed, 'offset', `epoch ${number}`, `part ${i}`)), this.cut.maxOffset + 1),
    );
    this.epoch = { number, order: permuted(this.base, places), offsets };
    return this.epoch;
  }
}

/** The first place of an order whose window has been there before. */
function firstRepeat({ sets, windows }: EpochOrder, lengths: readonly number[]): number {
  const seen = lengths.map((length) => new Uint8Array(length));
  const place = sets.findIndex((set, i) => seen[set][windows[i]]++ > 0);
  return place < 0 ? sets.length : place;
}

function windowSet(folder: TokenFolder, sequenceLength: number, cut: Cut, isFresh: boolean): WindowSet {
  const { shards, name } = folder;
  // A fresh order moves with every epoch and needs no order of files.
  const files = isFresh
    ? [...shards]
    : Array.from(permutationByPcg64(shards.length, FILE_ORDER_SEED), (i) => shards[i]);
  const firstWindows: number[] = [];
  let numWindows = 0;
  for (const { numTokens } of files) {
    firstWindows.push(numWindows);
    numWindows += Math.max(
      0,
      Math.floor((numTokens - cut.maxOffset - (sequenceLength + 1 - cut.step)) / cut.step),
    );
  }
  if (numWindows === 0) {
    const tokens = shards.reduce((sum, shard) => sum + shard.numTokens, 0);
    throw new RangeError(
      `${name}: expected a shard of ${cut.maxOffset + sequenceLength + 1} tokens or more, ` +
        `got ${tokens} tokens in ${shards.length} shards; use a shorter sequence or more text`,
    );
  }
  return { shards: files, firstWindows, numWindows };
}

function shuffle(items: Uint32Array, rng: Rng): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = below(rng, i + 1);
    const kept = items[i];
    items[i] = items[j];
    items[j] = kept;
  }
}

/** A whole number below `bound` (below 2^32); the bias of one draw out of 2^53 is not seen. */
function below(rng: Rng, bound: number): number {
  return Math.floor(rng.next() * bound);
}
