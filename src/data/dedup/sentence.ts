// Removes spans of sentences that stand elsewhere already, as C4 did: of every three sentences in a row that occur
// more than once, the first occurrence stays. datatrove's rules for what is compared and for what is left.

import { simplify } from '../simplify.ts';
import type { StageKind } from '../stage.ts';
import { withText } from '../stage.ts';
import { splitLines, stripEnd, stripStart } from '../words/python-strings.ts';
import { numSentences, sentences, words } from '../words/words.ts';

export interface SentenceDedupConfig {
  /** Sentences in a span. */
  readonly spanSize: number;
  /** Sentences, or else lines. */
  readonly isBySentence: boolean;
  /** A changed document of fewer words goes; 0 asks for none. */
  readonly minWords: number;
  /** A changed document of fewer sentences goes; 0 asks for none. */
  readonly minSentences: number;
}

export const C4_SENTENCE_DEDUP: SentenceDedupConfig = {
  spanSize: 3,
  isBySentence: true,
  minWords: 50,
  minSentences: 3,
};

export interface Span {
  /** The span's text as it is compared. */
  readonly key: string;
  /** Number of the first of its sentences. */
  readonly at: number;
}

/** The spans of a document; those without a letter or digit are left alone. */
export function spansOf(pieces: readonly string[], spanSize: number): Span[] {
  const simplified = pieces.map(simplify);
  const spans: Span[] = [];
  for (let at = 0; at + spanSize <= pieces.length; at++) {
    const key = simplified.slice(at, at + spanSize).join(' ');
    if (key.trim() !== '') spans.push({ key, at });
  }
  return spans;
}

/** Sentences with the white space before them, or lines. */
export function piecesOf(text: string, { isBySentence }: SentenceDedupConfig): readonly string[] {
  if (!isBySentence) return splitLines(text);
  return sentences(text).filter((sentence) => stripStart(sentence) !== '');
}

/**
 * The text without the spans that were seen, or null when too little is left of it.
 *
 * @param taken whether a span stands elsewhere already; a second occurrence within the text is found here
 */
export function withoutSpans(
  text: string,
  config: SentenceDedupConfig,
  taken: (key: string) => boolean,
): string | null {
  const pieces = piecesOf(text, config);
  const own = new Set<string>();
  const isDropped = new Array<boolean>(pieces.length).fill(false);
  for (const { key, at } of spansOf(pieces, config.spanSize)) {
    if (own.has(key) || taken(key)) isDropped.fill(true, at, at + config.spanSize);
    own.add(key);
  }
  const kept = pieces.filter((_, i) => !isDropped[i]);
  if (kept.length === pieces.length) return text === '' ? null : text;
  const isLastKept = !isDropped[pieces.length - 1];
  const joined = stripStart(kept.join(config.isBySentence ? '' : '\n'));
  // datatrove's spans end with the last mark: white space behind the last sentence is in none of them.
  const left = config.isBySentence && isLastKept ? stripEnd(joined) : joined;
  if (left === '') return null;
  if (config.minWords > 0 && words(left).length < config.minWords) return null;
  if (config.minSentences > 0 && numSentences(left) < config.minSentences) return null;
  return left;
}

/** datatrove's run over documents in order: the first occurrence stays. Null for a document that goes. */
export function deduplicateSentences(
  texts: readonly string[],
  options: Partial<SentenceDedupConfig> = {},
): (string | null)[] {
  const config = { ...C4_SENTENCE_DEDUP, ...options };
  const seen = new Set<string>();
  return texts.map((text) => {
    const left = withoutSpans(text, config, (key) => seen.has(key));
    for (const { key } of spansOf(piecesOf(text, config), config.spanSize)) seen.add(key);
    return left;
  });
}

export const sentenceDedup: StageKind = {
  name: 'sentence-dedup',
  summary: 'Removes runs of sentences that stand in another document already, and what is then too short',
  options: { ...C4_SENTENCE_DEDUP },
  create: (options) => {
    const config = options as unknown as SentenceDedupConfig;
    if (!Number.isInteger(config.spanSize) || config.spanSize < 1)
      throw new RangeError(
        `sentence-dedup.spanSize: expected a whole number of at least 1, got ${config.spanSize}`,
      );
    return {
      name: 'sentence-dedup',
      grouping: 'first',
      keys: ({ text }) => [
        ...new Set(spansOf(piecesOf(text, config), config.spanSize).map(({ key }) => key)),
      ],
      decide: (doc, isTaken) => {
        const left = withoutSpans(doc.text, config, isTaken);
        return left === null ? { removed: 'too_little_left' } : withText(doc, left);
      },
    };
  },
};
