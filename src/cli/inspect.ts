// `smollm2 inspect`: what a model file says about itself, without running it.

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type ModelConfig, numParameters } from '../config.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { readGguf } from '../format/gguf.ts';
import { readGgufHeader } from '../format/gguf-header.ts';
import { readWholeHeader } from '../format/gguf-shards.ts';
import type { GgufValue } from '../format/gguf-values.ts';
import { readHfFolder } from '../format/hf.ts';
import { besideFile, fileSource } from '../node/file-source.ts';
import { findWeights } from '../node/find-weights.ts';
import { type Arguments, Command } from './arguments.ts';
import { interruptible, print, Status } from './terminal.ts';

export const inspectCommand = new Command('inspect <file>', 'Metadata, tensors, types and sizes of a model')
  .option('--json', 'print one JSON object')
  .example('$ smollm2 inspect model.gguf')
  .example('$ smollm2 inspect 135m --json')
  .onRun(run);

interface TensorLine {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

interface Report {
  readonly file: string;
  readonly format: string;
  readonly fileBytes: number | undefined;
  /** Values of all tensors. */
  readonly parameters: number;
  readonly tensorBytes: number;
  /** By number format. */
  readonly types: Record<string, { tensors: number; bytes: number }>;
  /** Absent when this project cannot run the model; `problem` says why. */
  readonly config: ModelConfig | undefined;
  readonly problem: string | undefined;
  readonly metadata: Record<string, unknown>;
  readonly tensors: readonly TensorLine[];
}

async function run(args: Arguments): Promise<void> {
  const status = new Status();
  const found = await interruptible((signal) =>
    findWeights(args.words[0], {
      signal,
      onNote: (text) => status.note(text),
      onProgress: (file, done, total) => status.progress(file, done, total),
    }),
  );
  status.clear();
  const report = found.kind === 'folder' ? await inspectFolder(found.path) : await inspectGguf(found.path);
  await print(args.flag('json') ? `${JSON.stringify(report, jsonValue, 1)}\n` : describe(report));
}

async function inspectGguf(path: string): Promise<Report> {
  const source = await fileSource(path);
  let whole: Awaited<ReturnType<typeof readWholeHeader>> | undefined;
  let opened: Checkpoint | Error | undefined;
  try {
    const own = await readGgufHeader(source);
    // Of a model in shards all of them, where they are there.
    whole = await readWholeHeader(source, besideFile(path)).catch(() => undefined);
    const { header } = whole ?? { header: own };
    opened = await readGguf(source, besideFile(path)).catch((error: Error) => error);
    const files = new Set([source, ...header.tensors.map((tensor) => tensor.source ?? source)]);
    const fileBytes = [...files].reduce((sum, { size }) => sum + size, 0);
    const metadata: Record<string, unknown> = Object.create(null);
    for (const [key, value] of header.metadata) metadata[key] = plainValue(value);
    const tensors = header.tensors.map(({ name, dtype, shape, byteLength }) => ({
      name,
      dtype,
      shape,
      bytes: byteLength,
    }));
    const format = `GGUF version ${header.version}`;
    return { file: path, format, fileBytes, ...totals(tensors, opened), metadata, tensors };
  } finally {
    await whole?.close();
    if (opened && !(opened instanceof Error)) await opened.close();
    await source.close?.();
  }
}

async function inspectFolder(path: string): Promise<Report> {
  const checkpoint = await readHfFolder((name) => fileSource(resolve(path, name)), path);
  await checkpoint.close();
  const tensors = Array.from(checkpoint.tensors.values(), ({ name, dtype, shape, byteLength }) => ({
    name,
    dtype,
    shape,
    bytes: byteLength,
  }));
  const single = await stat(resolve(path, 'model.safetensors')).catch(() => undefined);
  const { metadata } = checkpoint;
  return {
    file: path,
    format: 'HF folder, safetensors',
    fileBytes: single?.size,
    ...totals(tensors, checkpoint),
    metadata,
    tensors,
  };
}

function totals(tensors: readonly TensorLine[], opened: Checkpoint | Error) {
  const types: Report['types'] = {};
  let tensorBytes = 0;
  let parameters = 0;
  for (const { dtype, shape, bytes } of tensors) {
    types[dtype] ??= { tensors: 0, bytes: 0 };
    types[dtype].tensors++;
    types[dtype].bytes += bytes;
    tensorBytes += bytes;
    parameters += shape.reduce((product, size) => product * size, 1);
  }
  const isBroken = opened instanceof Error;
  return {
    parameters: isBroken ? parameters : numParameters(opened.config),
    tensorBytes,
    types,
    config: isBroken ? undefined : opened.config,
    problem: isBroken ? opened.message : undefined,
  };
}

/** How many elements of a metadata array are shown. */
const SHOWN_ELEMENTS = 8;

function plainValue({ value }: GgufValue): unknown {
  if (typeof value !== 'object') return value;
  const { elementType, count, values } = value;
  const first: unknown[] = [];
  for (let i = 0; i < Math.min(count, SHOWN_ELEMENTS); i++) {
    first.push('get' in values ? values.get(i) : values[i]);
  }
  return count <= SHOWN_ELEMENTS ? first : { elementType, count, first };
}

/** JSON has no 64-bit integers and no infinities: they are written as text. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function describe(report: Report): string {
  const { config } = report;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
  const lines = [
    `${report.file}: ${report.format}${report.fileBytes ? `, ${megabytes(report.fileBytes)}` : ''}`,
    `${report.parameters.toLocaleString('en')} parameters in ${report.tensors.length} tensors of ` +
      `${megabytes(report.tensorBytes)}`,
  ];
  if (config) {
    lines.push(
      `${config.numLayers} layers, hidden ${config.hiddenSize}, intermediate ${config.intermediateSize}, ` +
        `${config.numHeads} heads (${config.numKvHeads} for keys and values) of ${config.headDim}, ` +
        `vocabulary ${config.vocabSize}, context ${config.maxSeqLen}, ` +
        `${config.tiedEmbeddings ? 'tied' : 'own'} output matrix`,
    );
  }
  if (report.problem) lines.push(`cannot be run here: ${report.problem}`);
  lines.push('', 'types');
  for (const [dtype, { tensors, bytes }] of Object.entries(report.types)) {
    lines.push(`  ${dtype.padEnd(8)}${String(tensors).padStart(6)} tensors ${megabytes(bytes).padStart(12)}`);
  }
  lines.push('', 'metadata');
  for (const [key, value] of Object.entries(report.metadata)) {
    lines.push(`  ${key} = ${shorten(JSON.stringify(value, jsonValue) ?? String(value))}`);
  }
  lines.push('', 'tensors');
  const width = Math.max(...report.tensors.map(({ name }) => name.length), 0);
  for (const { name, dtype, shape, bytes } of report.tensors) {
    lines.push(
      `  ${name.padEnd(width)}  ${dtype.padEnd(7)} [${shape.join(', ')}]`.padEnd(width + 30) +
        megabytes(bytes),
    );
  }
  return `${lines.join('\n')}\n`;
}

function shorten(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 97)}…`;
}
