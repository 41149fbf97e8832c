// A checkpoint of nanotron's as a Checkpoint: `model_config.json` and the folder `model/`, whatever the number of
// ranks. Where rotary pairs are interleaved (the 1.7B), query and key rows are put into HuggingFace's order.

import { DTYPES, type DType } from '../base/dtype.ts';
import { FormatError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import { type Checkpoint, checkTensors } from './checkpoint.ts';
import { ggufRow, isPermuted, reorderRows } from './gguf-names.ts';
import type { OpenFile } from './hf.ts';
import { configFromHf } from './hf-config.ts';
import {
  type NanotronParameter,
  nanotronParameters,
  parameterShape,
  parseSlices,
  parseUnshardedShape,
  type SlicePair,
  type Slices,
} from './nanotron-layout.ts';
import { SafetensorsFile } from './safetensors.ts';

/**
 * Opens the folder of one step. Parameters are put together when they are asked for, one at a time.
 *
 * @param files every file of the folder, as paths below it
 * @param open  opens one of them
 * @throws FormatError when a file breaks its format, or files and config do not belong together
 */
export async function readNanotron(
  files: readonly string[],
  open: OpenFile,
  name: string,
): Promise<Checkpoint> {
  const config = await readConfig(open, name);
  const opened: SafetensorsFile[] = [];
  const close = async () => {
    for (const file of opened) await file.close();
  };
  try {
    const tensors = new Map<string, Tensor>();
    for (const parameter of nanotronParameters(config.model)) {
      const shards = shardsOf(parameter, files);
      if (shards.length === 0) {
        throw new FormatError('expected a file of this parameter, got none', {
          file: name,
          field: `${parameter.folder}.${parameter.kind}`,
        });
      }
      const first = opened.length;
      for (const path of shards) opened.push(await SafetensorsFile.open(await open(path)));
      const whole = new WholeParameter(parameter, opened.slice(first));
      for (const tensor of whole.tensors()) {
        const isPaired = config.isInterleaved && isPermuted(tensor.name);
        tensors.set(tensor.name, isPaired ? reorderRows(tensor, config.model.headDim, ggufRow) : tensor);
      }
    }
    checkTensors(name, config.model, tensors);
    return { name, format: 'safetensors', config: config.model, tensors, metadata: {}, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readConfig(
  open: OpenFile,
  name: string,
): Promise<{ model: ModelConfig; isInterleaved: boolean }> {
  const source = await open('model_config.json');
  const file = `${name}/model_config.json`;
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(new TextDecoder().decode(await source.read(0, Math.min(source.size, 2 ** 20))));
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, { file });
  } finally {
    await source.close?.();
  }
  if (typeof json !== 'object' || json === null) throw new FormatError('expected an object', { file });
  const hasBias = json.attention_bias === true;
  const model = { ...json, model_type: hasBias ? 'qwen2' : 'llama', attention_bias: false };
  return { model: configFromHf(model, file), isInterleaved: json.rope_interleaved === true };
}

/** Files of a parameter: one, or one for each rank. */
function shardsOf({ folder, kind }: NanotronParameter, files: readonly string[]): string[] {
  const start = `model/${folder}/model_${kind}`;
  const isShard = /^(_pp-rank-\d+-of-\d+_tp-rank-\d+-of-\d+)?\.safetensors$/;
  return files.filter((file) => file.startsWith(start) && isShard.test(file.slice(start.length))).sort();
}

/** A shard of a parameter: its values and where they belong. */
interface Shard {
  readonly file: SafetensorsFile;
  readonly shape: readonly number[];
  readonly pairs: readonly SlicePair[];
}

/** A parameter in several files, put together when it is first asked for and kept while it is the last. */
class WholeParameter {
  private readonly parameter: NanotronParameter;
  private readonly shape: readonly number[];
  private readonly dtype: DType;
  private readonly shards: readonly Shard[];
  private static last: { readonly of: WholeParameter; readonly bytes: Promise<Uint8Array> } | undefined;

  constructor(parameter: NanotronParameter, files: readonly SafetensorsFile[]) {
    this.parameter = parameter;
    this.shape = parameterShape(parameter);
    this.shards = files.map((file) => this.shard(file));
    this.dtype = this.dtypeOf(files);
    this.checkCover();
  }

  /** The HF tensors in it. */
  tensors(): Tensor[] {
    let begin = 0;
    const rowBytes = this.rowValues() * DTYPES[this.dtype].blockBytes;
    return this.parameter.parts.map(({ name, shape }) => {
      const first = begin;
      begin += shape[0];
      const readRows = async (from: number, to: number) => {
        const bytes = await this.bytes();
        // A vector is one row.
        const [a, b] =
          shape.length === 1 ? [first, first + (to > from ? shape[0] : 0)] : [first + from, first + to];
        return bytes.subarray(a * rowBytes, b * rowBytes);
      };
      return { name, dtype: this.dtype, shape, byteLength: shape[0] * rowBytes, readRows };
    });
  }

  private bytes(): Promise<Uint8Array> {
    if (WholeParameter.last?.of !== this) WholeParameter.last = { of: this, bytes: this.assemble() };
    return WholeParameter.last.bytes;
  }

  private async assemble(): Promise<Uint8Array> {
    const size = DTYPES[this.dtype].blockBytes;
    const [rows] = this.shape;
    const columns = this.rowValues();
    const whole = new Uint8Array(rows * columns * size);
    for (const { file, pairs, shape } of this.shards) {
      const values = await file.readBytes('data');
      const localColumns = shape[1] ?? 1;
      for (const { local, global } of pairs) {
        const [from, to] = [corner(local, shape), corner(global, this.shape)];
        const width = (to.columnEnd - to.column) * size;
        for (let row = 0; row < to.rowEnd - to.row; row++) {
          const source = ((from.row + row) * localColumns + from.column) * size;
          whole.set(values.subarray(source, source + width), ((to.row + row) * columns + to.column) * size);
        }
      }
    }
    return whole;
  }

  private rowValues(): number {
    return this.shape[1] ?? 1;
  }

  private shard(file: SafetensorsFile): Shard {
    const entry = file.tensors.get('data');
    if (!entry) throw new FormatError('expected a tensor "data", got none', { file: file.name });
    const { shape } = entry;
    const text = file.metadata.local_global_slices_pairs;
    if (text === undefined)
      return { file, shape, pairs: [{ local: shape.map(() => null), global: shape.map(() => null) }] };
    const unsharded = parseUnshardedShape(file.metadata.unsharded_shape ?? '', file.name);
    if (unsharded.join() !== this.shape.join()) this.wrongShape(file, unsharded);
    const pairs = parseSlices(text, file.name);
    for (const { local, global } of pairs) {
      const [a, b] = [corner(local, shape), corner(global, this.shape)];
      const isSame =
        a.rowEnd - a.row === b.rowEnd - b.row && a.columnEnd - a.column === b.columnEnd - b.column;
      if (isSame && isWithin(a, shape) && isWithin(b, this.shape)) continue;
      throw new FormatError('expected slices of one size within their shapes', {
        file: file.name,
        field: 'local_global_slices_pairs',
      });
    }
    return { file, shape, pairs };
  }

  private dtypeOf(files: readonly SafetensorsFile[]): DType {
    const [dtype, ...others] = new Set(files.map((file) => file.tensors.get('data')!.dtype));
    const isPlain = dtype === 'F32' || dtype === 'BF16' || dtype === 'F16' || dtype === 'F64';
    if (isPlain && others.length === 0) return dtype;
    throw new FormatError(`expected F32, BF16, F16 or F64, got ${[dtype, ...others].join(' and ')}`, {
      file: files[0].name,
    });
  }

  /** Every value from exactly one file: no two slices overlap, and together they are as many as there are. */
  private checkCover(): void {
    const boxes = this.shards.flatMap(({ pairs }) => pairs.map(({ global }) => corner(global, this.shape)));
    const area = boxes.reduce((sum, b) => sum + (b.rowEnd - b.row) * (b.columnEnd - b.column), 0);
    const doOverlap = boxes.some((a, i) =>
      boxes
        .slice(i + 1)
        .some(
          (b) => a.row < b.rowEnd && b.row < a.rowEnd && a.column < b.columnEnd && b.column < a.columnEnd,
        ),
    );
    if (area === this.shape[0] * this.rowValues() && !doOverlap) return;
    const file = this.shards[0].file.name;
    throw new FormatError('expected files of all ranks that hold every value once', { file });
  }

  private wrongShape(file: SafetensorsFile, got: readonly number[]): never {
    const message = `expected shape [${this.shape.join(', ')}], got [${got.join(', ')}]`;
    throw new FormatError(message, { file: file.name, field: 'unsharded_shape' });
  }
}

/** A range of rows and columns; a vector has one column. */
interface Box {
  readonly row: number;
  readonly rowEnd: number;
  readonly column: number;
  readonly columnEnd: number;
}

function corner(slices: Slices, shape: readonly number[]): Box {
  const [row, rowEnd] = slices[0] ?? [0, shape[0]];
  const [column, columnEnd] = slices[1] ?? [0, shape[1] ?? 1];
  return { row, rowEnd, column, columnEnd };
}

function isWithin(box: Box, shape: readonly number[]): boolean {
  const { row, rowEnd, column, columnEnd } = box;
  return row <= rowEnd && rowEnd <= shape[0] && column <= columnEnd && columnEnd <= (shape[1] ?? 1);
}
