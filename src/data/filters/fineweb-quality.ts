// FineWeb's own rules (Penedo et al. 2024, 3.5): lines must end like sentences, not all be short, not repeat, and there
// must be words between the line breaks. A line is what stands between line feeds and is not blank.

import type { Outcome, Stage, StageKind, TextDocument } from '../stage.ts';
import { countOf, numCodePoints, strip } from '../words/python-strings.ts';
import { words } from '../words/words.ts';
import { repeatsIn, shareText, TERMINAL_MARKS } from './marks.ts';

const DEFAULTS = {
  linePunctThr: 0.12,
  linePunctExcludeZero: false,
  /** Marks that end a line; none given: 159 of all scripts. */
  stopChars: [] as string[],
  shortLineThr: 0.67,
  shortLineLength: 30,
  charDuplicatesRatio: 0.01,
  newLineRatio: 0.3,
};
type Options = typeof DEFAULTS;

export const finewebQuality: StageKind = {
  name: 'fineweb-quality',
  summary: 'Removes texts whose lines do not end like sentences, are mostly short, or repeat; and lists',
  options: DEFAULTS,
  create: (options) => create(options as Options),
};

function create(options: Options): Stage {
  const { stopChars } = options;
  const isEnded =
    stopChars.length > 0
      ? (line: string) => stopChars.some((mark) => line.endsWith(mark))
      : (line: string) => TERMINAL_MARKS.has(lastCodePoint(line));
  return { name: 'fineweb-quality', apply: (doc) => judge(doc, options, isEnded) };
}

function judge(doc: TextDocument, options: Options, isEnded: (line: string) => boolean): Outcome {
  const { text } = doc;
  const lines = text.split('\n').filter((line) => strip(line) !== '');
  if (lines.length === 0) return { removed: 'empty' };
  const ended = lines.filter(isEnded).length;
  const isExcused = ended === 0 && options.linePunctExcludeZero;
  if (ended / lines.length < options.linePunctThr && !isExcused) {
    return gone('line_punct_ratio', shareText(ended, lines.length, 'lines end in a mark'));
  }
  const short = lines.filter((line) => numCodePoints(line) <= options.shortLineLength).length;
  if (short / lines.length > options.shortLineThr) {
    return gone('short_line_ratio', shareText(short, lines.length, 'lines are short'));
  }
  const numBreaks = countOf(text, '\n');
  const numChars = numCodePoints(text) - numBreaks;
  const repeated = repeatsIn(lines).numChars;
  if (repeated / numChars > options.charDuplicatesRatio) {
    return gone('char_dup_ratio', shareText(repeated, numChars, 'characters are of repeated lines'));
  }
  const numWords = words(text).length;
  if (numBreaks / numWords > options.newLineRatio) {
    return gone('list_ratio', `${numBreaks} line breaks, ${numWords} words`);
  }
  return doc;
}

function lastCodePoint(text: string): number {
  const last = text.charCodeAt(text.length - 1);
  const isLow = last >= 0xdc00 && last < 0xe000 && text.length > 1;
  const pair = isLow ? text.codePointAt(text.length - 2)! : 0;
  return pair > 0xffff ? pair : last;
}

function gone(removed: string, because: string): Outcome {
  return { removed, because };
}
