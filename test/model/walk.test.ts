import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generate } from '../../src/generate/generate.ts';
import { loadWeights } from '../../src/model/weights.ts';
import { ReferenceEngine } from '../../src/reference/index.ts';
import { modelHere } from '../../src/run/loaded-model.ts';
import { tinyCheckpoint } from '../support/tiny-models.ts';

const root = new URL('../../', import.meta.url);
const textOf = (file: string) => readFileSync(new URL(file, root), 'utf8');

/** Each file of the way, the call in it that leads on, and what the next file declares for it. */
const REFERENCE_WAY = [
  ['src/generate/generate.ts', 'model.run(', 'run('],
  ['src/run/loaded-model.ts', 'this.runner.run(FORWARD', 'async run(program, chunk)'],
  ['src/run/runner.ts', 'PROGRAMS[program](ops, network, chunk)', 'function* forward('],
  ['src/model/transformer.ts', 'attention(pass, x, w, layer)', 'function attention('],
  ['src/model/attention.ts', 'ops.linear(', 'linear('],
  ['src/reference/index.ts', 'linear(out, x, weight, bias)', 'function linear('],
  ['src/reference/linear.ts', '', ''],
];
const TEAM_WAY = [
  ['src/generate/generate.ts', 'model.run(', 'run('],
  ['src/run/loaded-model.ts', 'this.runner.run(FORWARD', 'async run(program: number, chunk: Chunk)'],
  ['src/wasm/team.ts', 'Atomics.notify(words, GENERATION)', 'of jobs(setup, post)'],
  ['src/run/team-worker.ts', 'PROGRAMS[program](ops, network, chunk)', 'function* forward('],
  ['src/model/transformer.ts', 'fusedMlp(fused, pass, x, w)', 'linearAdd('],
  ['src/wasm/ops.ts', 'this.kernels.linearAdd(', 'export function linearAdd('],
  ['assembly/linear.ts', "from './linear-q4'", "from './simd'"],
  ['assembly/linear-q4.ts', 'dotPairs(', 'function dotPairs('],
  ['assembly/simd.ts', '', ''],
];

/** Files that the tables of docs/walk.md name, the first link of each row. */
function tables(): string[][] {
  return textOf('docs/walk.md')
    .split(/\n\n/)
    .filter((part) => part.startsWith('| step |'))
    .map((table) =>
      [...table.matchAll(/^\| \d+ \| \[`[^`]+`\]\(\.\.\/([^)]+)\)/gm)].map((match) => match[1]),
    );
}

describe.each([
  ['reference', REFERENCE_WAY, 7],
  ['team', TEAM_WAY, 9],
] as const)('the way of the %s', (_name, way, most) => {
  it(`has at most ${most} files, all of which docs/walk.md names in order`, () => {
    expect(way.length).toBeLessThanOrEqual(most);
    expect(tables()).toContainEqual(way.map(([file]) => file));
  });

  it.each(way.slice(0, -1).map(([file, call, target], n) => [file, way[n + 1][0], call, target]))(
    '%s leads to %s',
    (file, next, call, target) => {
      expect(textOf(file)).toContain(call);
      expect(textOf(next)).toContain(target);
    },
  );
});

describe('a token on its way', () => {
  it('passes through these files and no others: the stack of its first product says so', async () => {
    const checkpoint = await tinyCheckpoint('gqa');
    const stacks: string[] = [];
    class WatchedEngine extends ReferenceEngine {
      override linear(...args: Parameters<ReferenceEngine['linear']>): void {
        const limit = Error.stackTraceLimit;
        Error.stackTraceLimit = 50;
        stacks.push(new Error().stack ?? '');
        Error.stackTraceLimit = limit;
        super.linear(...args);
      }
    }
    const engine = new WatchedEngine();
    const model = modelHere(
      engine,
      checkpoint.config,
      await loadWeights(engine, checkpoint.config, checkpoint.tensors),
    );
    const tokenizer = { eosIds: [], decoder: () => ({ push: String, end: () => '' }) };
    for await (const _ of generate(model, tokenizer, [1], { maxTokens: 1 }));
    const files = [...stacks[0].matchAll(/\/(src\/[\w/-]+\.ts)/g)].map((match) => match[1]);
    expect([...new Set(files)]).toEqual([
      'src/model/attention.ts',
      'src/model/transformer.ts',
      'src/run/runner.ts',
      'src/run/loaded-model.ts',
    ]);
  });
});
