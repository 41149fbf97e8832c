// `smollm2 tokenize-corpus`: text files as token shards that `smollm2 train` and nanotron read.

import { FormatError } from '../base/errors.ts';
import { readText } from '../node/read-file.ts';
import { corpusTexts } from '../node/train/corpus.ts';
import { ShardWriter, type WrittenShards } from '../node/train/shard-writer.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { modelOption, openModelFile } from './model-options.ts';
import { interruptSignal, print, Status } from './terminal.ts';
import { corpusOptions } from './train-tokenizer.ts';

/** Tokens of a shard: 200 MB in two bytes each. */
const SHARD_TOKENS = 100_000_000;

export const tokenizeCorpusCommand = modelOption(
  new Command(
    'tokenize-corpus <...files>',
    'Turn JSONL, parquet or text into token shards, as `train` and nanotron read them',
  )
    .option('--tokenizer <file>', "a tokenizer.json, instead of a model's")
    .option('--out <folder>', 'where the shards go; must not hold any yet')
    .option('--column <name>', 'key of JSONL or column of parquet that holds the text (default: text)')
    .option('--separator <text>', 'ends a document within a text file, such as "<|endoftext|>" or "\\0"')
    .option('--eos <token>', "ends every document (default: <|endoftext|>, else the tokenizer's own end)")
    .option('--shard-tokens <n>', `tokens of a shard (default: ${SHARD_TOKENS})`)
    .option('--name <name>', 'begins the names of the shards (default: tokens)')
    .option('--json', 'one JSON object on stdout')
    .example('$ smollm2 tokenize-corpus tales.jsonl --tokenizer tokenizer.json --out datasets/tales'),
).onRun(run);

async function run(args: Arguments): Promise<void> {
  const folder = args.text('out');
  if (folder === undefined) throw new UsageError('--out: expected a folder, got none');
  const name = args.text('name') ?? 'tokens';
  if (!/^[\w.-]+$/.test(name)) throw new UsageError(`--name: expected letters, digits, . _ -, got "${name}"`);
  const status = new Status();
  const signal = interruptSignal();
  const { tokenizer, label } = await openTokenizer(args, status, signal);
  const writer = await ShardWriter.open({
    folder,
    name,
    vocabSize: tokenizer.vocabSize,
    eosId: endId(tokenizer, args.text('eos')),
    tokenizer: label,
    shardTokens: args.count('shardTokens') ?? SHARD_TOKENS,
  });
  const utf8 = new TextEncoder();
  try {
    for (const path of args.words) {
      const onProgress = (done: number, total: number) => status.progress(`tokenising ${path}`, done, total);
      for await (const text of corpusTexts(path, { ...corpusOptions(args), onProgress })) {
        signal.throwIfAborted();
        // What looks like a special token in a document is text: a document cannot end another.
        const ids = tokenizer.encode(text, { special: false, addBos: false });
        await writer.add(ids, utf8.encode(text).length);
      }
      status.clear();
    }
    await report(args, status, folder, await writer.close());
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function openTokenizer(args: Arguments, status: Status, signal: AbortSignal) {
  const file = args.text('tokenizer');
  if (file !== undefined) {
    const text = await readText(file);
    return { tokenizer: Tokenizer.from({ kind: 'json', tokenizer: parsed(text, file), file }), label: file };
  }
  const checkpoint = await openModelFile(args, status, signal);
  await checkpoint.close();
  if (!checkpoint.tokenizer)
    throw new FormatError('expected a tokenizer, got none', { file: checkpoint.name });
  return { tokenizer: Tokenizer.from(checkpoint.tokenizer), label: checkpoint.name };
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, { file });
  }
}

/** SmolLM2 was pretrained with <|endoftext|> between documents, whatever ends an answer of the instruct models. */
function endId(tokenizer: Tokenizer, wanted: string | undefined): number {
  const ids = tokenizer.encode(wanted ?? '<|endoftext|>', { addBos: false });
  if (ids.length === 1) return ids[0];
  const [own] = tokenizer.eosIds;
  if (wanted === undefined && own !== undefined) return own;
  throw new UsageError(`--eos: expected one token of the vocabulary, got ${wanted ?? 'none'}`);
}

async function report(
  args: Arguments,
  status: Status,
  folder: string,
  written: WrittenShards,
): Promise<void> {
  const { documents, tokens, shards, textBytes } = written;
  if (documents === 0)
    throw new RangeError('files: expected at least one document that is not empty, got none');
  if (args.flag('json')) {
    await print(`${JSON.stringify({ folder, shards, documents, tokens, text_bytes: textBytes })}\n`);
  }
  const rate = (tokens / textBytes).toFixed(5);
  status.note(
    `${folder}: ${documents} documents, ${tokens} tokens in ${shards} shards, ${rate} tokens a byte`,
  );
}
