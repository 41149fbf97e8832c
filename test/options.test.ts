// Every public option: right, of the wrong kind, out of its range; unknown and misspelt names. An option without a row
// here does not compile.

import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkOptions, type Rules } from '../src/base/options.ts';
import { RENDER_RULES, type RenderOptions } from '../src/chat/template.ts';
import type { GeneratedToken } from '../src/generate/generate.ts';
import { GENERATE_RULES, type GenerateOptions } from '../src/generate/options.ts';
import { load, type SmolLM2 } from '../src/node/index.ts';
import { NODE_LOAD_RULES, type NodeLoadOptions } from '../src/node/load-options.ts';
import {
  DECODE_RULES,
  type DecodeOptions,
  ENCODE_RULES,
  type EncodeOptions,
} from '../src/tokenizer/tokenizer.ts';
import { makeTinyFolder } from './support/tiny-folder.ts';

interface Row {
  readonly right: readonly unknown[];
  readonly wrongKind: readonly unknown[];
  readonly outOfRange: readonly unknown[];
}
type Table<T> = { readonly [Name in keyof T]-?: Row };

const fromZero: Row = { right: [0, 5], wrongKind: ['5', true, null, [1]], outOfRange: [-1, 1.5, Number.NaN] };
const fromOne: Row = { ...fromZero, right: [1, 4096], outOfRange: [0, -1, 1.5, Number.NaN, Infinity] };
const flagged: Row = { right: [true, false], wrongKind: [0, 1, 'true', null], outOfRange: [] };
const called: Row = { right: [() => undefined], wrongKind: [{}, 'f', 1], outOfRange: [] };
const stopped: Row = {
  right: [new AbortController().signal],
  wrongKind: [new AbortController(), true, {}],
  outOfRange: [],
};
const share: Row = { right: [0.5, 1], wrongKind: ['0.5', null], outOfRange: [0, 1.01, Number.NaN] };
const finite: Row = { right: [0, -1, 2.5], wrongKind: ['0', null], outOfRange: [Infinity, Number.NaN] };

const GENERATE: Table<GenerateOptions> = {
  temperature: { right: [0, 0.7], wrongKind: ['0.7', null], outOfRange: [-0.1, Infinity, Number.NaN] },
  topK: fromZero,
  topP: share,
  minP: { ...share, right: [0, 1], outOfRange: [-0.1, 2] },
  typicalP: share,
  repetitionPenalty: { right: [1, 1.3], wrongKind: ['1', null], outOfRange: [0, -1, Infinity] },
  noRepeatNgramSize: fromZero,
  frequencyPenalty: finite,
  presencePenalty: finite,
  logitBias: { right: [new Map([[1, 2]]), { 1: 2 }, {}], wrongKind: [3, 'x', null], outOfRange: [] },
  constraint: {
    right: [{ mask: () => undefined, accept: () => undefined }],
    wrongKind: [{}, { mask: () => undefined }, null, 'json'],
    outOfRange: [],
  },
  maxTokens: fromOne,
  seed: { right: [0, 7, 7n], wrongKind: ['7', null], outOfRange: [-1, 1.5, -1n, Number.NaN] },
  stop: { right: ['x', ['x', 'y'], []], wrongKind: [1, [1], null], outOfRange: ['', ['x', '']] },
  stopIds: { right: [[], [1, 2]], wrongKind: [1, ['1'], [0.5], new Set([1])], outOfRange: [] },
  ignoreEos: flagged,
  signal: stopped,
  lookup: fromZero,
  logprobs: fromZero,
  contextOverflow: { right: ['error', 'stop', 'truncate-left'], wrongKind: [1, null], outOfRange: ['cut'] },
  timeline: { right: [{ cache: {}, ids: [] }], wrongKind: [1, null], outOfRange: [] },
  onPromptProgress: called,
};
const LOAD: Table<NodeLoadOptions> = {
  adapter: { right: ['adapter'], wrongKind: [5], outOfRange: [] },
  engine: { right: ['reference', 'wasm'], wrongKind: [1, null], outOfRange: ['webgpu', 'cpu'] },
  maxSeqLen: fromOne,
  precision: { right: ['fast', 'precise'], wrongKind: [1], outOfRange: ['exact'] },
  threads: { ...fromOne, right: [1, 64], outOfRange: [0, 65, 1.5] },
  cacheType: { right: ['f32', 'f16', 'q8'], wrongKind: [16], outOfRange: ['q4'] },
  relaxed: flagged,
  maxMemory: fromOne,
  onProgress: called,
  fetch: called,
  headers: { right: [{}, { authorization: 'x' }], wrongKind: [1, null, { a: 1 }, 'a: b'], outOfRange: [] },
  isTransient: flagged,
  signal: stopped,
  onDownload: called,
};
const RENDER: Table<RenderOptions> = {
  addGenerationPrompt: flagged,
  tools: { right: [[], [{}]], wrongKind: [{}, 'tool', null], outOfRange: [] },
  now: { right: [new Date()], wrongKind: [0, '2026-01-01', null], outOfRange: [] },
};
const ENCODE: Table<EncodeOptions> = {
  special: flagged,
  addBos: flagged,
  mark: { right: ['\ufdd0'], wrongKind: [1, null], outOfRange: [] },
  onMerge: called,
};
const DECODE: Table<DecodeOptions> = { skipSpecial: flagged };

