// The tokenizer of an HF folder: `tokenizer.json` describes a pipeline of parts. The shapes of SmolLM2,
// Llama 3 and Qwen2 are recognised; any part or setting that would change an id and is not understood is
// refused by name.

import { FormatError } from '../base/errors.ts';
import { shown as shownValue } from '../base/shown.ts';
import { StringTable } from '../base/string-table.ts';
import type { AddedToken } from './added-tokens.ts';
import { type PretokenizerName, SPLIT_PATTERNS } from './pretokenize.ts';
import { knownNames } from './read-gguf.ts';
import type { JsonTokenizerSource } from './source.ts';
import type { TokenizerSpec } from './spec.ts';
import { MAX_VOCAB_SIZE } from './vocabulary.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export function readJsonTokenizer(source: JsonTokenizerSource): TokenizerSpec {
  const reader = new Reader(source.file);
  const root = reader.object(source.tokenizer, 'tokenizer.json');
  const model = reader.object(root.model, 'model');
  const added = readAdded(reader, root.added_tokens);
  const texts = readVocab(reader, model, added);
  checkModel(reader, model, texts);
  const decoder = reader.object(root.decoder, 'decoder');
  reader.expect(decoder.type, ['ByteLevel'], 'decoder.type');
  const normalizer = root.normalizer ?? undefined;
  if (normalizer !== undefined) {
    reader.expect(reader.object(normalizer, 'normalizer').type, ['NFC'], 'normalizer.type');
  }
  const idOf = (name: string): number | undefined =>
    readSpecialId(reader, source.tokenizerConfig, name, texts);
  const prefixId = readBosOfPostProcessor(reader, root.post_processor);
  const bosId = idOf('bos_token') ?? prefixId;
  if (prefixId !== undefined && prefixId !== bosId) {
    reader.refuse('post_processor', `the bos token ${bosId} before the text`, prefixId);
  }
  const eosId = idOf('eos_token');
  return {
    file: source.file,
    tokens: toTable(texts),
    merges: toTable(readMerges(reader, model.merges)),
    added,
    pretokenizer: readPretokenizer(reader, root.pre_tokenizer),
    normalizeNfc: normalizer !== undefined,
    ignoreMerges: model.ignore_merges === true,
    bosId,
    eosIds: eosId === undefined ? [] : [eosId],
    addBos: prefixId !== undefined,
  };
}

/** Checks on foreign JSON; every failure is a FormatError that names the field. */
class Reader {
  private readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  refuse(field: string, expected: string, got: unknown): never {
    const shown = shownValue(got);
    throw new FormatError(`expected ${expected}, got ${shown}`, { file: this.file, field });
  }

  object(value: unknown, field: string): JsonObject {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.refuse(field, 'an object', value);
    }
    return value as JsonObject;
  }

  array(value: unknown, field: string): readonly unknown[] {
    if (!Array.isArray(value)) this.refuse(field, 'an array', value);
    return value as unknown[];
  }

  id(value: unknown, field: string): number {
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= MAX_VOCAB_SIZE) {
      this.refuse(field, `an id below ${MAX_VOCAB_SIZE}`, value);
    }
    return value as number;
  }

  /** A value that must be one of those whose meaning is known; null and absent are the same. */
  expect(value: unknown, allowed: readonly unknown[], field: string): void {
    if (allowed.includes(value ?? undefined)) return;
    const shown = allowed.map((one) => (one === undefined ? 'nothing' : JSON.stringify(one)));
    this.refuse(field, shown.join(' or '), value);
  }
}

function readAdded(reader: Reader, value: unknown): AddedToken[] {
  return reader.array(value ?? [], 'added_tokens').map((entry, i) => {
    const field = `added_tokens[${i}]`;
    const token = reader.object(entry, field);
    if (typeof token.content !== 'string') reader.refuse(`${field}.content`, 'a text', token.content);
    for (const flag of ['lstrip', 'rstrip', 'single_word']) {
      reader.expect(token[flag], [false, undefined], `${field}.${flag}`);
    }
    return {
      id: reader.id(token.id, `${field}.id`),
      text: token.content as string,
      isSpecial: token.special === true,
      isNormalized: token.normalized === true,
    };
  });
}

/** Texts by id: the vocabulary and the added tokens, which may or may not be in it. Holes are empty. */
function readVocab(reader: Reader, model: JsonObject, added: readonly AddedToken[]): string[] {
  const entries = Object.entries(reader.object(model.vocab, 'model.vocab')).map(
    ([text, id]) => [text, reader.id(id, 'model.vocab')] as const,
  );
  const byId: string[] = [];
  const texts = new Set<string>();
  for (const [text, id] of entries) {
    if (byId[id] !== undefined) reader.refuse('model.vocab', `one token for id ${id}`, [byId[id], text]);
    byId[id] = text;
    texts.add(text);
  }
  for (const { id, text } of added) {
    if (byId[id] === undefined && !texts.has(text)) byId[id] = text;
    if (byId[id] !== text) reader.refuse('added_tokens', `the vocabulary's token ${id} to be this one`, text);
    texts.add(text);
  }
  return Array.from(byId, (text) => text ?? '');
}

