// A model without weights: the next logits follow from the ids in the cache by a rule, so that a test can say what
// the answer is, and a wrong cache gives a wrong answer.

import { SMOLLM2_CONFIGS } from '../../src/config.ts';
import {
  type ForwardOptions,
  joined,
  type Model,
  type PassEntry,
  type PassOptions,
  rowsWanted,
} from '../../src/model/model.ts';
import type { KvCache, Values } from '../../src/ops.ts';

export const FAKE_VOCAB = 128;
/** The id that ends an answer. */
export const FAKE_EOS = 0;

/** The rule: logits [vocabSize] after these ids. */
export type Rule = (ids: readonly number[]) => Float64Array;

/** Logits with one clear winner. */
export function winner(id: number): Float64Array {
  const logits = new Float64Array(FAKE_VOCAB);
  logits[id] = 9;
  return logits;
}

/** Answers with `text`, one code unit a token, then the end: the prompt is everything up to the character `>`. */
export function answering(text: string): Rule {
  return (ids) => {
    const answered = ids.length - (ids.indexOf('>'.charCodeAt(0)) + 1);
    return winner(answered < text.length ? text.charCodeAt(answered) : FAKE_EOS);
  };
}

/** Logits that depend on every id and its place. */
export const hashing: Rule = (ids) => {
  let state = 1;
  for (const id of ids) state = (Math.imul(state, 31) + id) >>> 0;
  return Float64Array.from(
    { length: FAKE_VOCAB },
    (_, i) => ((Math.imul(state + i, 2654435761) >>> 8) % 997) / 100,
  );
};

interface FakeCache extends KvCache {
  ids: number[];
}

export class FakeModel implements Model {
  readonly config = { ...SMOLLM2_CONFIGS['135m'], vocabSize: FAKE_VOCAB, maxSeqLen: 64, eosIds: [FAKE_EOS] };
  readonly engineName = 'reference';
  readonly arithmetic = 'fake';
  readonly logitErrorBound = 0;
  readonly numThreads = 1;
  /** Ids that each forward pass was given. */
  readonly passes: number[][] = [];
  numCaches = 0;
  private readonly rule: Rule;

  constructor(rule: Rule) {
    this.rule = rule;
  }

  get maxSeqLen(): number {
    return this.config.maxSeqLen;
  }

  newCache(maxSeqLen = this.config.maxSeqLen): KvCache {
    this.numCaches++;
    const cache: FakeCache = { length: 0, maxSeqLen, ids: [] };
    return cache;
  }

  freeCache(): void {
    this.numCaches--;
  }

  /** One entry after the other. */
  async run(entries: readonly PassEntry[], options: PassOptions = {}): Promise<Values[][]> {
    const results: Values[][] = [];
    for (const { ids, cache, rows: numRows = 1 } of entries) {
      const { ids: past } = cache as FakeCache;
      const rows: Values[] = [];
      for (const [n, id] of ids.entries()) {
        await new Promise((resolve) => setImmediate(resolve));
        options.signal?.throwIfAborted();
        past.length = cache.length;
        past.push(id);
        cache.length++;
        options.onProgress?.(n + 1, ids.length);
        if (n >= ids.length - numRows) rows.push(this.rule(past));
      }
      this.passes.push([...ids]);
      results.push(rows);
    }
    return results;
  }

  async forward(ids: readonly number[], cache: KvCache, options: ForwardOptions = {}): Promise<Values> {
    const [rows] = await this.run([{ ids, cache, rows: rowsWanted(options.logits, ids.length) }], options);
    return joined(rows);
  }

  async hashWeights(): Promise<never> {
    throw new Error('fake model: no weights');
  }

  async saveCache(cache: KvCache): Promise<Uint8Array> {
    return Uint8Array.from((cache as FakeCache).ids.slice(0, cache.length));
  }

  async restoreCache(cache: KvCache, length: number, bytes: Uint8Array): Promise<void> {
    (cache as FakeCache).ids = [...bytes];
    cache.length = length;
  }

  read(): never {
    throw new Error('fake model: nothing to read');
  }

  write(): never {
    throw new Error('fake model: nothing to write');
  }

  async close(): Promise<void> {}
}

/** One id per ASCII character; 0 ends a text and is special. */
export const fakeTokenizer = {
  eosIds: [FAKE_EOS],
  specialTexts: [] as string[],
  encode: (text: string): number[] => Array.from(text, (c) => c.charCodeAt(0)),
  decoder: () => ({ push: (id: number) => String.fromCharCode(id), end: () => '' }),
};
