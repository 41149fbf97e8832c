// `smollm2 bench`: tokens per second of prompts and of generation, as llama-bench measures them, with the machine
// and the build that they were measured on.

import { availableParallelism, cpus } from 'node:os';
import { median } from '../base/median.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { loadModel } from '../node/index.ts';
import { nodePlatform } from '../node/platform.ts';
import type { LoadOptions } from '../run/load.ts';
import { type Arguments, Command } from './arguments.ts';
import { modelOption, openModelFile } from './model-options.ts';
import { someIds, timeDecode, timePrefill } from './speed.ts';
import { print, Status } from './terminal.ts';

/** One line of the table. Relied on by scripts that read `--json`. */
interface BenchResult {
  readonly test: 'prefill' | 'decode';
  readonly tokens: number;
  readonly threads: number;
  /** Median over the repetitions, and their range. */
  readonly tokensPerSecond: number;
  readonly min: number;
  readonly max: number;
}

interface Settings {
  readonly promptTokens: number;
  readonly generatedTokens: number;
  readonly threads: readonly number[];
  readonly repetitions: number;
  readonly options: LoadOptions;
}

export const benchCommand = modelOption(
  new Command('bench', 'Measure prompt and generation speed')
    .option('-p, --prompt <n>', 'tokens of the prompt, in one pass; 0 for none (default: 512)')
    .option('-n, --generate <n>', 'tokens generated one by one; 0 for none (default: 128)')
    .option('-r, --repetitions <n>', 'how often each is measured, after one warm-up (default: 3)')
    .option('--json', 'one JSON object on stdout'),
)
  .option('--engine <engine>', 'wasm (fast) or reference (float64, slow)')
  .option('--precision <precision>', 'of the wasm engine: fast or precise')
  .option('-t, --threads <list>', 'thread counts of the wasm engine, such as 1,2,4')
  .option('--relaxed', 'kernels with relaxed SIMD')
  .onRun(runBench);

async function runBench(args: Arguments): Promise<void> {
  const settings: Settings = {
    promptTokens: args.count('prompt', 0) ?? 512,
    generatedTokens: args.count('generate', 0) ?? 128,
    threads: threadCounts(args),
    repetitions: args.count('repetitions') ?? 3,
    options: {
      engine: args.choice('engine', ['reference', 'wasm']),
      precision: args.choice('precision', ['fast', 'precise']),
      relaxed: args.flag('relaxed'),
    },
  };
  const status = new Status();
  const checkpoint = await openModelFile(args, status);
  try {
    const about = aboutRun(checkpoint, settings.options);
    if (!args.flag('json')) await print(`${about.model}; ${about.engine}; ${about.machine}\n${HEADING}\n`);
    const results: BenchResult[] = [];
    for (const threads of settings.threads) {
      for await (const result of measure(checkpoint, settings, threads)) {
        results.push(result);
        if (!args.flag('json')) await print(`${lineOf(result)}\n`);
      }
    }
    if (args.flag('json')) await print(`${JSON.stringify({ ...about, results })}\n`);
  } finally {
    await checkpoint.close();
  }
}

function threadCounts(args: Arguments): number[] {
  const list = args.text('threads');
  if (list === undefined) return [args.text('engine') === 'reference' ? 1 : nodePlatform.defaultThreads];
  return list.split(',').map((text) => {
    if (/^[1-9]\d?$/.test(text)) return Number(text);
    throw new RangeError(`--threads: expected whole numbers from 1 to 99 such as 1,2,4, got "${list}"`);
  });
}

/** What was measured and where. */
function aboutRun(checkpoint: Checkpoint, options: LoadOptions) {
  const { engine = 'wasm', precision = 'fast', relaxed } = options;
  const types = [...checkpoint.tensors.values()]
    .filter(({ shape }) => shape.length === 2)
    .map(({ dtype }) => dtype);
  const common = [...new Set(types)].sort((a, b) => countOf(types, b) - countOf(types, a))[0];
  const build = `${precision}, ${relaxed ? 'relaxed' : 'strict'} SIMD`;
  return {
    model: `${checkpoint.name.split('/').at(-1)} (mostly ${common})`,
    engine: engine === 'wasm' ? `wasm, ${build}` : 'reference, float64',
    machine: `${cpus()[0].model.trim()}, ${availableParallelism()} cores, Node ${process.versions.node}`,
  };
}

function countOf<Item>(items: readonly Item[], wanted: Item): number {
  return items.filter((item) => item === wanted).length;
}

async function* measure(
  checkpoint: Checkpoint,
  settings: Settings,
  threads: number,
): AsyncGenerator<BenchResult> {
  const { promptTokens, generatedTokens, repetitions, options } = settings;
  const model = await loadModel(checkpoint, { ...options, threads });
  try {
    const { vocabSize, bosId = 0 } = model.config;
    const cache = model.newCache();
    const tests = [
      {
        test: 'prefill',
        tokens: promptTokens,
        time: () => timePrefill(model, cache, someIds(promptTokens, vocabSize)),
      },
      {
        test: 'decode',
        tokens: generatedTokens,
        time: async () => (await timeDecode(model, cache, bosId, generatedTokens)).ms,
      },
    ] as const;
    for (const { test, tokens, time } of tests) {
      if (tokens === 0) continue;
      await time();
      const rates: number[] = [];
      for (let r = 0; r < repetitions; r++) rates.push((tokens * 1e3) / (await time()));
      const range = { min: Math.min(...rates), max: Math.max(...rates) };
      yield { test, tokens, threads, tokensPerSecond: median(rates), ...range };
    }
  } finally {
    await model.close();
  }
}

const HEADING = 'test     tokens  threads  tokens/s  least    most';

function lineOf({ test, tokens, threads, tokensPerSecond, min, max }: BenchResult): string {
  const rates = [tokensPerSecond, min, max].map((rate) => rate.toFixed(1));
  return (
    test.padEnd(9) +
    String(tokens).padStart(6) +
    String(threads).padStart(9) +
    rates[0].padStart(10) +
    rates[1].padStart(9) +
    rates[2].padStart(9)
  );
}