function checkModel(reader: Reader, model: JsonObject, texts: readonly string[]): void {
  reader.expect(model.type, ['BPE', undefined], 'model.type');
  reader.expect(model.dropout, [undefined, 0], 'model.dropout');
  reader.expect(model.continuing_subword_prefix, [undefined, ''], 'model.continuing_subword_prefix');
  reader.expect(model.end_of_word_suffix, [undefined, ''], 'model.end_of_word_suffix');
  reader.expect(model.byte_fallback, [undefined, false], 'model.byte_fallback');
  reader.expect(model.ignore_merges, [undefined, false, true], 'model.ignore_merges');
  // With a token for every byte nothing is ever unknown, and the unknown token does not matter.
  const numBytes = new Set(texts.filter((text) => /^[!-~\xa1-\xac\xae-\u0143]$/.test(text))).size;
  if (numBytes < 256) reader.expect(model.unk_token, [undefined], 'model.unk_token');
}

/** Merges come as texts `left right` or as pairs [left, right]. */
function readMerges(reader: Reader, value: unknown): string[] {
  return reader.array(value, 'model.merges').map((merge, rank) => {
    if (typeof merge === 'string') return merge;
    if (Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string')) {
      return `${merge[0]} ${merge[1]}`;
    }
    return reader.refuse(`model.merges[${rank}]`, 'a text or a pair of texts', merge);
  });
}

function readPretokenizer(reader: Reader, value: unknown): PretokenizerName {
  const sequence = reader.object(value, 'pre_tokenizer');
  reader.expect(sequence.type, ['Sequence'], 'pre_tokenizer.type');
  const parts = reader
    .array(sequence.pretokenizers, 'pre_tokenizer.pretokenizers')
    .map((part, i) => reader.object(part, `pre_tokenizer.pretokenizers[${i}]`));
  const [cut, bytes] = parts;
  const isKnownShape = parts.length === 2 && bytes.type === 'ByteLevel' && bytes.add_prefix_space === false;
  if (isKnownShape && cut.type === 'Digits' && cut.individual_digits === true && bytes.use_regex !== false) {
    return 'smollm';
  }
  if (isKnownShape && cut.type === 'Split' && bytes.use_regex === false) {
    const pattern = reader.object(cut.pattern, 'pre_tokenizer: pattern').Regex;
    const name = typeof pattern === 'string' ? SPLIT_PATTERNS.get(pattern) : undefined;
    if (name !== undefined && cut.behavior === 'Isolated' && cut.invert !== true) return name;
  }
  return reader.refuse('pre_tokenizer', knownNames(), value);
}

/** The id that the post-processor puts before the text, if any; ByteLevel there only moves offsets. */
function readBosOfPostProcessor(reader: Reader, value: unknown): number | undefined {
  if (value === null || value === undefined) return undefined;
  const post = reader.object(value, 'post_processor');
  if (post.type === 'ByteLevel') return undefined;
  if (post.type === 'Sequence') {
    const ids = reader.array(post.processors, 'post_processor.processors').map((part) => {
      const { type } = reader.object(part, 'post_processor.processors');
      reader.expect(type, ['ByteLevel', 'TemplateProcessing'], 'post_processor.processors');
      return readBosOfPostProcessor(reader, part);
    });
    const found = ids.filter((id) => id !== undefined);
    if (found.length > 1) reader.refuse('post_processor.processors', 'one token before the text', found);
    return found[0];
  }
  reader.expect(post.type, ['TemplateProcessing'], 'post_processor.type');
  const parts = reader
    .array(post.single, 'post_processor.single')
    .map((part) => reader.object(part, 'post_processor.single'));
  const [before, text] = parts.length === 1 ? [undefined, parts[0]] : parts;
  if (parts.length > 2 || text === undefined || !('Sequence' in text)) {
    reader.refuse('post_processor.single', 'the text with at most one token before it', post.single);
  }
  if (before === undefined) return undefined;
  const name = reader.object(before.SpecialToken, 'post_processor.single').id;
  const specials = reader.object(post.special_tokens, 'post_processor.special_tokens');
  const special = Object.hasOwn(specials, String(name)) ? specials[String(name)] : undefined;
  const ids = reader.array(reader.object(special, 'post_processor.special_tokens').ids, 'special_tokens');
  if (ids.length !== 1) reader.refuse('post_processor.special_tokens', 'one id', ids);
  return reader.id(ids[0], 'post_processor.special_tokens');
}

/** `bos_token` and the like of tokenizer_config.json: a text, or an object with the text as `content`. */
function readSpecialId(
  reader: Reader,
  config: unknown,
  name: string,
  texts: readonly string[],
): number | undefined {
  if (config === undefined) return undefined;
  const value = reader.object(config, 'tokenizer_config.json')[name] ?? undefined;
  if (value === undefined) return undefined;
  const text = typeof value === 'string' ? value : reader.object(value, name).content;
  const id = typeof text === 'string' && text !== '' ? texts.indexOf(text) : -1;
  return id >= 0 ? id : reader.refuse(name, 'a token of the vocabulary', text);
}

function toTable(texts: readonly string[]): StringTable {
  const offsets = new Uint32Array(texts.length + 1);
  let capacity = 0;
  for (const text of texts) capacity += 3 * text.length; // UTF-8 takes at most three bytes for a UTF-16 unit
  const bytes = new Uint8Array(capacity);
  const encoder = new TextEncoder();
  for (let i = 0; i < texts.length; i++) {
    offsets[i + 1] = offsets[i] + encoder.encodeInto(texts[i], bytes.subarray(offsets[i])).written;
  }
  return new StringTable(bytes.slice(0, offsets[texts.length]), offsets);
}