const TABLES: [string, Table<object>, Rules<object>][] = [
  ['generate()', GENERATE, GENERATE_RULES],
  ['load()', LOAD, NODE_LOAD_RULES],
  ['render()', RENDER, RENDER_RULES],
  ['encode()', ENCODE, ENCODE_RULES],
  ['decode()', DECODE, DECODE_RULES],
];

describe.each(TABLES)('the options of %s', (owner, table, rules) => {
  const check = (name: string, value: unknown) => () =>
    checkOptions(owner, { [name]: value }, rules as never);

  it('have a rule each', () => expect(Object.keys(rules).sort()).toEqual(Object.keys(table).sort()));

  it.each(Object.entries<Row>(table as never))('%s: right ones pass, others are named', (name, row) => {
    for (const value of [undefined, ...row.right]) expect(check(name, value)).not.toThrow();
    for (const value of row.wrongKind) {
      expect(check(name, value), String(value)).toThrow(TypeError);
      expect(check(name, value)).toThrow(new RegExp(`^${name}: expected .*, got `));
    }
    for (const value of row.outOfRange) {
      expect(check(name, value), String(value)).toThrow(RangeError);
      expect(check(name, value)).toThrow(new RegExp(`^${name}: expected .*, got `));
    }
  });

  it('are refused under any other name, and the near one is named', () => {
    for (const name of Object.keys(table)) {
      const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      if (snake !== name) expect(check(snake, 1)).toThrow(`did you mean ${name}?`);
      expect(check(`${name}q`, 1)).toThrow(TypeError);
    }
    expect(check('zzzzzzzz', 1)).toThrow(/zzzzzzzz: expected an option of .* it takes /);
  });
});

describe('what other libraries call by other names', () => {
  it.each([
    ['max_new_tokens', GENERATE_RULES, 'maxTokens'],
    ['maxNewTokens', GENERATE_RULES, 'maxTokens'],
    ['repeat_penalty', GENERATE_RULES, 'repetitionPenalty'],
    ['dtype', NODE_LOAD_RULES, 'cacheType'],
    ['device', NODE_LOAD_RULES, 'engine'],
    ['n_ctx', NODE_LOAD_RULES, 'maxSeqLen'],
  ] as [string, Rules<object>, string][])('%s', (name, rules, meant) => {
    expect(() => checkOptions('f()', { [name]: 1 }, rules as never)).toThrow(`did you mean ${meant}?`);
  });

  it('no object at all is a TypeError', () => {
    for (const options of [5, 'fast', []]) {
      expect(() => checkOptions('load()', options as never, NODE_LOAD_RULES)).toThrow(TypeError);
    }
  });
});

describe('the doors', () => {
  const wrong = (options: object) => options as never;
  let smol: SmolLM2;
  let folder: string;
  beforeAll(async () => {
    folder = makeTinyFolder();
    smol = await load(folder, { engine: 'reference' });
  });
  afterAll(async () => {
    await smol.close();
    rmSync(folder, { recursive: true });
  });
  const text = async (options: object) => {
    let all = '';
    for await (const token of smol.generate(
      [1, 2, 3],
      wrong({ maxTokens: 6, ignoreEos: true, ...options }),
    )) {
      all += token.text;
    }
    return all;
  };

  it('check what load, generate, encode and restore are given', async () => {
    await expect(load(folder, wrong({ engine: 'webgpu' }))).rejects.toThrow(/^engine: expected /);
    await expect(load(folder, wrong({ dtype: 'q4' }))).rejects.toThrow(/did you mean cacheType/);
    await expect(text({ max_new_tokens: 3 })).rejects.toThrow(/did you mean maxTokens/);
    expect(() => smol.tokenizer.encode('x', wrong({ add_bos: true }))).toThrow(/did you mean addBos/);
    await expect(smol.restore(new Uint8Array(1), wrong({ max_seq_len: 3 }))).rejects.toThrow(/maxSeqLen/);
  });

  it('take one stop text as one stop text', { tags: ['slow'] }, async () => {
    const whole = await text({});
    const stop = whole.slice(2, 4);
    expect(await text({ stop })).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(await text({ stop })).toBe(await text({ stop: [stop] }));
  });

  it('take biases by id from a map or an object', async () => {
    const { value } = await smol.generate([1, 2, 3], { maxTokens: 1, ignoreEos: true }).next();
    const first = (value as GeneratedToken).id;
    const forbidden = await text({ logitBias: { [first]: -Infinity } });
    expect(forbidden).toBe(await text({ logitBias: new Map([[first, -Infinity]]) }));
    expect(forbidden).not.toBe(await text({}));
    await expect(text({ logitBias: { 9999999: 1 } })).rejects.toThrow(/logitBias: expected ids from 0 to/);
    await expect(text({ logitBias: { 1: Number.NaN } })).rejects.toThrow(
      /logitBias: expected a finite number/,
    );
  });

  it('do not begin once the signal has fired', async () => {
    const signal = AbortSignal.abort();
    await expect(load(folder, { signal })).rejects.toThrow(/abort/);
  });
});
