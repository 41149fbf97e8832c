// `smollm2 split`: a model file in parts under a host's size limit, with a manifest that `load()` takes.

import { DEFAULT_MODEL } from '../download/model-names.ts';
import { fileSource } from '../node/file-source.ts';
import { findWeights } from '../node/find-weights.ts';
import { parseBytes, splitFile } from '../node/split.ts';
import { type Arguments, Command } from './arguments.ts';
import { interruptible, print, Status } from './terminal.ts';

export const splitCommand = new Command(
  'split [model]',
  "Cut a .gguf file into parts that fit a host's size limit",
)
  .option('--out <folder>', 'where the parts and the manifest go')
  .option('--part-size <bytes>', 'of every part but the last (default: 4MiB; Workers assets take 25MiB)')
  .example('$ smollm2 split 135m --out public/model')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const folder = args.text('out');
  if (!folder) throw new RangeError('--out: expected a folder, got none');
  const partBytes = parseBytes(args.text('partSize') ?? '4MiB');
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
