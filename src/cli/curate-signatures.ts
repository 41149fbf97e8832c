// `smollm2 curate signatures --jsonl --preset fineweb`: for each document of stdin its MinHash signature, a list of
// bands of decimal numbers; null for a document too short to have one.

import { FormatError } from '../base/errors.ts';
import { MINHASH_PRESETS } from '../data/minhash/config.ts';
import { signText } from '../data/minhash/stage.ts';
import { parseDocument } from '../data/pipeline/document-line.ts';
import { decodeUtf8, linesOf, MAX_LINE_BYTES } from '../node/curate/lines.ts';
import { nodeSigner } from '../node/curate/minhash-kernel.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { print } from './terminal.ts';

export function signaturesCommand(): Command {
  return new Command('curate signatures', 'Print the MinHash signature of each document of stdin')
    .option('--jsonl', 'one JSON document a line from stdin, one answer a line on stdout, in order')
    .option('--preset <fineweb|finemath>', '14 bands of 8, or one of 10 (default: fineweb)')
    .option('--hash <sha1|xxhash>', 'of the shingles (default: sha1)');
}

export async function runSignatures(args: Arguments): Promise<void> {
  if (!args.flag('jsonl'))
    throw new UsageError('--jsonl: expected, since that is the only form of signatures');
  const preset = MINHASH_PRESETS[args.choice('preset', ['fineweb', 'finemath']) ?? 'fineweb'];
  const signer = await nodeSigner({
    ...preset,
    hash: args.choice('hash', ['sha1', 'xxhash']) ?? preset.hash,
  });
  const { numBuckets, hashesPerBucket } = signer.config;
  let number = 0;
  for await (const { bytes } of linesOf(process.stdin)) {
    const place = `stdin:${++number}`;
    if (!bytes)
      throw new FormatError(`expected a line of at most ${MAX_LINE_BYTES} bytes, got more`, { file: place });
    const { id, text } = parseDocument(decodeUtf8(bytes).text, place, String(number - 1));
    const signature = signText(signer, text);
    const bands =
      signature &&
      Array.from({ length: numBuckets }, (_, bucket) =>
        Array.from(signature.subarray(bucket * hashesPerBucket, (bucket + 1) * hashesPerBucket), String),
      );
    await print(`${JSON.stringify({ id, signatures: bands })}\n`);
  }
}
