// Passes that wait to be computed, and which of their rows go into the next chunk: rows of running answers first, then
// prompts in the order in which they came, piece by piece. What shares a chunk changes no bit of a row.

import type { PassEntry, PassOptions } from '../model/model.ts';
import { type Chunk, type KvCache, LOGITS, NORMED, NOTHING, type Values } from '../ops.ts';

/** Entries of up to so many ids go before longer ones: a running answer, with its guesses. */
const SHORT_IDS = 16;

/** What is known of one entry of a call. */
export interface Progress {
  readonly entry: PassEntry;
  /** Ids that were computed. */
  done: number;
  /** First id whose row is wanted, and what of it. */
  readonly firstWanted: number;
  readonly what: number;
  /** Rows that are there. */
  readonly rows: Values[];
}

/** One call of `run`. */
export interface Call {
  readonly entries: readonly Progress[];
  readonly options: PassOptions;
  readonly resolve: (rows: Values[][]) => void;
  readonly reject: (error: unknown) => void;
}

/** Rows [begin, begin + count) of a chunk: the next ids of one entry. */
export interface Part {
  readonly call: Call;
  readonly progress: Progress;
  readonly begin: number;
  readonly count: number;
}

export function progressOf(entry: PassEntry): Progress {
  const { ids, rows = 1, output = 'logits', layer } = entry;
  const what = output === 'logits' ? LOGITS : (layer ?? NORMED);
  return { entry, done: 0, firstWanted: ids.length - rows, what, rows: [] };
}

/** What goes into the next chunk, at most `maxRows` rows; a cache that two calls use is the first one's. */
export function nextParts(calls: readonly Call[], maxRows: number): Part[] {
  const caches = new Set<KvCache>();
  const waiting: { call: Call; progress: Progress; left: number }[] = [];
  for (const call of calls) {
    const mine = call.entries.filter(
      ({ entry, done }) => done < entry.ids.length && !caches.has(entry.cache),
    );
    for (const progress of mine) {
      caches.add(progress.entry.cache);
      waiting.push({ call, progress, left: progress.entry.ids.length - progress.done });
    }
  }
  const parts: Part[] = [];
  let begin = 0;
  const take = (isNext: (left: number) => boolean) => {
    for (const { call, progress, left } of waiting.filter((one) => isNext(one.left))) {
      const count = Math.min(left, maxRows - begin);
      if (count > 0) parts.push({ call, progress, begin, count });
      begin += count;
    }
  };
  take((left) => left <= SHORT_IDS);
  take((left) => left > SHORT_IDS);
  return parts;
}

export function chunkOf(parts: readonly Part[]): Chunk {
  const ids: number[] = [];
  const wanted: number[] = [];
  const sequences = parts.map(({ progress, begin, count }) => {
    const { entry, done, firstWanted, what } = progress;
    for (let n = done; n < done + count; n++) {
      ids.push(entry.ids[n]);
      wanted.push(n >= firstWanted ? what : NOTHING);
    }
    return { begin, count, startPos: entry.cache.length, cache: entry.cache };
  });
  return { ids, sequences, wanted, logitsDone: 0 };
}

/** Moves a call past the rows of a part that was computed. */
export function advance({ call, progress, count }: Part): void {
  progress.done += count;
  progress.entry.cache.length += count;
  const { onProgress } = call.options;
  if (!onProgress) return;
  let done = 0;
  let total = 0;
  for (const one of call.entries) {
    done += one.done;
    total += one.entry.ids.length;
  }
  onProgress(done, total);
}

export function isDone(call: Call): boolean {
  return call.entries.every(({ entry, done }) => done === entry.ids.length);
}
