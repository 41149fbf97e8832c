// Text to token ids and back: byte-level BPE as in SmolLM2, Llama 3 and Qwen2 (docs/components/bpe.md). The
// way of a text: added tokens are cut out (added-tokens.ts), the rest is cut into words (pretokenize.ts), the
// UTF-8 bytes of each word are merged (bpe.ts). Ids are those of HF `tokenizers`.

import { FormatError } from '../base/errors.ts';
import { callback, checkOptions, flag, type Rules, text as textRule } from '../base/options.ts';
import { AddedTokenFinder } from './added-tokens.ts';
import { Bpe, type OnMerge } from './bpe.ts';
import { Merges } from './merges.ts';
import { PRETOKENIZERS, type WordScanner } from './pretokenize.ts';
import { readGgufTokenizer } from './read-gguf.ts';
import { readJsonTokenizer } from './read-json.ts';
import type { TokenizerSource } from './source.ts';
import type { TokenizerSpec } from './spec.ts';
import { StreamDecoder } from './stream-decoder.ts';
import { Vocabulary } from './vocabulary.ts';

export type { TokenizerSource } from './source.ts';
export type { StreamDecoder } from './stream-decoder.ts';

export interface EncodeOptions {
  /** Whether special tokens written in the text are read as such (default) or as plain text. */
  readonly special?: boolean;
  /**
   * Whether the ids begin with `bosId`; by default as the file says (SmolLM2 and Qwen2 do not, Llama 3 does).
   */
  readonly addBos?: boolean;
  /**
   * A character that stands for nothing: it keeps the special tokens that it is put into from being read as such,
   * and is gone before words are cut. Chat templates mark what messages bring with it.
   */
  readonly mark?: string;
  /** Hears how each word came about: its bytes' ids at first, then its ids after each merge, with the merge's rank. */
  readonly onMerge?: OnMerge;
}

export interface DecodeOptions {
  /** Whether special tokens are left out of the text; by default they are written. */
  readonly skipSpecial?: boolean;
}

/** What each option of `encode` may be. */
export const ENCODE_RULES: Rules<EncodeOptions> = {
  special: flag,
  addBos: flag,
  mark: textRule,
  onMerge: callback,
};
/** What each option of `decode` may be. */
export const DECODE_RULES: Rules<DecodeOptions> = { skipSpecial: flag };

/** Control tokens that end a turn or a text (llama.cpp's list, src/llama-vocab.cpp). */
const END_TEXTS = new Set(
  ['<|eot_id|>', '<|im_end|>', '<|end|>', '<end_of_turn>', '<|endoftext|>', '<|eom_id|>'].concat([
    '<|end_of_text|>',
    '<EOT>',
  ]),
);

/** Byte-level BPE as SmolLM2, Llama 3 and Qwen2 use it: text to ids and back. */
export class Tokenizer {
  /** Number of ids. */
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  /** The ids that the tokenizer's file says end a text. */
  readonly eosIds: readonly number[];

  /** Special tokens that end an answer by what they are called, whatever the file names as its end. */
  readonly endIds: readonly number[];
  /** Texts of the special (control) tokens. */
  readonly specialTexts: readonly string[];

  private readonly file: string;
  private readonly vocabulary: Vocabulary;
  private readonly bpe: Bpe;
  private readonly wordEnd: WordScanner;
  private readonly normalizeNfc: boolean;
  private readonly addBos: boolean;
  private readonly specialIds: ReadonlySet<number>;
  private readonly addedRaw: AddedTokenFinder;
  private readonly addedNormalized: AddedTokenFinder;
  private readonly rules: string;
  private readonly merges: Merges;
  private readonly utf8 = new TextEncoder();
  /** UTF-8 of the word in hand. */
  private word = new Uint8Array(256);

  /**
   * @throws FormatError  when the source is no byte-level BPE tokenizer that is known, or contradicts itself
   */
  static from(source: TokenizerSource): Tokenizer {
    return new Tokenizer(source.kind === 'gguf' ? readGgufTokenizer(source) : readJsonTokenizer(source));
  }

  private constructor(spec: TokenizerSpec) {
    const { added, file } = spec;
    this.file = file;
    this.vocabSize = spec.tokens.count;
    for (const id of [spec.bosId ?? 0, ...spec.eosIds]) {
      if (!(Number.isInteger(id) && id >= 0 && id < this.vocabSize)) {
        throw new FormatError(`expected ids below ${this.vocabSize}, got ${id}`, {
          file,
          field: 'bos or eos',
        });
      }
    }
    this.bosId = spec.bosId;
    this.eosIds = spec.eosIds;
    const addedIds = added.map((token) => token.id);
    this.vocabulary = new Vocabulary(spec.tokens, addedIds, file);
    this.merges = new Merges(spec.merges, this.vocabulary, file);
    this.bpe = new Bpe(this.vocabulary, this.merges, spec.ignoreMerges);
    const { pretokenizer, normalizeNfc, ignoreMerges, bosId = null, eosIds, addBos } = spec;
    this.rules = JSON.stringify([pretokenizer, normalizeNfc, ignoreMerges, bosId, eosIds, addBos, added]);
    this.wordEnd = PRETOKENIZERS[spec.pretokenizer];
    this.normalizeNfc = spec.normalizeNfc;
    this.addBos = spec.addBos;
    this.specialIds = new Set(added.filter((token) => token.isSpecial).map((token) => token.id));
    this.endIds = added.filter(({ isSpecial, text }) => isSpecial && END_TEXTS.has(text)).map(({ id }) => id);
    this.specialTexts = added.filter((token) => token.isSpecial).map((token) => token.text);
    const raw = added.filter((token) => !token.isNormalized);
    const normalized = added.filter((token) => token.isNormalized);
    this.addedRaw = new AddedTokenFinder(raw, file);
    this.addedNormalized = new AddedTokenFinder(
      normalized.map((token) => ({ ...token, text: this.normalize(token.text) })),
      file,
    );
  }

