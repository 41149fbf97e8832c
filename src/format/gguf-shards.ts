// A model in several GGUF files, as llama.cpp's gguf-split writes them: NAME-00001-of-00003.gguf and so on. The first
// holds the metadata; each holds whole tensors, and says which of how many it is.
//
//     split.no             which one, from 0
//     split.count          how many
//     split.tensors.count  tensors of all together

import { FormatError } from '../base/errors.ts';
import { MAX_SHARDS, shardName, shardNames } from '../base/shard-names.ts';
import type { Tensor } from '../base/tensor.ts';
import type { GgufHeader, GgufTensor } from './gguf-header.ts';
import { readGgufHeader } from './gguf-header.ts';
import { encodeGgufValue, type GgufPair, tensorBytes, writeGguf } from './gguf-write.ts';
import type { Source } from './source.ts';

/** Opens a file that lies beside the first, by its plain name. */
export type OpenBeside = (fileName: string) => Promise<Source>;

/**
 * The header of a model with the tensors of all its shards, each with the source that it lies in. A file that is no
 * shard is its own header.
 *
 * @param open where the other shards are; without it a shard is refused
 * @throws FormatError      when this is not the first shard, or the shards do not belong together
 * @throws UnavailableError when a shard is not there
 */
export async function readWholeHeader(
  source: Source,
  open?: OpenBeside,
): Promise<{ header: GgufHeader; close: () => Promise<void> }> {
  const first = await readGgufHeader(source);
  const count = numberOf(first, 'split.count') ?? 1;
  if (count <= 1) return { header: first, close: async () => source.close?.() };
  const refuse = refusalOf(first);
  const names = shardNames(source.name.replace(/[?#].*$/, '').replace(/^.*[\\/]/, ''));
  if ((numberOf(first, 'split.no') ?? 0) !== 0) {
    refuse(
      'split.no',
      `expected the first of ${count} shards, got another; open ${names?.[0] ?? 'that one'}`,
    );
  }
  if (count > MAX_SHARDS) refuse('split.count', `expected at most ${MAX_SHARDS} shards, got ${count}`);
  if (names?.length !== count) {
    refuse('split.count', `expected a name that ends in ${shardName('', 0, count)}, as ${count} shards have`);
  }
  if (!open) refuse('split.count', `expected a whole model, got one of ${count} shards without the others`);
  const opened: Source[] = [source];
  const close = async () => {
    for (const shard of opened) await shard.close?.();
  };
  try {
    const tensors: GgufTensor[] = [...first.tensors];
    for (const [index, name] of names!.entries()) {
      if (index === 0) continue;
      const shard = await open!(name);
      opened.push(shard);
      tensors.push(...(await tensorsOf(shard, index, count)));
    }
    checkTogether(first, tensors);
    return { header: { ...first, tensors }, close };
  } catch (error) {
    for (const shard of opened.slice(1)) await shard.close?.();
    throw error;
  }
}

async function tensorsOf(source: Source, index: number, count: number): Promise<GgufTensor[]> {
  const header = await readGgufHeader(source);
  for (const [key, expected] of [
    ['split.no', index],
    ['split.count', count],
  ] as const) {
    const got = numberOf(header, key);
    if (got !== expected) refusalOf(header)(key, `expected ${expected}, got ${got ?? 'none'}`);
  }
  return header.tensors.map((tensor) => ({ ...tensor, source }));
}

function checkTogether(first: GgufHeader, tensors: readonly GgufTensor[]): void {
  const refuse = refusalOf(first);
  const names = new Set<string>();
  for (const { name, source } of tensors) {
    if (names.has(name)) {
      const file = source?.name ?? first.file;
      throw new FormatError('expected each tensor in one shard, got two', { file, field: `tensor ${name}` });
    }
    names.add(name);
  }
  const total = numberOf(first, 'split.tensors.count');
  if (total !== undefined && total !== tensors.length) {
    refuse('split.tensors.count', `expected the ${tensors.length} tensors of all shards, got ${total}`);
  }
}

function numberOf(header: GgufHeader, key: string): number | undefined {
  const entry = header.metadata.get(key);
  if (entry === undefined) return undefined;
  if (typeof entry.value === 'number') return entry.value;
  return refusalOf(header)(key, `expected a number, got ${entry.type}`);
}

function refusalOf(header: GgufHeader): (field: string, problem: string) => never {
  return (field, problem) => {
    throw new FormatError(problem, { file: header.file, field, offset: header.metadata.get(field)?.offset });
  };
}

/** A shard to be written. */
export interface GgufShard {
  readonly name: string;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/**
 * A model as shards, cut between tensors: each holds as many as fit into `shardBytes`, at least one, and metadata on
 * top. The first has the model's metadata.
 *
 * @throws RangeError when there would be more shards than names have room for
 */
export function ggufShards(
  stem: string,
  { metadata, tensors }: { metadata: readonly GgufPair[]; tensors: readonly Tensor[] },
  shardBytes: number,
): GgufShard[] {
  const groups: Tensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const bytes = tensorBytes(tensor);
    if (groups.length === 0 || bytes > room) {
      groups.push([]);
      room = shardBytes;
    }
    groups[groups.length - 1].push(tensor);
    room -= bytes;
  }
  if (groups.length > MAX_SHARDS) {
    throw new RangeError(`part size: expected at most ${MAX_SHARDS} shards, got ${groups.length}`);
  }
  return groups.map((group, index) => {
    const pairs = [...(index === 0 ? metadata : []), ...splitPairs(index, groups.length, tensors.length)];
    const written = group.map((tensor) => ({ ...tensor, pieces: () => rowsOf(tensor) }));
    return { name: shardName(stem, index, groups.length), pieces: writeGguf(pairs, written) };
  });
}

/** A tensor's bytes as they are stored, about a megabyte at a time. */
async function* rowsOf({ shape, byteLength, readRows }: Tensor): AsyncGenerator<Uint8Array> {
  const rows = shape.length < 2 ? 1 : shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const step = Math.max(1, Math.floor(2 ** 20 / (byteLength / rows)));
  for (let row = 0; row < rows; row += step) yield await readRows(row, Math.min(row + step, rows));
}

function splitPairs(index: number, count: number, numTensors: number): GgufPair[] {
  return [
    { key: 'split.no', encoded: encodeGgufValue('UINT16', index) },
    { key: 'split.tensors.count', encoded: encodeGgufValue('INT32', numTensors) },
    { key: 'split.count', encoded: encodeGgufValue('UINT16', count) },
  ];
}

/** Without the keys of a split, for a model that is put together again. */
export function withoutSplit(pairs: readonly GgufPair[]): GgufPair[] {
  return pairs.filter(({ key }) => !key.startsWith('split.'));
}
