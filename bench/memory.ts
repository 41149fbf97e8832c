// `npm run bench:memory [-- 135m 360m 1.7b]`: how much memory each size takes in each runtime that is on this machine,
// beside what `smollm2 plan` says. 128 positions in a float32 cache on one thread, all of them filled. The larger sizes
// have random weights of the right shape, so nothing is downloaded; that their numbers are numbers is checked.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DTYPES } from '../src/base/dtype.ts';
import { type ModelConfig, SMOLLM2_CONFIGS } from '../src/config.ts';
import { expectedTensors } from '../src/format/expected.ts';
import { readGguf } from '../src/format/gguf.ts';
import { ggufTensorName } from '../src/format/gguf-names.ts';
import { encodeGgufValue, type GgufTensorToWrite, writeGguf } from '../src/format/gguf-write.ts';
import { targetType } from '../src/format/requantise.ts';
import { ggufContent } from '../src/format/to-gguf.ts';
import { fileSource } from '../src/node/file-source.ts';
import { writeFileWhole } from '../src/node/write-file.ts';
import type { EncodableDType } from '../src/quant/encode.ts';
import { planBytes, planModel, SCRIPT_BYTES } from '../src/run/plan.ts';
import { describeMachine } from './machine.ts';
import { missing, Peer } from './peers/peer.ts';
import { benchModel } from './weights.ts';

const RUNTIMES = ['node', 'node 24', 'deno', 'bun'] as const;
const NUM_POSITIONS = 128;
const here = fileURLToPath(new URL('./', import.meta.url));

const named = process.argv.slice(2);
const isWanted = (size: string) => named.length === 0 || named.includes(size);
const machine = describeMachine();
const { path: shipped } = await benchModel();
const { PROGRAMS } = await import(new URL('../test/runtimes/runtimes.mjs', import.meta.url).href);
const folder = mkdtempSync(join(tmpdir(), 'smollm2-memory-'));
console.log(`${machine.cpu}, ${machine.system}, commit ${machine.commit}; MB of 10^6 bytes\n`);
console.log(`| model | file | plan, linear | linear | ${RUNTIMES.join(' | ')} | Chromium |`);
console.log(`| --- | ${'---: | '.repeat(4 + RUNTIMES.length)}`);
try {
  for (const type of ['Q4_1', 'Q4_0', 'Q8_0', 'F16'] as const) {
    if (!isWanted('135m')) continue;
    await measure('135m', type, type === 'Q4_1' ? shipped : quantised(type));
  }
  for (const size of ['360m', '1.7b'] as const) {
    if (!isWanted(size)) continue;
    const path = join(folder, `${size}.gguf`);
    await writeRandom(path, SMOLLM2_CONFIGS[size], 'Q4_0');
    await measure(size, 'Q4_0', path);
    rmSync(path, { force: true });
  }
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(size: keyof typeof SMOLLM2_CONFIGS, type: string, path: string): Promise<void> {
  const source = await fileSource(path);
  const { config, tensors } = await readGguf(source);
  await source.close?.();
  const options = { maxSeqLen: NUM_POSITIONS, cacheType: 'f32', threads: 1, rowsPerPass: 128 } as const;
  const planned = planBytes(planModel(config, tensors.values(), options)) - SCRIPT_BYTES;
  const seen = RUNTIMES.map((name) => (PROGRAMS[name] ? answerIn(name, path) : undefined));
  const linear = seen.find((one) => one !== undefined)?.linearBytes;
  const cells = [source.size, planned, linear, ...seen.map((one) => one?.peakBytes), await inChromium(path)];
  const text = cells.map((bytes) => (bytes === undefined ? '' : (bytes / 1e6).toFixed(0)));
  console.log(`| ${size.toUpperCase()} ${type} | ${text.join(' | ')} |`);
}

function answerIn(name: (typeof RUNTIMES)[number], path: string): { linearBytes: number; peakBytes: number } {
  const flags = name === 'deno' ? ['run', '-A', '--node-modules-dir=manual'] : [];
  const args = [...flags, join(here, 'memory-answer.mjs'), path];
  const output = execFileSync(PROGRAMS[name], args, { encoding: 'utf8', maxBuffer: 2 ** 24 });
  return JSON.parse(output.trim().split('\n').at(-1)!);
}

/** Most memory of the browser's processes, over that of a blank page; nothing where there is no Chromium. */
async function inChromium(path: string): Promise<number | undefined> {
  if (missing('smollm2-chromium')) return undefined;
  const request = { model: path, threads: 1, contextSize: NUM_POSITIONS, options: {} };
  const peer = await Peer.open('smollm2-chromium', request);
  await peer.prefill({ ids: new Array(NUM_POSITIONS).fill(28), text: '' });
  const footprint = await peer.footprint();
  await peer.close();
  return footprint?.peakBytes;
}

function quantised(type: EncodableDType): string {
  const path = join(folder, `135m.${type}.gguf`);
  const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const args = [cli, 'quantize', shipped, path, '--type', type.toLowerCase()];
  execFileSync(process.execPath, args, { stdio: 'ignore' });
  return path;
}

/** A file of that shape with the tokenizer of the shipped one, which all three sizes share. */
async function writeRandom(path: string, config: ModelConfig, type: EncodableDType): Promise<void> {
  const source = await fileSource(shipped);
  const { metadata } = await ggufContent(source);
  await source.close?.();
  const numbers = {
    'llama.block_count': config.numLayers,
    'llama.embedding_length': config.hiddenSize,
    'llama.feed_forward_length': config.intermediateSize,
    'llama.attention.head_count': config.numHeads,
    'llama.attention.head_count_kv': config.numKvHeads,
    'llama.rope.dimension_count': config.headDim,
  };
  const ours = Object.entries(numbers).map(([key, value]) => ({
    key,
    encoded: encodeGgufValue('UINT32', value),
  }));
  const ropeTheta = { key: 'llama.rope.freq_base', encoded: encodeGgufValue('FLOAT32', config.ropeTheta) };
  const replaced = [...ours, ropeTheta];
  const kept = metadata.filter(({ key }) => !replaced.some((pair) => pair.key === key));
  const tensors = Array.from(expectedTensors(config), ([name, shape]) =>
    randomTensor(ggufTensorName(name)!, shape, targetType(ggufTensorName(name)!, shape, type, true)),
  );
  await writeFileWhole(path, writeGguf([...kept, ...replaced], tensors));
}

/** Random integers with one small scale in every block; ones in vectors. */
function randomTensor(name: string, shape: readonly number[], dtype: EncodableDType): GgufTensorToWrite {
  const { blockSize, blockBytes } = DTYPES[dtype];
  const numRows = shape.length > 1 ? shape[0] : 1;
  const rowSize = shape[shape.length - 1];
  const row = new Uint8Array((rowSize / blockSize) * blockBytes);
  if (dtype === 'F32') new Float32Array(row.buffer).fill(1);
  else {
    for (let at = 0; at < row.length; at++) row[at] = Math.floor(256 * Math.random());
    // float16 2^-10 in front of every block.
    for (let at = 0; at < row.length; at += blockBytes) row.set([0x00, 0x14], at);
  }
  const pieces = function* () {
    for (let n = 0; n < numRows; n++) yield row;
  };
  return { name, dtype, shape, pieces };
}
