// `smollm2 trace`: every activation of one forward pass in a safetensors file, under HuggingFace names and
// shapes.

import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UnsupportedError } from '../base/errors.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { SafetensorsHeader, type SafetensorsInput } from '../format/safetensors.ts';
import type { Model } from '../model/model.ts';
import { allPoints } from '../model/points.ts';
import { hfLayout } from '../model/trace.ts';
import { diskError } from '../node/write-file.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type Arguments, Command } from './arguments.ts';
import { engineOptions, openBareModel } from './model-options.ts';
import { Status } from './terminal.ts';
import { parseIds } from './tokenize.ts';

export const traceCommand = engineOptions(
  new Command('trace', 'Write the activations of a forward pass to a safetensors file')
    .option('--ids <ids>', 'token ids, such as 1,2,3')
    .option('--text <text>', 'text instead of ids')
    .option('--out <file>', 'file to write')
    .option('--points <glob>', 'only points of these names, such as "model.layers.*.mlp.*"; may be repeated')
    .example('$ smollm2 trace --model 135m --text "The cat sat on the" --out trace.safetensors'),
).onRun(run);

async function run(args: Arguments): Promise<void> {
  const status = new Status();
  const out = args.text('out');
  const text = args.text('text');
  const idsText = args.text('ids');
  if (out === undefined) throw new RangeError('--out: expected a file to write, got nothing');
  if ((text === undefined) === (idsText === undefined))
    throw new RangeError('trace: expected one of --ids and --text');
  const { model, checkpoint } = await openBareModel(args, status);
  try {
    const ids = idsText === undefined ? encode(checkpoint, text ?? '') : parseIds(idsText);
    const metadata = {
      engine: model.engineName,
      options: JSON.stringify({ precision: args.text('precision'), threads: args.text('threads') }),
      ids: JSON.stringify(ids),
      ...(text !== undefined && { text }),
      model: checkpoint.name,
      model_sha256: await sha256(checkpoint.name),
      ...versions(),
    };
    const points = selection(args.texts('points'), model.config.numLayers);
    const writer = new TraceWriter(out, model, points, metadata);
    try {
      await writer.pass(ids);
      writer.finish();
    } catch (cause) {
      throw diskError(out, cause);
    } finally {
      writer.close();
    }
    status.note(`${writer.numTensors} tensors of ${ids.length} tokens written to ${out}`);
  } finally {
    await model.close();
  }
}

/** Only a text needs a tokenizer: a folder without one can be traced by ids. */
function encode(checkpoint: Checkpoint, text: string): number[] {
  if (checkpoint.tokenizer) return Tokenizer.from(checkpoint.tokenizer).encode(text);
  throw new UnsupportedError(`${checkpoint.name}: expected a tokenizer for --text, got none; use --ids`);
}

/** Names of points that a glob asks for; `*` stands for any characters. */
function selection(globs: readonly string[], numLayers: number): readonly string[] {
  const points = allPoints(numLayers);
  if (globs.length === 0) return points;
  const patterns = globs.map((glob) => {
    const literal = glob.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
    return new RegExp(`^${literal.join('.*')}$`);
  });
  const chosen = points.filter((name) => patterns.some((pattern) => pattern.test(name)));
  if (chosen.length === 0) {
    throw new RangeError(`--points: expected a name such as ${points[1]}, got ${globs.join(', ')}`);
  }
  return chosen;
}

/** What made the file, so that a difference can be laid at somebody's door. */
function versions(): Record<string, string> {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return { smollm2: version, node: process.version };
}

/** Hash of the model's file, or of all weights of a folder in order of their names. */
async function sha256(path: string): Promise<string> {
  const found = await stat(path);
  const inFolder = found.isDirectory()
    ? (await readdir(path)).filter((name) => name.endsWith('.safetensors'))
    : [];
  const hash = createHash('sha256');
  for (const file of found.isDirectory() ? inFolder.sort().map((name) => join(path, name)) : [path]) {
    for await (const piece of createReadStream(file)) hash.update(piece);
  }
  return hash.digest('hex');
}

/**
 * Bytes kept free at the front for one tensor's entry of the header: its name and four numbers of up to 16
 * digits.
 */
const ENTRY_BYTES = 256;

/**
 * A safetensors file that grows as the pass goes on: the activations of a long text do not fit in memory. The
 * header stands in front and is known last, so room is kept for it and padded with spaces, as the format
 * allows.
 */
class TraceWriter {
  numTensors = 0;
  private readonly path: string;
  private readonly model: Model;
  private readonly points: readonly string[];
  private readonly header: SafetensorsHeader;
  /** Room kept for it. */
  private readonly headBytes: number;
  private readonly file: number;
  private isOpen = true;
  private isWhole = false;

  constructor(path: string, model: Model, points: readonly string[], metadata: Record<string, string>) {
    this.path = path;
    this.model = model;
    this.points = points;
    this.header = new SafetensorsHeader(metadata);
    this.headBytes = this.header.encode().length + (points.length + 2) * ENTRY_BYTES;
    this.file = openSync(this.partial, 'w');
  }

  private get partial(): string {
    return `${this.path}.partial-${process.pid}`;
  }

  /** Runs the ids and writes every chosen point. */
  async pass(ids: readonly number[]): Promise<void> {
    const chosen = new Set(this.points);
    const wantsLogits = chosen.delete('lm_head');
    const cache = this.model.newCache();
    const logits = await this.model.forward(ids, cache, {
      logits: wantsLogits ? 'all' : 'none',
      points: [...chosen],
      trace: (name, value, shape) => {
        if (!chosen.has(name)) return;
        const values = this.model.read(value);
        const laidOut = hfLayout(name, values, shape);
        this.add({ name, ...laidOut });
      },
    });
    this.model.freeCache(cache);
    if (wantsLogits) {
      this.add({ name: 'lm_head', values: logits, shape: [1, ids.length, this.model.config.vocabSize] });
    }
    this.add({ name: 'input_ids', values: BigInt64Array.from(ids, BigInt), shape: [1, ids.length] });
  }

  private add(tensor: SafetensorsInput): void {
    const { buffer, byteOffset, byteLength } = tensor.values;
    const offset = this.header.add(tensor);
    this.write(new Uint8Array(buffer, byteOffset, byteLength), this.headBytes + offset);
    this.numTensors++;
  }

  private write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.file, bytes, done, bytes.length - done, position + done);
    }
  }

  /** Writes the header and gives the file its name. */
  finish(): void {
    this.write(this.header.encode(this.headBytes), 0);
    fsyncSync(this.file);
    renameSync(this.partial, this.path);
    this.isWhole = true;
  }

  /** Leaves nothing half-written behind. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    closeSync(this.file);
    if (!this.isWhole) rmSync(this.partial, { force: true });
  }
}
