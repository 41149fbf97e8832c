// Every kernel at the shapes of the 135M model, one thread: time, GB/s of weights or 10^9 operations per second, and
// the share of the machine's own best (roofline.ts).

import { createHash } from 'node:crypto';
import { byteLength, type DType } from '../src/base/dtype.ts';
import { SMOLLM2_CONFIGS } from '../src/config.ts';
import type { CacheType, Precision } from '../src/wasm/options.ts';
import type { ForwardOp } from '../test/ops/case.ts';
import { matrixTensor, randomF32, randomMatrix, wasmEngine } from '../test/support/wasm.ts';
import type { BenchContext } from './context.ts';
import { sample } from './measure.ts';

/** Which row of the table measures an operation: one without a row does not compile (test/ops/forward). */
export const SPEED_ROWS: Readonly<Record<ForwardOp, string>> = {
  embed: 'embed',
  rmsNorm: 'rmsNorm',
  linear: 'linear Q4_1, fast',
  rope: 'rope',
  remember: 'remember',
  attend: 'attend, f32 cache',
  swiglu: 'swiglu',
  add: 'add',
};

const config = SMOLLM2_CONFIGS['135m'];
const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, vocabSize } = config;

export async function kernels(context: BenchContext): Promise<void> {
  for (const precision of ['fast', 'precise'] as const) {
    for (const dtype of ['Q4_1', 'Q4_0', 'Q8_0', 'Q4_K', 'Q6_K', 'BF16', 'F32'] as const) {
      // Rows of the 135M model are no multiple of 256, so the K types are measured at the width of the 1.7B.
      const inSize = dtype.endsWith('_K') ? SMOLLM2_CONFIGS['1.7b'].hiddenSize : hiddenSize;
      for (const rows of [1, 128]) await linear(context, precision, dtype, intermediateSize, inSize, rows);
    }
    await linear(context, precision, 'Q8_0', vocabSize, hiddenSize, 1);
  }
  await elementwise(context);
  await rowsOfMemory(context);
  for (const cacheType of ['f32', 'f16', 'q8'] as const) {
    for (const contextLength of [512, 2048, 8064]) await attention(context, cacheType, contextLength, 1);
  }
  await attention(context, 'f32', 512, 128);
}

async function linear(
  { add, roofline }: BenchContext,
  precision: Precision,
  dtype: DType,
  outSize: number,
  inSize: number,
  rows: number,
): Promise<void> {
  const engine = wasmEngine({ precision, build: 'strict-single' });
  const bytes = randomMatrix(dtype, outSize, inSize, 1);
  const weight = await engine.loadMatrix(matrixTensor(dtype, outSize, inSize, bytes));
  const x = engine.vector(rows * inSize);
  const out = engine.vector(rows * outSize);
  engine.write(x, randomF32(rows * inSize, 2));
  const timing = await sample(() => engine.linear(out, x, weight), rows === 1 && outSize < 10_000 ? 10 : 1);
  const isRow = rows === 1;
  const amount = isRow ? byteLength(dtype, outSize * inSize) : 2 * rows * outSize * inSize;
  const rate = amount / timing.medianMs / 1e6;
  // The matrix of one layer stays in the caches from call to call; that of the logits does not fit.
  const bandwidth = outSize < 10_000 ? roofline.cacheGBs : roofline.memoryGBs;
  const isPlain = dtype === 'BF16' || dtype === 'F32';
  add({
    name: `linear ${dtype}, ${precision}`,
    shape: `${rows} x ${inSize} to ${outSize}`,
    ...timing,
    rate,
    unit: isRow ? 'GB/s' : 'Gop/s',
    share: rate / (isRow ? bandwidth : isPlain ? roofline.f32Gops : roofline.int16Gops),
    checksum: checksumOf(engine.readNow(out)),
  });
}