  /**
   * The ids of a text. A lone surrogate is read as U+FFFD. Bytes for which the vocabulary has no token are
   * dropped (SmolLM2 has none for 04, 06, 13, 14, 16, 1d, f1 and f2); all other text comes back from `decode`
   * unchanged, but for Qwen2, which normalises.
   *
   * @throws RangeError  when `addBos` is asked for and there is no such token
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    if (typeof text !== 'string') throw new TypeError(`encode: expected a text, got ${typeof text}`);
    const checked = checkOptions('encode()', options, ENCODE_RULES);
    const { special = true, addBos = this.addBos, mark, onMerge } = checked;
    const ids: number[] = [];
    if (addBos) {
      if (this.bosId === undefined) {
        throw new RangeError(
          `encode: expected a tokenizer with a bos token, got ${this.file}; leave out addBos`,
        );
      }
      ids.push(this.bosId);
    }
    this.splitAdded(this.addedRaw, text, special, ids, (stretch) => {
      this.splitAdded(this.addedNormalized, this.normalize(stretch), special, ids, (plain) => {
        this.encodePlain(mark === undefined ? plain : plain.replaceAll(mark, ''), ids, onMerge);
      });
    });
    return ids;
  }

  /**
   * The text of ids. Bytes that are not UTF-8 become U+FFFD, one for each maximal invalid part.
   *
   * @throws RangeError  when an id is not below vocabSize
   */
  decode(ids: readonly number[], options: DecodeOptions = {}): string {
    const decoder = this.decoder(options);
    let text = '';
    for (const id of ids) text += decoder.push(id);
    return text + decoder.end();
  }

  /** Decodes ids one by one as they come. */
  decoder(options: DecodeOptions = {}): StreamDecoder {
    const { skipSpecial } = checkOptions('decode()', options, DECODE_RULES);
    const skip = skipSpecial === true ? this.specialIds : new Set<number>();
    return new StreamDecoder((id) => {
      this.checkId(id);
      return skip.has(id) ? new Uint8Array(0) : this.vocabulary.bytesAt(id);
    });
  }

  /** The bytes that `id` stands for; not always whole characters. */
  tokenBytes(id: number): Uint8Array {
    this.checkId(id);
    return this.vocabulary.bytesAt(id).slice();
  }

  /** The token as vocabulary files write it, a space as Ġ: `Ġthe`, `<|im_end|>`. */
  tokenText(id: number): string {
    this.checkId(id);
    return this.vocabulary.textAt(id);
  }

  /** The id of a token as `tokenText` writes it. */
  idOf(text: string): number | undefined {
    const id = this.vocabulary.idOfText(text);
    return id < 0 ? undefined : id;
  }

  /** Whether `id` is a special (control) token. */
  isSpecial(id: number): boolean {
    this.checkId(id);
    return this.specialIds.has(id);
  }

  /** Everything that decides `encode` and `decode`, for a fingerprint. */
  tables(): readonly (Uint8Array | Int32Array | Uint32Array)[] {
    return [this.utf8.encode(this.rules), ...this.vocabulary.tables(), ...this.merges.tables()];
  }

  private normalize(text: string): string {
    return this.normalizeNfc ? text.normalize('NFC') : text;
  }

  /** Pushes the ids of the added tokens in `text` and hands on what lies between them, in order. */
  private splitAdded(
    added: AddedTokenFinder,
    text: string,
    special: boolean,
    ids: number[],
    encodeStretch: (text: string) => void,
  ): void {
    let from = 0;
    for (;;) {
      const match = added.find(text, from, text.length, special);
      const end = match ? match.begin : text.length;
      if (end > from) encodeStretch(text.slice(from, end));
      if (!match) return;
      ids.push(match.id);
      from = match.end;
    }
  }

  private encodePlain(text: string, ids: number[], onMerge?: OnMerge): void {
    for (let begin = 0; begin < text.length; ) {
      const end = this.wordEnd(text, begin, text.length);
      if (this.word.length < 3 * (end - begin)) this.word = new Uint8Array(6 * (end - begin));
      const { written } = this.utf8.encodeInto(text.slice(begin, end), this.word);
      this.bpe.encodeWord(this.word, 0, written, ids, onMerge);
      begin = end;
    }
  }

  private checkId(id: number): void {
    if (!Number.isInteger(id) || id < 0 || id >= this.vocabSize) {
      throw new RangeError(`token id: expected a whole number below ${this.vocabSize}, got ${id}`);
    }
  }
}
