// Passes that wait to be computed, and which of their rows go into the next chunk: rows of running answers first, then
// a share of the oldest prompt, then the prompts that need least; prompts longer than a chunk as far as running answers
// can bear. What shares a chunk changes no bit of a row.

import { ContextOverflowError } from '../base/errors.ts';
import type { PassEntry, PassOptions } from '../model/model.ts';
import { type Chunk, type KvCache, LOGITS, NORMED, NOTHING, type Values } from '../ops.ts';

/** Entries of up to so many ids go before longer ones: a running answer, with its guesses. */
const SHORT_IDS = 16;

/** The oldest prompt gets one in so many of the rows that prompts may have, however short the others are. */
const OLDEST_SHARE = 4;

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

/** Whether a call is a running answer, which should not wait for anybody's prompt. */
export function isAnswer({ entries }: Call): boolean {
  return entries.every(({ entry }) => entry.ids.length <= SHORT_IDS);
}

/**
 * What goes into the next chunk; a cache that two calls use is the first one's.
 *
 * @param maxRows  rows of a chunk
 * @param longRows rows of longer prompts that may go with so many rows of running answers
 */
export function nextParts(
  calls: readonly Call[],
  maxRows: number,
  longRows: (answerRows: number) => number = () => maxRows,
): Part[] {
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
  const counts = new Map<Progress, number>();
  let room = maxRows;
  const take = (progress: Progress, count: number) => {
    if (count <= 0) return;
    counts.set(progress, (counts.get(progress) ?? 0) + count);
    room -= count;
  };
  for (const { call, progress, left } of waiting) if (isAnswer(call)) take(progress, Math.min(left, room));
  // A prompt that fits a chunk delays others once, by one chunk. A longer one would do so many times in a row.
  let longRoom = Math.min(room, longRows(maxRows - room));
  const takePrompt = (progress: Progress, share: number) => {
    const { ids } = progress.entry;
    const most = Math.ceil((ids.length > maxRows ? longRoom : room) / share);
    const count = Math.min(ids.length - progress.done - (counts.get(progress) ?? 0), most);
    take(progress, count);
    longRoom = Math.max(longRoom - count, 0);
  };
  const prompts = waiting.filter(({ call }) => !isAnswer(call));
  // The oldest always advances; whoever needs least is answered first, which among equals is the oldest.
  if (prompts.length > 0) takePrompt(prompts[0].progress, OLDEST_SHARE);
  for (const { progress } of prompts.toSorted((a, b) => a.left - b.left)) takePrompt(progress, 1);
  return placed(waiting.map(({ call, progress }) => ({ call, progress, count: counts.get(progress) ?? 0 })));
}

/** Parts cut short where rows · positions would be more than `max`; the first keeps a row. */
export function withinReach(parts: readonly Part[], max: number): Part[] {
  let left = max;
  const cut = parts.map((part, n) => {
    const { cache } = part.progress.entry;
    const rows = Math.max(Math.floor(left / (cache.length + part.count)), n === 0 ? 1 : 0);
    const count = Math.min(part.count, rows);
    left -= count * (cache.length + part.count);
    return { ...part, count };
  });
  return placed(cut);
}

/** Parts side by side in a chunk, without empty ones. */
export function placed(parts: readonly Omit<Part, 'begin'>[]): Part[] {
  let begin = 0;
  return parts
    .filter(({ count }) => count > 0)
    .map((part) => {
      const at = begin;
      begin += part.count;
      return { ...part, begin: at };
    });
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

/** @throws RangeError for an id outside the vocabulary, or none */
export function checkIds(ids: readonly number[], vocabSize: number): void {
  if (ids.length === 0) throw new RangeError('ids: expected at least one token id, got none');
  for (const [index, id] of ids.entries()) {
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
      throw new RangeError(`ids[${index}]: expected a whole number below ${vocabSize}, got ${id}`);
    }
  }
}

/** @throws ContextOverflowError where a cache has no room for so many ids */
export function checkRoom(numIds: number, cache: KvCache): void {
  const room = cache.maxSeqLen - cache.length;
  if (numIds <= room) return;
  throw new ContextOverflowError(
    `prompt: expected at most ${room} ids (${cache.maxSeqLen} positions, ${cache.length} in use), ` +
      `got ${numIds}; shorten it or make the cache longer`,
  );
}
