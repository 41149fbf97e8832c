// `smollm2 snapshot`: the state behind a fixed system message, computed once and shipped with an app.

import { loadModel } from '../node/index.ts';
import { writeFileWhole } from '../node/write-file.ts';
import { bind } from '../smollm2.ts';
import { type Arguments, Command } from './arguments.ts';
import { engineOptions, loadOptions, openModelFile } from './model-options.ts';
import { print, Status } from './terminal.ts';

export const snapshotCommand = engineOptions(
  new Command('snapshot', 'Compute the state behind a system message once, for an app to restore')
    .option('--system <text>', 'the message')
    .option('--out <file>', 'where the snapshot goes')
    .option('--cache <type>', 'how the app keeps keys and values: f32 (default), f16 or q8')
    .example('$ smollm2 snapshot --system "You translate into French." --cache q8 --out french.kv'),
).onRun(run);

async function run(args: Arguments): Promise<void> {
  const content = args.text('system');
  const out = args.text('out');
  if (!content) throw new RangeError('--system: expected a text, got none');
  if (!out) throw new RangeError('--out: expected a file, got none');
  const status = new Status();
  const options = { ...loadOptions(args), cacheType: args.choice('cache', ['f32', 'f16', 'q8']) };
  const checkpoint = await openModelFile(args, status);
  const smol = bind(await loadModel(checkpoint, options), checkpoint);
  try {
    const bytes = await smol.snapshot([{ role: 'system', content }]);
    await writeFileWhole(out, onePiece(bytes));
    await print(`${out}: ${(bytes.length / 1e6).toFixed(2)} MB\n`);
  } finally {
    await smol.close();
    await checkpoint.close();
  }
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
