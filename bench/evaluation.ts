// `npm run bench:eval -- --data DIR --python PYTHON [--rows 200] [--model FILE.gguf]`: the first questions of PIQA by
// this package and by transformers (float32, same weights, no cache shared between answers, as lighteval runs it),
// in turns, on one thread and on two. Loading is not timed; reading rows, prompts and tokenizing are.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ModelScorer } from '../src/eval/model-scorer.ts';
import { runTasks } from '../src/eval/runner.ts';
import { tasksNamed } from '../src/eval/task-list.ts';
import { readGguf } from '../src/format/gguf.ts';
import { FolderRows } from '../src/node/eval/rows.ts';
import { fileSource } from '../src/node/file-source.ts';
import { nodePlatform } from '../src/node/platform.ts';
import { loadModel } from '../src/run/load.ts';
import { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { describeMachine, saveResult } from './machine.ts';
import { benchModel } from './weights.ts';

/** PIQA's validation set. */
const WHOLE_SET = 1838;
const BLOCK = 50;

interface Block {
  readonly ms: number;
  readonly right: number;
}
type Runner = (threads: number, first: number, last: number) => Promise<Block>;

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    rows: { type: 'string', default: '200' },
    model: { type: 'string' },
  },
});
if (options.data === undefined) throw new RangeError('--data: expected a folder with piqa.validation.jsonl');
const folder = options.data;
const machine = describeMachine();
const { path } = await benchModel(options.model);

async function ours(precision: 'fast' | 'precise'): Promise<Runner> {
  const source = new FolderRows(folder);
  const checkpoint = await readGguf(await fileSource(path));
  const tokenizer = Tokenizer.from(checkpoint.tokenizer!);
  const scorers = new Map<number, ModelScorer>();
  for (const threads of [1, 2]) {
    const model = await loadModel(checkpoint, { threads, precision, maxSeqLen: 2048 }, nodePlatform);
    scorers.set(threads, new ModelScorer(model, tokenizer));
  }
  await checkpoint.close();
  return async (threads, first, last) => {
    const start = performance.now();
    const samples = await runTasks(tasksNamed(['piqa']), source, scorers.get(threads)!, {
      ...{ model: path, style: 'lighteval', chat: false, seed: 42, rows: [first, last] },
      runCode: async () => ({ passed: false, reason: 'not run' }),
      onSample: () => {},
    });
    const right = samples.reduce((sum, { scores }) => sum + scores.acc_norm, 0);
    return { ms: performance.now() - start, right };
  };
}

function transformers(): { run: Runner; stop(): void } {
  const script = fileURLToPath(new URL('evaluation_transformers.py', import.meta.url));
  const tokenizer = fileURLToPath(new URL('../test/golden/tokenizer/tokenizer.json', import.meta.url));
  const child = spawn(options.python, [script, path, tokenizer, folder], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const run: Runner = async (...numbers) => {
    child.stdin.write(`${numbers.join(' ')}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`${options.python}: expected torch, transformers and gguf; the script ended`);
    return JSON.parse(value);
  };
  return { run, stop: () => child.kill() };
}

/** Seconds on `cores` where a part of the time takes turns and the rest is shared: t(n) = a + b / n. */
function projected(oneThread: number, twoThreads: number, cores: number): number {
  const shared = 2 * (oneThread - twoThreads);
  return oneThread - shared + shared / cores;
}

const python = transformers();
const runners: Record<string, Runner> = {
  fast: await ours('fast'),
  transformers: python.run,
  precise: await ours('precise'),
};
const names = Object.keys(runners);
const rows = Number(options.rows);
const seconds = (name: string, threads: number) =>
  blocks.filter((b) => b.name === name && b.threads === threads).reduce((sum, b) => sum + b.ms, 0) / 1e3;
const blocks: (Block & { name: string; threads: number; first: number })[] = [];
console.log(
  `${machine.cpu}, ${machine.cores} cores, load ${machine.load}; ${machine.runtime}; commit ${machine.commit}`,
);
for (const name of names) for (const threads of [1, 2]) await runners[name](threads, 0, 3);
for (let first = 0; first < rows; first += BLOCK) {
  const last = Math.min(first + BLOCK, rows) - 1;
  for (const threads of [1, 2]) {
    for (const name of (first / BLOCK) % 2 === 0 ? names : names.toReversed()) {
      blocks.push({ name, threads, first, ...(await runners[name](threads, first, last)) });
    }
  }
}
python.stop();
console.log(`questions 0 to ${rows - 1} of PIQA, seconds; the whole set (${WHOLE_SET}) is a projection:`);
const results = names.map((name) => {
  const [one, two] = [seconds(name, 1), seconds(name, 2)];
  const right = blocks.filter((b) => b.name === name && b.threads === 2).reduce((sum, b) => sum + b.right, 0);
  const scale = WHOLE_SET / rows;
  const whole = { two: two * scale, four: projected(one, two, 4) * scale };
  console.log(
    `${name.padEnd(13)} 1 thread ${one.toFixed(1)}, 2 threads ${two.toFixed(1)}; right ${right}; ` +
      `whole set on 2 ${whole.two.toFixed(0)}, on 4 ${whole.four.toFixed(0)}`,
  );
  return { name, one, two, right, whole };
});
console.log(`saved ${saveResult('eval', machine, { rows, results, blocks })}`);
process.exit(0);
