// `smollm2 tokenize`: text to ids and back, one text or one per line.

import { existsSync } from 'node:fs';
import { shown } from '../base/shown.ts';
import { checkMessages } from '../chat/message.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { readGgufTokenizer } from '../format/gguf.ts';
import { fileSource } from '../node/file-source.ts';
import { chatTemplateOf } from '../smollm2.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type Arguments, Command } from './arguments.ts';
import { modelOption, openModelFile } from './model-options.ts';
import { print, readStdin, Status, stdinLines } from './terminal.ts';

/** Each merge prints its whole word: the lines of a word grow with its square. */
const MAX_MERGED = 1000;

export const tokenizeCommand = modelOption(
  new Command('tokenize [...text]', 'Text to token ids and back (from stdin when there is no text)')
    .option('--json', 'print {"ids":[…],"tokens":[…]}; with --decode {"text":…,"ids":[…]}')
    .option('--decode', 'from ids to text')
    .option('--merges', 'before the tokens, each merge of each word and its rank')
    .option('--no-special', 'read special tokens as plain text; with --decode leave them out')
    .option('--chat', 'the text is {"messages":[…],"add_generation_prompt":true}')
    .option(
      '--jsonl',
      'one JSON value per line of stdin: a string, a conversation (--chat) or ids (--decode)',
    )
    .example('$ smollm2 tokenize "What is gravity?"')
    .example('$ smollm2 tokenize --merges strawberry')
    .example('$ smollm2 tokenize --decode 1780 314 18961'),
).onRun(run);

/** A text and its ids, whichever came first. */
interface Tokenized {
  readonly text: string;
  readonly ids: readonly number[];
}

async function run(args: Arguments): Promise<void> {
  const isDecode = args.flag('decode');
  const isChat = args.flag('chat');
  if (isDecode && isChat) throw new RangeError('--decode: expected without --chat, got both');
  const other = ['decode', 'chat', 'jsonl', 'json'].find((name) => args.flag(name));
  if (args.flag('merges') && other) throw new RangeError(`--merges: expected without --${other}, got both`);
  const special = !args.flag('noSpecial');
  const words = makeTokenizer(await openVocabulary(args), special);
  const convert = isDecode ? words.decode : isChat ? words.chat : words.encode;
  if (args.flag('jsonl')) {
    let lineNumber = 0;
    for await (const line of stdinLines()) {
      lineNumber++;
      if (line.trim() === '') continue;
      await print(`${JSON.stringify(await atLine(lineNumber, () => convert(JSON.parse(line))))}\n`);
    }
    return;
  }
  const text = args.words.length > 0 ? args.words.join(' ') : await readStdin();
  if (text === undefined)
    throw new RangeError('text: expected as argument or through stdin, got nothing; see --help');
  if (args.flag('merges')) await print(mergeLines(words.tokenizer, text, special));
  const result = await convert(isDecode ? parseIds(text) : isChat ? JSON.parse(text) : text);
  if (isDecode) await print(args.flag('json') ? `${JSON.stringify(result)}\n` : `${result.text}\n`);
  else {
    const tokens = result.ids.map((id) => words.tokenizer.tokenText(id));
    if (args.flag('json')) await print(`${JSON.stringify({ ids: result.ids, tokens })}\n`);
    else await print(result.ids.map((id, i) => `${String(id).padStart(6)}  ${tokens[i]}\n`).join(''));
  }
}

/** Each word by its bytes, then after each merge, with the merge's rank. */
function mergeLines(tokenizer: Tokenizer, text: string, special: boolean): string {
  if (text.length > MAX_MERGED) {
    throw new RangeError(`text: expected at most ${MAX_MERGED} characters with --merges, got ${text.length}`);
  }
  let lines = '';
  tokenizer.encode(text, {
    special,
    onMerge: (ids, rank) => {
      const tokens = ids.map((id) => tokenizer.tokenText(id)).join(' ');
      lines += `${String(rank ?? '').padStart(6)}  ${tokens}\n`;
    },
  });
  return `${lines}\n`;
}

/** The vocabulary of a model; a GGUF file may hold nothing else. */
async function openVocabulary(args: Arguments): Promise<Vocabulary> {
  const name = args.text('model');
  if (name !== undefined && /\.gguf$/i.test(name) && existsSync(name))
    return readGgufTokenizer(await fileSource(name));
  const checkpoint = await openModelFile(args, new Status());
  await checkpoint.close();
  return checkpoint;
}

type Vocabulary = Pick<Checkpoint, 'name' | 'tokenizer' | 'chatTemplate'>;

/** The three conversions, from values that may come from outside. */
function makeTokenizer(checkpoint: Vocabulary, special: boolean) {
  if (!checkpoint.tokenizer)
    throw new RangeError(`${checkpoint.name}: expected a tokenizer in the model, got none`);
  const tokenizer = Tokenizer.from(checkpoint.tokenizer);
  const encode = (text: unknown): Tokenized => {
    if (typeof text !== 'string') throw new TypeError(`text: expected a JSON string, got ${shown(text)}`);
    return { text, ids: tokenizer.encode(text, { special }) };
  };
  const decode = (ids: unknown): Tokenized => {
    if (!Array.isArray(ids)) throw new TypeError(`ids: expected a JSON array, got ${shown(ids)}`);
    return { text: tokenizer.decode(ids, { skipSpecial: !special }), ids };
  };
  const template = chatTemplateOf(checkpoint, tokenizer);
  const chat = async (conversation: unknown): Promise<Tokenized> => {
    if (!template) {
      throw new RangeError(`${checkpoint.name}: expected a model with a chat template, got one without`);
    }
    if (typeof conversation !== 'object' || conversation === null) {
      throw new TypeError(`conversation: expected a JSON object, got ${shown(conversation)}`);
    }
    const {
      messages,
      add_generation_prompt: addGenerationPrompt,
      tools,
    } = conversation as Record<string, unknown>;
    const options = {
      addGenerationPrompt: addGenerationPrompt === true,
      tools: Array.isArray(tools) ? tools : undefined,
    };
    const text = await template.render(checkMessages(messages), options);
    const ids = special
      ? await template.encode(tokenizer, checkMessages(messages), options)
      : tokenizer.encode(text, { special, addBos: false });
    return { text, ids };
  };
  return { tokenizer, encode, decode, chat };
}

async function atLine<T>(lineNumber: number, convert: () => T | Promise<T>): Promise<T> {
  try {
    return await convert();
  } catch (error) {
    throw new RangeError(`line ${lineNumber}: ${(error as Error).message}`);
  }
}

/** Ids written with commas, spaces or as a JSON array. */
export function parseIds(text: string): number[] {
  const words = text
    .replace(/^\s*\[|\]\s*$/g, '')
    .split(/[\s,]+/)
    .filter((word) => word !== '');
  return words.map((word) => {
    if (!/^\d{1,15}$/.test(word)) throw new RangeError(`ids: expected whole numbers, got "${word}"`);
    return Number(word);
  });
}
