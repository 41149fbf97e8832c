// `npm run numerics`: every link from transformers in float64 to the kernels, measured, and
// docs/numerics.md's tables rewritten. Takes some minutes: the float64 engine runs twelve prompts. Options:
// --model FILE, --quick (two prompts).

import { readFileSync, writeFileSync } from 'node:fs';
import { byteLength, DTYPES } from '../src/base/dtype.ts';
import type { Tensor } from '../src/base/tensor.ts';
import { diff } from '../src/diff/diff.ts';
import { checkpointWeights } from '../src/diff/weight-source.ts';
import type { Checkpoint } from '../src/format/checkpoint.ts';
import { readGguf } from '../src/format/gguf.ts';
import type { Model } from '../src/model/model.ts';
import { placeOf } from '../src/model/points.ts';
import { fileSource } from '../src/node/file-source.ts';
import { findWeights } from '../src/node/find-weights.ts';
import { nodePlatform } from '../src/node/platform.ts';
import { decodeBlocks } from '../src/quant/decode.ts';
import { type EncodableDType, encodeBlocks } from '../src/quant/encode.ts';
import { type LoadOptions, loadModel } from '../src/run/load.ts';
import { traceModel } from '../src/traces/live-trace.ts';
import type { RawTrace } from '../src/traces/raw-trace.ts';
import { compareLogits } from '../src/verify/logits.ts';
import { LOGIT_ERROR_BOUND } from '../src/wasm/options.ts';
import { goldenFloat64 } from '../test/support/goldens.ts';
import { goldenPrompt, SHORT_PROMPTS } from '../test/support/prompts.ts';
import { describeMachine } from './machine.ts';

const PAGE = new URL('../docs/numerics.md', import.meta.url);
interface Prompt {
  readonly name: string;
  readonly ids: number[];
  /** Last row of transformers in float64. */
  readonly last: Float64Array;
  /** What plain float32 transformers is off, at any position. */
  readonly hf32: number;
}

function readPrompt(name: string): Prompt {
  const { ids, f64_minus_f32 } = goldenPrompt(name);
  const last = goldenFloat64(`real-135m-instruct/${name}.last.f64.bin`);
  return { name, ids, last, hf32: f64_minus_f32.max_abs_logit_diff_all_positions };
}

/** The same model with every tensor in another format: rows are decoded and encoded as they are read. */
function inFormat(checkpoint: Checkpoint, dtype: EncodableDType): Checkpoint {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of checkpoint.tensors) {
    const rowSize = tensor.shape[tensor.shape.length - 1];
    const isMatrix = tensor.shape.length > 1;
    const to = isMatrix && rowSize % DTYPES[dtype].blockSize === 0 ? dtype : 'F32';
    const numRows = isMatrix ? tensor.shape[0] : 1;
    tensors.set(name, {
      ...tensor,
      dtype: to,
      byteLength: byteLength(to, rowSize) * numRows,
      readRows: async (begin, end) => {
        const values = new Float32Array((end - begin) * rowSize);
        decodeBlocks(tensor.dtype, await tensor.readRows(begin, end), 0, values, 0, values.length);
        const out = new Uint8Array(byteLength(to, values.length));
        if (to === 'F32') out.set(new Uint8Array(values.buffer));
        else encodeBlocks(to, values, out, 0);
        return out;
      },
    });
  }
  return { ...checkpoint, tensors };
}

async function allLogits(model: Model, ids: readonly number[]): Promise<Float64Array | Float32Array> {
  const cache = model.newCache(ids.length);
  const logits = await model.forward(ids, cache, { logits: 'all' });
  model.freeCache(cache);
  return logits;
}

const short = (value: number) => (value === 0 ? '0' : value.toExponential(1));
const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

/**
 * One line of the table of logits: a candidate against float64 on the same weights, every position of every
 * prompt.
 */
