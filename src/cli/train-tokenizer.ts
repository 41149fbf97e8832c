// `smollm2 train-tokenizer`: a byte-level BPE vocabulary out of text files.

import { corpusTexts } from '../node/train/corpus.ts';
import { makeFolderOf, writeFileWhole } from '../node/write-file.ts';
import { trainBpe, WordCounts } from '../tokenizer/train.ts';
import { DEFAULT_SPECIALS, tokenizerJson } from '../tokenizer/write-json.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { interruptSignal, Status } from './terminal.ts';

export const trainTokenizerCommand = new Command(
  'train-tokenizer <...files>',
  "Learn a byte-level BPE vocabulary with SmolLM2's pre-tokenizer, merge for merge as HuggingFace's trainer does",
)
  .option('--vocab-size <n>', 'tokens in all: specials, 256 bytes and what is learned')
  .option('--min-frequency <n>', 'a pair must occur this often to become a token (default: 0)')
  .option('--special <a,b>', `special tokens, first ids first (default: ${DEFAULT_SPECIALS.join(',')})`)
  .option('--column <name>', 'key of JSONL or column of parquet that holds the text (default: text)')
  .option('--separator <text>', 'ends a document within a text file, such as "<|endoftext|>" or "\\0"')
  .option('--out <file>', 'tokenizer.json to be written')
  .example('$ smollm2 train-tokenizer tales.txt --vocab-size 2048 --out tokenizer.json')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const vocabSize = args.count('vocabSize');
  const out = args.text('out');
  if (vocabSize === undefined) throw new UsageError('--vocab-size: expected a number of tokens, got none');
  if (out === undefined) throw new UsageError('--out: expected a file name, got none');
  const special = args.text('special');
  const specialTokens =
    special === undefined ? DEFAULT_SPECIALS : special.split(',').filter((text) => text !== '');
  const options = { vocabSize, minFrequency: args.count('minFrequency', 0), specialTokens };
  // What no text could be trained with is said before a long one is read: a vocabulary of no words costs nothing.
  trainBpe(new WordCounts(), options);
  const status = new Status();
  const signal = interruptSignal();
  const words = new WordCounts();
  for (const path of args.words) {
    const onProgress = (done: number, total: number) => status.progress(`reading ${path}`, done, total);
    for await (const text of corpusTexts(path, { ...corpusOptions(args), onProgress })) {
      signal.throwIfAborted();
      words.add(text);
    }
    status.clear();
  }
  const vocabulary = trainBpe(words, {
    ...options,
    onToken: (tokens, total) => {
      signal.throwIfAborted();
      if (tokens % 64 === 0) status.progress('learning', tokens, total, 'tokens');
    },
  });
  status.clear();
  const text = `${JSON.stringify(tokenizerJson(vocabulary), null, 1)}\n`;
  makeFolderOf(out);
  await writeFileWhole(out, pieces(text));
  const { tokens, merges } = vocabulary;
  status.note(
    `${out}: ${tokens.length} tokens, ${merges.length} merges, from ${words.counts.size} different words`,
  );
  if (tokens.length < vocabSize) {
    status.note(
      `the text has no more pairs: ${tokens.length} tokens of the ${vocabSize} that were asked for`,
    );
  }
}

/** How documents are found in the files; shared with tokenize-corpus. */
export function corpusOptions(args: Arguments): { column?: string; separator?: string } {
  const separator = args.text('separator')?.replaceAll('\\0', '\0').replaceAll('\\n', '\n');
  return { column: args.text('column'), ...(separator ? { separator } : {}) };
}

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