async function elementwise({ add, roofline }: BenchContext): Promise<void> {
  const engine = wasmEngine({ build: 'strict-single' });
  const x = engine.vector(intermediateSize);
  const y = engine.vector(intermediateSize);
  const start = randomF32(intermediateSize, 3, 4);
  engine.write(y, randomF32(intermediateSize, 4, 4));
  const hidden = engine.view(x, 0, hiddenSize);
  const other = engine.view(y, 0, hiddenSize);
  const out = engine.vector(intermediateSize);
  const cache = engine.kvCache(config, 16);
  const table = engine.ropeTable(config, 16);
  const sequences = [{ begin: 0, count: 1, startPos: 7, cache }];
  const cases = [
    ['rmsNorm', hiddenSize, () => engine.rmsNorm(engine.view(out, 0, hiddenSize), hidden, other, 1e-5)],
    ['swiglu', intermediateSize, () => engine.swiglu(out, x, y)],
    ['rope', hiddenSize, () => engine.rope(hidden, table, numHeads, sequences)],
    ['add', hiddenSize, () => engine.add(hidden, other)],
  ] as const;
  for (const [name, size, run] of cases) {
    engine.write(x, start);
    const timing = await sample(run, 100);
    engine.write(x, start);
    run();
    const result = name === 'rope' || name === 'add' ? hidden : engine.view(out, 0, size);
    // Two vectors are read and one is written, four bytes a value.
    const rate = (12 * size) / timing.medianMs / 1e6;
    const share = rate / roofline.cacheGBs;
    add({
      name,
      shape: `${size}`,
      ...timing,
      rate,
      unit: 'GB/s',
      share,
      checksum: checksumOf(engine.readNow(result)),
    });
  }
}

/** What moves rows without computing: embed, and remember of one token in one layer. */
async function rowsOfMemory({ add, roofline }: BenchContext): Promise<void> {
  const engine = wasmEngine({ build: 'strict-single' });
  const tokens = 64; // rows of a table; which are read makes no difference
  const table = await engine.loadMatrix(
    matrixTensor('Q8_0', tokens, hiddenSize, randomMatrix('Q8_0', tokens, hiddenSize, 7)),
  );
  const out = engine.vector(hiddenSize);
  const kv = engine.vector(numKvHeads * headDim);
  engine.write(kv, randomF32(kv.length, 8));
  const cache = engine.kvCache({ ...config, numLayers: 1 }, 128);
  engine.reserve(cache, 128);
  const sequences = [{ begin: 0, count: 1, startPos: 7, cache }];
  const cases = [
    ['embed', () => engine.embed(out, table, [17]), byteLength('Q8_0', hiddenSize) + 4 * hiddenSize, out],
    ['remember', () => engine.remember(kv, kv, 0, sequences), 16 * kv.length, kv],
  ] as const;
  for (const [name, run, bytes, result] of cases) {
    const timing = await sample(run, 100);
    const rate = bytes / timing.medianMs / 1e6;
    const checksum = checksumOf(engine.readNow(result));
    add({ name, shape: '1 row', ...timing, rate, unit: 'GB/s', share: rate / roofline.cacheGBs, checksum });
  }
}

/** Bytes of one value of the cache; q8 has a scale of 4 bytes for a head of 64. */
const CACHE_BYTES: Record<CacheType, number> = { f32: 4, f16: 2, q8: 1 + 4 / headDim };

/** One layer's attention of `rows` new positions over `contextLength` old ones. */
async function attention(
  { add, roofline }: BenchContext,
  cacheType: CacheType,
  contextLength: number,
  rows: number,
): Promise<void> {
  const engine = wasmEngine({ cacheType, build: 'strict-single' });
  const numPositions = contextLength + rows;
  const oneLayer = { ...config, numLayers: 1 };
  const cache = engine.kvCache(oneLayer, numPositions);
  engine.reserve(cache, numPositions);
  const kvSize = numKvHeads * headDim;
  const k = engine.vector(numPositions * kvSize);
  engine.write(k, randomF32(numPositions * kvSize, 5));
  engine.remember(k, k, 0, [{ begin: 0, count: numPositions, startPos: 0, cache }]);
  const q = engine.vector(rows * hiddenSize);
  engine.write(q, randomF32(rows * hiddenSize, 6));
  const out = engine.vector(rows * hiddenSize);
  const sequences = [{ begin: 0, count: rows, startPos: contextLength, cache }];
  const timing = await sample(() => engine.attend(out, q, 0, sequences));
  const isRow = rows === 1;
  const amount = isRow
    ? 2 * numPositions * kvSize * CACHE_BYTES[cacheType]
    : 4 * rows * (contextLength + (rows + 1) / 2) * hiddenSize;
  const rate = amount / timing.medianMs / 1e6;
  add({
    name: `attend, ${cacheType} cache`,
    shape: `${rows} after ${contextLength}`,
    ...timing,
    rate,
    unit: isRow ? 'GB/s' : 'Gop/s',
    share: rate / (isRow ? roofline.cacheGBs : roofline.f32Gops),
    checksum: checksumOf(engine.readNow(out)),
  });
}

function checksumOf(values: Float32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(Float32Array.from(values).buffer))
    .digest('hex')
    .slice(0, 12);
}