async function logitsRow(
  title: string,
  model: Model,
  prompts: readonly Prompt[],
  exact: ReadonlyMap<string, Float64Array | Float32Array>,
  bound?: number,
): Promise<string> {
  const { vocabSize } = model.config;
  let [maxAbs, squares, energy, kl, top, top5, rows, lastError, sure, sureEqual] = new Array<number>(10).fill(
    0,
  );
  for (const { name, ids, last } of prompts) {
    const a = exact.get(name)!;
    const b = await allLogits(model, ids);
    const compared = compareLogits(a, b, vocabSize);
    for (let i = 0; i < a.length; i++) {
      maxAbs = Math.max(maxAbs, Math.abs(a[i] - b[i]));
      squares += (a[i] - b[i]) ** 2;
      energy += a[i] ** 2;
    }
    for (let i = 0; i < vocabSize; i++) {
      lastError = Math.max(lastError, Math.abs(b[b.length - vocabSize + i] - last[i]));
    }
    for (let t = 0; bound !== undefined && t < ids.length; t++) {
      const order = twoBest(a.subarray(t * vocabSize, (t + 1) * vocabSize));
      if (order.margin <= 2 * bound) continue;
      sure++;
      if (twoBest(b.subarray(t * vocabSize, (t + 1) * vocabSize)).best === order.best) sureEqual++;
    }
    kl += compared.meanKl * ids.length;
    top += compared.sameTop * ids.length;
    top5 += compared.sameTop5 * ids.length;
    rows += ids.length;
  }
  const rms = Math.sqrt(squares / rows / vocabSize);
  const certain = bound === undefined ? '' : `${sureEqual} of ${sure}`;
  console.error(`${title}: max ${short(maxAbs)}, last row ${short(lastError)}`);
  return `| ${[title, short(maxAbs), short(rms), short(squares / energy), short(Math.abs(kl / rows)), percent(top / rows), percent(top5 / rows), certain].join(' | ')} |`;
}

function twoBest(row: ArrayLike<number>): { best: number; margin: number } {
  let best = 0;
  let second = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < row.length; i++) {
    if (row[i] > row[best]) {
      second = row[best];
      best = i;
    } else second = Math.max(second, row[i]);
  }
  return { best, margin: row[best] - second };
}

const KINDS: Record<string, RegExp> = {
  embedding: /^embed_tokens$/,
  norm: /norm$/,
  'q, k, v projection': /[qkv]_proj$/,
  rope: /_rope$/,
  'attention weights': /attn_probs$/,
  'attention output': /attn_out$/,
  'o, down projection': /(o|down)_proj$/,
  'gate, up projection': /(gate|up)_proj$/,
  'silu · up': /act$/,
  residual: /^(residual_after_attention|layer)$/,
  logits: /^lm_head$/,
};

/** Lines of the table of modules: a candidate's trace against float64, per kind of module. */
async function moduleRows(
  reference: RawTrace,
  candidate: RawTrace,
  checkpoint: Checkpoint,
  format: 'f32' | 'f64',
) {
  const report = await diff(reference, candidate, { weights: checkpointWeights(checkpoint), format });
  const rows = Object.entries(KINDS).map(([kind, pattern]) => {
    let [maxAbs, relative, squares, energy, count, ulps] = [0, 0, 0, 0, 0, 0];
    for (const [name, { values: a }] of reference.tensors) {
      if (!pattern.test(placeOf(name).part)) continue;
      const b = candidate.tensors.get(name)!.values;
      let [largest, worst] = [0, 0];
      for (let i = 0; i < a.length; i++) {
        largest = Math.max(largest, Math.abs(a[i]));
        worst = Math.max(worst, Math.abs(a[i] - b[i]));
        squares += (a[i] - b[i]) ** 2;
        energy += a[i] ** 2;
      }
      count += a.length;
      maxAbs = Math.max(maxAbs, worst);
      relative = Math.max(relative, worst / largest);
      ulps = Math.max(ulps, worst / 2 ** (Math.floor(Math.log2(largest)) - 23));
    }
    const own = report.points
      .filter(({ name }) => pattern.test(placeOf(name).part))
      .map(({ ratio }) => ratio);
    const cells = [
      kind,
      short(maxAbs),
      short(relative),
      short(Math.sqrt(squares / count)),
      short(squares / energy),
    ];
    return `| ${[...cells, ulps < 10 ? ulps.toFixed(2) : ulps.toFixed(0), Math.max(...own).toPrecision(2)].join(' | ')} |`;
  });
  return { rows, first: report.first };
}

