// `smollm2 split`: a model file in parts under a host's size limit, with a manifest that `load()` takes, or in GGUF
// shards that llama.cpp takes too.

import { basename } from 'node:path';
import { shardOf } from '../base/shard-names.ts';
import { DEFAULT_MODEL } from '../download/model-names.ts';
import { ggufShards } from '../format/gguf-shards.ts';
import { ggufContent } from '../format/to-gguf.ts';
import { besideFile, fileSource } from '../node/file-source.ts';
import { findWeights } from '../node/find-weights.ts';
import { parseBytes, splitFile, writeShards } from '../node/split.ts';
import { type Arguments, Command } from './arguments.ts';
import { interruptible, print, Status } from './terminal.ts';

export const splitCommand = new Command(
  'split [model]',
  "Cut a .gguf file into parts that fit a host's size limit",
)
  .option('--out <folder>', 'where the parts and the manifest go')
  .option('--part-size <bytes>', 'of every part but the last (default: 4MiB; Workers assets take 25MiB)')
  .option('--shards', 'GGUF shards, NAME-00001-of-0000N.gguf, cut between tensors (default part size: 2GB)')
  .example('$ smollm2 split 135m --out public/model')
  .example('$ smollm2 split 135m --shards --part-size 40MB --out shards')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const folder = args.text('out');
  if (!folder) throw new RangeError('--out: expected a folder, got none');
  const isSharded = args.flag('shards');
  const partBytes = parseBytes(args.text('partSize') ?? (isSharded ? '2GB' : '4MiB'));
  const status = new Status();
  const found = await interruptible((signal) =>
    findWeights(args.words[0] ?? DEFAULT_MODEL, {
      signal,
      onNote: (text) => status.note(text),
      onProgress: (file, done, total) => status.progress(file, done, total),
    }),
  );
  if (found.kind !== 'gguf') {
    throw new RangeError(
      `${found.path}: expected one .gguf file, got a folder; make one with smollm2 quantize`,
    );
  }
  if (isSharded) return shard(found.path, folder, partBytes, status);
  const source = await fileSource(found.path);
  try {
    const { manifest, path } = await splitFile(source, folder, partBytes, (_part, done) =>
      status.progress('splitting', done, source.size),
    );
    status.clear();
    await print(
      `${path}: ${manifest.parts.length} parts, ${manifest.size} bytes, sha256 ${manifest.sha256}\n`,
    );
  } finally {
    await source.close?.();
  }
}

async function shard(path: string, folder: string, shardBytes: number, status: Status): Promise<void> {
  if (shardBytes < 1024) throw new RangeError(`--part-size: expected 1 KiB or more, got ${shardBytes} bytes`);
  const content = await ggufContent(await fileSource(path), besideFile(path));
  try {
    const stem = shardOf(path)?.stem ?? path.replace(/\.gguf$/i, '');
    const shards = ggufShards(basename(stem), content, shardBytes);
    const { path: first, bytes } = await writeShards(shards, folder, (written) =>
      status.progress('splitting', written, shards.length, 'shards'),
    );
    status.clear();
    await print(`${first}: the first of ${shards.length} shards, ${bytes} bytes\n`);
  } finally {
    await content.close();
  }
}
