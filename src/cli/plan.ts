// `smollm2 plan`: what a model will take in memory, allocation by allocation, and what fits into a given memory.

import { DTYPES, type DType } from '../base/dtype.ts';
import { type ModelConfig, SMOLLM2_CONFIGS } from '../config.ts';
import { DEFAULT_MODEL } from '../download/model-names.ts';
import { expectedTensors } from '../format/expected.ts';
import { openNode } from '../node/open.ts';
import { parseBytes } from '../node/split.ts';
import { longestContext, planBytes, planModel } from '../run/plan.ts';
import type { CacheType } from '../wasm/options.ts';
import { formatPlan, type PlannedTensor } from '../wasm/plan.ts';
import { type Arguments, Command } from './arguments.ts';
import { planTrain } from './plan-train.ts';
import { print } from './terminal.ts';

const CACHE_TYPES = ['f32', 'f16', 'q8'] as const;

export const planCommand = new Command('plan [model]', 'What a model takes in memory, and what fits')
  .option('--memory <bytes>', 'what may be used, such as 128MB')
  .option('--ctx <n>', 'positions of the cache (default: 1024)')
  .option('--cache <type>', 'f32, f16 or q8 (default: the first that fits --memory)')
  .option(
    '--type <type>',
    'plan 135m, 360m or 1.7b without its file, with matrices of this type, such as q4_0',
  )
  .option('--threads <n>', 'worker threads (default: 1)')
  .option('--train <recipe>', 'plan a training run instead')
  .option('--json', 'print one JSON object')
  .example('$ smollm2 plan --memory 128MB --ctx 512')
  .example('$ smollm2 plan 1.7b --type q4_0 --memory 2GB')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const recipe = args.text('train');
  if (recipe !== undefined) {
    const most = args.text('memory');
    const bytes = most === undefined ? undefined : parseBytes(most);
    const options = { threads: args.threads() ?? 1, limit: bytes, json: args.flag('json') };
    if (!(await planTrain(recipe, options))) process.exitCode = 1;
    return;
  }
  const { name, config, tensors } = await plannedModel(args);
  const maxSeqLen = Math.min(args.count('ctx') ?? 1024, config.maxSeqLen);
  const threads = args.threads() ?? 1;
  const memory = args.text('memory');
  const limit = memory === undefined ? undefined : parseBytes(memory);
  const given = args.choice('cache', CACHE_TYPES);
  const plans = (given ? [given] : CACHE_TYPES).flatMap((cacheType) =>
    [128, 32, 8].map((rowsPerPass) => ({
      cacheType,
      parts: planModel(config, tensors, { maxSeqLen, cacheType, threads, rowsPerPass }),
    })),
  );
  const fitting = plans.find(({ parts }) => limit === undefined || planBytes(parts) <= limit);
  const { cacheType, parts } = fitting ?? plans[plans.length - 1];
  const longest = limit && Object.fromEntries(CACHE_TYPES.map((type) => [type, longestOf(type, limit)]));
  function longestOf(type: CacheType, bytes: number): number {
    return longestContext(config, tensors, { cacheType: type, threads }, bytes);
  }
  if (!fitting) process.exitCode = 1;
  if (args.flag('json')) {
    const report = { model: name, fits: fitting !== undefined, maxSeqLen, cacheType, threads, limit, parts };
    return print(
      `${JSON.stringify({ ...report, bytes: planBytes(parts), longestContext: longest }, null, 1)}\n`,
    );
  }
  const verdict =
    limit === undefined
      ? ''
      : fitting
        ? `, fits ${memory}`
        : `, does not fit ${memory}: this is the smallest plan`;
  const context = Object.entries(longest ?? {}).map(([type, positions]) => `${positions} in ${type}`);
  await print(
    `${name}: ${maxSeqLen} positions, cache in ${cacheType}${verdict}\n${formatPlan(parts)}\n` +
      (context.length > 0 ? `longest context in ${memory}: ${context.join(', ')}\n` : ''),
  );
}

async function plannedModel(
  args: Arguments,
): Promise<{ name: string; config: ModelConfig; tensors: readonly PlannedTensor[] }> {
  const name = args.words[0] ?? DEFAULT_MODEL;
  const type = args.text('type')?.toUpperCase();
  if (type === undefined) {
    const checkpoint = await openNode(name);
    await checkpoint.close();
    return { name, config: checkpoint.config, tensors: [...checkpoint.tensors.values()] };
  }
  const size = name.replace(/-(instruct|base)$/, '');
  if (!Object.hasOwn(SMOLLM2_CONFIGS, size)) {
    throw new RangeError(
      `--type: expected 135m, 360m or 1.7b with it, got ${name}; a file knows its own types`,
    );
  }
  if (!Object.hasOwn(DTYPES, type)) {
    throw new RangeError(`--type: expected one such as q4_0, q8_0 or f16, got ${type}`);
  }
  const matrices = type as DType;
  const config: ModelConfig = SMOLLM2_CONFIGS[size as keyof typeof SMOLLM2_CONFIGS];
  // As llama.cpp's quantiser does, the embedding, which is the output matrix too, keeps at least 8 bits.
  const embedding = /^(F|BF|Q8)/.test(type) ? matrices : 'Q8_0';
  const tensors = Array.from(expectedTensors(config), ([tensor, shape]): PlannedTensor => {
    if (shape.length === 1) return { dtype: 'F32', shape };
    return { dtype: tensor === 'model.embed_tokens.weight' ? embedding : matrices, shape };
  });
  return { name: `${size} in ${type}`, config, tensors };
}