async function main(): Promise<void> {
  const at = process.argv.indexOf('--model');
  const { path } = await findWeights(at > 0 ? process.argv[at + 1] : '135m', {
    onNote: (text) => console.error(text),
  });
  const checkpoint = await readGguf(await fileSource(path));
  const prompts = SHORT_PROMPTS.slice(process.argv.includes('--quick') ? -2 : 0).map(readPrompt);
  const load = (from: Checkpoint, options: LoadOptions) =>
    loadModel(from, { maxSeqLen: 256, ...options }, nodePlatform);
  const withModel = async <T>(from: Checkpoint, options: LoadOptions, use: (model: Model) => Promise<T>) => {
    const model = await load(from, options);
    return use(model).finally(() => model.close());
  };

  const exact = new Map<string, Float64Array | Float32Array>();
  const five = prompts.find(({ name }) => name === 'five-tokens')!;
  let reference: RawTrace | undefined;
  let againstHf = 0;
  await withModel(checkpoint, { engine: 'reference' }, async (model) => {
    for (const { name, ids, last } of prompts) {
      const logits = await allLogits(model, ids);
      exact.set(name, logits);
      const row = logits.subarray(logits.length - last.length);
      for (const [i, value] of row.entries()) againstHf = Math.max(againstHf, Math.abs(value - last[i]));
      console.error(`float64: ${name}`);
    }
    reference = await traceModel(model, five.ids, 'float64');
  });
  const hf32 = Math.max(...prompts.map((prompt) => prompt.hf32));

  const head =
    '| against float64 on the same weights | max abs | RMS | NMSE | mean KL | same first | same five | same first where certain |\n' +
    '| --- | --- | --- | --- | --- | --- | --- | --- |';
  const logitRows: string[] = [];
  const modules: string[] = [];
  const f32 = inFormat(checkpoint, 'F32');
  const runs: [string, Checkpoint, LoadOptions, number][] = [
    ['WASM, float32 weights', f32, { engine: 'wasm', precision: 'precise' }, LOGIT_ERROR_BOUND.precise],
    [
      'WASM `precise`, Q4_1 file',
      checkpoint,
      { engine: 'wasm', precision: 'precise' },
      LOGIT_ERROR_BOUND.precise,
    ],
    ['WASM `fast`, Q4_1 file', checkpoint, { engine: 'wasm', precision: 'fast' }, LOGIT_ERROR_BOUND.fast],
  ];
  for (const [title, from, options, bound] of runs) {
    await withModel(from, options, async (model) => {
      logitRows.push(await logitsRow(title, model, prompts, exact, bound));
      const traced = await traceModel(model, five.ids, title);
      const { rows, first } = await moduleRows(reference!, traced, checkpoint, 'f32');
      const verdict =
        first === null ? 'every point is explained by float32 arithmetic' : `first outside: ${first}`;
      modules.push(
        `\n${title} (held to float32: ${verdict}):\n\n` +
          '| module | max abs | max relative | RMS | NMSE | ulp | share of bound |\n| --- | --- | --- | --- | --- | --- | --- |\n' +
          rows.join('\n'),
      );
    });
  }
  const quantised: string[] = [];
  for (const dtype of ['F16', 'BF16', 'Q8_0', 'Q4_1', 'Q4_0'] as const) {
    await withModel(inFormat(checkpoint, dtype), { engine: 'wasm', precision: 'precise' }, async (model) => {
      quantised.push(await logitsRow(`weights in ${dtype}`, model, prompts, exact));
    });
  }
  const { cpu } = describeMachine();
  const text = [
    `Measured with \`npm run numerics\` on ${prompts.length} prompts (${prompts.reduce((sum, { ids }) => sum + ids.length, 0)} positions), Node ${process.version}, ${cpu}.`,
    '',
    `Link 1, transformers in float64 → our float64: largest difference of the last row's 49,152 logits **${short(againstHf)}**.`,
    `Plain float32 transformers is ${short(hf32)} off float64 at worst, over all positions.`,
    '',
    'Links 2 and 3, float64 → kernels:',
    '',
    head,
    ...logitRows,
    '',
    "Module by module on `five-tokens`: difference from the float64 trace, in ulps of float32 at the tensor's largest value, and the",
    'largest share of its bound that a module uses when it is judged by its own inputs:',
    ...modules,
    '',
    'Link 4, quantisation itself: the dequantised weights of the file, encoded again (kernels in `precise`, whose own error is far below):',
    '',
    head,
    ...quantised,
  ].join('\n');
  console.log(text);
  const page = readFileSync(PAGE, 'utf8');
  const [before, after] = [page.indexOf('<!-- numerics:begin -->'), page.indexOf('<!-- numerics:end -->')];
  if (before < 0 || after < before)
    throw new Error('docs/numerics.md: expected the marks numerics:begin and numerics:end');
  writeFileSync(PAGE, `${page.slice(0, before)}<!-- numerics:begin -->\n${text}\n${page.slice(after)}`);
  await checkpoint.close();
}

await main();
