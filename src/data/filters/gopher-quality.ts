// Gopher's rules of quality (Rae et al. 2021, A1.1) as datatrove checks them, in its order: the first that fails names
// the reason. "Words" are tokens, marks included; only the first four rules leave tokens of marks alone.

import type { Outcome, StageKind, TextDocument } from '../stage.ts';
import { countOf, numCodePoints, splitLines, stripEnd, stripStart } from '../words/python-strings.ts';
import { words } from '../words/words.ts';
import { isAllSymbols, shareText } from './marks.ts';

const DEFAULTS = {
  minDocWords: 50,
  maxDocWords: 100_000,
  minAvgWordLength: 3,
  maxAvgWordLength: 10,
  maxSymbolWordRatio: 0.1,
  maxBulletLinesRatio: 0.9,
  maxEllipsisLinesRatio: 0.3,
  /** Despite its name, which is datatrove's, the least share of words with a letter. */
  maxNonAlphaWordsRatio: 0.8,
  minStopWords: 2,
  stopWords: ['the', 'be', 'to', 'of', 'and', 'that', 'have', 'with'],
};
type Options = typeof DEFAULTS;

const HAS_LETTER = /\p{L}/u;

export const gopherQuality: StageKind = {
  name: 'gopher-quality',
  summary:
    'Removes texts that are too short, of odd words, of lists and ellipses, or without the commonest words',
  options: DEFAULTS,
  create: (options) => {
    const checked = options as Options;
    return { name: 'gopher-quality', apply: (doc) => judge(doc, checked) };
  },
};

/** A limit of 0 or null switches its rule off. */
function judge(doc: TextDocument, options: Options): Outcome {
  const { text } = doc;
  const found = words(text);
  const all = found.length;
  let numWords = 0;
  let numChars = 0;
  for (const word of found) {
    if (isAllSymbols(word)) continue;
    numWords++;
    numChars += numCodePoints(word);
  }
  if (options.minDocWords && numWords < options.minDocWords) return gone('short_doc', `${numWords} words`);
  if (options.maxDocWords && numWords > options.maxDocWords) return gone('long_doc', `${numWords} words`);
  // Without a word, datatrove would divide by zero from here on.
  if (all === 0) return { removed: 'empty' };
  const mean = numChars / numWords;
  const because = `${mean.toFixed(2)} characters a word`;
  if (options.minAvgWordLength && mean < options.minAvgWordLength) {
    return gone('below_avg_threshold', because);
  }
  if (options.maxAvgWordLength && mean > options.maxAvgWordLength) {
    return gone('above_avg_threshold', because);
  }
  return judgeMarks(text, all, options) ?? judgeWords(found, options) ?? doc;
}

function judgeMarks(text: string, numTokens: number, options: Options): Outcome | undefined {
  const limit = options.maxSymbolWordRatio;
  const hashes = countOf(text, '#');
  if (limit && hashes / numTokens > limit)
    return gone('too_many_hashes', `${hashes} # in ${numTokens} words`);
  const ellipses = countOf(text, '...') + countOf(text, '…');
  if (limit && ellipses / numTokens > limit) {
    return gone('too_many_ellipsis', `${ellipses} ellipses in ${numTokens} words`);
  }
  const lines = splitLines(text);
  const bullets = lines.filter((line) => /^[•-]/.test(stripStart(line))).length;
  if (options.maxBulletLinesRatio && bullets / lines.length > options.maxBulletLinesRatio) {
    return gone('too_many_bullets', shareText(bullets, lines.length, 'lines'));
  }
  const open = lines.filter((line) => /(?:\.\.\.|…)$/.test(stripEnd(line).slice(-3))).length;
  if (options.maxEllipsisLinesRatio && open / lines.length > options.maxEllipsisLinesRatio) {
    return gone('too_many_end_ellipsis', shareText(open, lines.length, 'lines'));
  }
  return undefined;
}

function judgeWords(found: readonly string[], options: Options): Outcome | undefined {
  let withLetter = 0;
  const stopWords = new Set(options.stopWords);
  const numStopWords = stopWords.size;
  for (const word of found) {
    if (hasLetter(word)) withLetter++;
    stopWords.delete(word);
  }
  if (options.maxNonAlphaWordsRatio && withLetter / found.length < options.maxNonAlphaWordsRatio) {
    return gone('below_alpha_threshold', shareText(withLetter, found.length, 'words with a letter'));
  }
  const met = numStopWords - stopWords.size;
  if (options.minStopWords && met < options.minStopWords) {
    return gone('enough_stop_words', `${met} of the ${numStopWords} commonest words`);
  }
  return undefined;
}

function hasLetter(word: string): boolean {
  const unit = word.charCodeAt(0) | 32;
  return (unit >= 97 && unit <= 122) || HAS_LETTER.test(word);
}

function gone(reason: string, because: string): Outcome {
  return { removed: `gopher_${reason}`, because };
}
