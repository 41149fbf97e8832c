// Text that every clone has, for benches of training: this repository's documents, as tokens of their own vocabulary.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesSource } from '../src/format/source.ts';
import { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { trainBpe, WordCounts } from '../src/tokenizer/train.ts';
import { tokenizerJson } from '../src/tokenizer/write-json.ts';
import { encodeTokens } from '../src/train/token-shard.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** One of so many documents is held out. */
const HELD_OUT = 16;

/** The documents of this repository as tokens of a vocabulary of their own: to train on, and held out. */
export function tokenFolders(vocabSize: number) {
  const names = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
  const texts = names.map((name) => readFileSync(join(ROOT, name), 'utf8'));
  const parts = [false, true].map((isHeldOut) => texts.filter((_, i) => (i % HELD_OUT === 0) === isHeldOut));
  const words = new WordCounts();
  for (const text of parts[0]) words.add(text);
  const specialTokens = ['<|endoftext|>'];
  const json = tokenizerJson(trainBpe(words, { vocabSize, specialTokens }));
  const tokenizer = Tokenizer.from({ kind: 'json', tokenizer: json, file: 'tokenizer.json' } as never);
  return parts.map((documents) => {
    const ids = documents.flatMap((text) => [...tokenizer.encode(text, { addBos: false }), 0]);
    const source = bytesSource('documents', encodeTokens(ids, 2));
    return {
      name: 'documents',
      shards: [{ name: 'a.ds', source, tokenBytes: 2 as const, numTokens: ids.length }],
    };
  });
}
