// `smollm2 quantize`: a GGUF file or an HF folder as a GGUF file in another number format, with the error of each
// tensor.

import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { closedOnError } from '../base/close-on-error.ts';
import { encodeGgufValue, type GgufPair, writeGguf } from '../format/gguf-write.ts';
import { readHfFolder } from '../format/hf.ts';
import { requantised, type TensorReport, targetType } from '../format/requantise.ts';
import { type GgufContent, ggufContent, ggufContentOfHf } from '../format/to-gguf.ts';
import { besideFile, fileSource } from '../node/file-source.ts';
import { findWeights } from '../node/find-weights.ts';
import { writeFileWhole } from '../node/write-file.ts';
import type { EncodableDType } from '../quant/encode.ts';
import { type Arguments, Command } from './arguments.ts';
import { interruptSignal, print, Status } from './terminal.ts';

/** `--type` and llama.cpp's number for it in `general.file_type`. */
const TYPES = {
  f16: { dtype: 'F16', fileType: 1 },
  q4_0: { dtype: 'Q4_0', fileType: 2 },
  q4_1: { dtype: 'Q4_1', fileType: 3 },
  q8_0: { dtype: 'Q8_0', fileType: 7 },
  bf16: { dtype: 'BF16', fileType: 32 },
} as const satisfies Record<string, { dtype: EncodableDType; fileType: number }>;

type TypeName = keyof typeof TYPES;
export const TYPE_NAMES = Object.keys(TYPES) as TypeName[];

export const quantizeCommand = new Command(
  'quantize <in> <out>',
  'Write a model as GGUF in another number format',
)
  .option('--type <type>', `of the matrices: ${TYPE_NAMES.join(', ')}`)
  .option('--json', 'one JSON object on stdout')
  .onRun(quantize);

async function quantize(args: Arguments): Promise<void> {
  const [input, output] = args.words;
  const typeName = args.choice('type', TYPE_NAMES);
  if (!typeName) throw new RangeError(`--type: expected one of ${TYPE_NAMES.join(', ')}, got none`);
  const status = new Status();
  const signal = interruptSignal();
  const { content, path, close } = await openInput(input, status, signal);
  try {
    if (await isSameFile(path, output))
      throw new RangeError(`${output}: expected another file than the input`);
    const reports: TensorReport[] = [];
    const pieces = ggufPieces(content, typeName, signal, (report) => {
      reports.push(report);
      status.progress('quantising', reports.length, content.tensors.length, 'tensors');
    });
    const bytes = await writeFileWhole(output, pieces);
    status.clear();
    await print(
      args.flag('json') ? `${JSON.stringify({ output, bytes, tensors: reports })}\n` : table(reports),
    );
    status.note(`${output}: ${(bytes / 1e6).toFixed(2)} MB`);
  } finally {
    await close();
  }
}

async function openInput(input: string, status: Status, signal: AbortSignal) {
  const onNote = (text: string) => status.note(text);
  const onProgress = (file: string, done: number, total: number | undefined) =>
    status.progress(file, done, total);
  const { kind, path } = await findWeights(input, { signal, onNote, onProgress });
  status.clear();
  if (kind === 'folder') {
    const checkpoint = await readHfFolder((name) => fileSource(resolve(path, name)), path);
    const content = await closedOnError(checkpoint, () => ggufContentOfHf(checkpoint));
    return { content, path, close: () => checkpoint.close() };
  }
  const content = await ggufContent(await fileSource(path), besideFile(path));
  return { content, path, close: content.close };
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  return (await realpath(a)) === (await realpath(b).catch(() => undefined));
}

/** The bytes of a GGUF file in that format; reports each tensor. */
export function ggufPieces(
  { metadata, tensors }: GgufContent,
  typeName: TypeName,
  signal: AbortSignal,
  onReport: (report: TensorReport) => void,
): AsyncGenerator<Uint8Array> {
  const { dtype, fileType } = TYPES[typeName];
  const isTied = !tensors.some(({ name }) => name === 'output.weight');
  const written = tensors.map((tensor) => {
    const to = targetType(tensor.name, tensor.shape, dtype, isTied);
    return requantised(tensor, to, (report) => {
      signal.throwIfAborted();
      onReport(report);
    });
  });
  const ours: GgufPair[] = [
    { key: 'general.file_type', encoded: encodeGgufValue('UINT32', fileType) },
    { key: 'general.quantization_version', encoded: encodeGgufValue('UINT32', 2) },
  ];
  const kept = metadata.filter(({ key }) => !ours.some((pair) => pair.key === key));
  return writeGguf([...kept, ...ours], written);
}

function table(reports: readonly TensorReport[]): string {
  const width = Math.max(...reports.map(({ name }) => name.length));
  const lines = reports.map(({ name, shape, from, to, error }) => {
    const size = `[${shape.join(', ')}]`;
    const lost = [error.max, error.rms, error.relative].map((value) => value.toExponential(2).padStart(10));
    const change = from === to ? `${to} kept` : `${from} to ${to}`;
    return `${name.padEnd(width)}  ${size.padEnd(14)} ${change.padEnd(14)}${lost.join('')}`;
  });
  const heading = `${'tensor'.padEnd(width)}  ${'shape'.padEnd(14)} ${'format'.padEnd(14)}${[
    'max error',
    'rms',
    'relative',
  ]
    .map((word) => word.padStart(10))
    .join('')}`;
  return `${[heading, ...lines].join('\n')}\n`;
}
