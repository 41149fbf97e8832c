// Drops lines of marks alone: rules, rows of stars, breadcrumbs (datatrove's SymbolLinesFormatter). Blank lines stay.

import { type StageKind, withText } from '../stage.ts';
import { splitLines, strip } from '../words/python-strings.ts';
import { isAllSymbols } from './marks.ts';

const DEFAULTS = {
  /** Characters that count as symbols; none given: datatrove's marks and control characters. */
  symbolsToRemove: [] as string[],
  /** Stands once for a run of dropped lines; empty: nothing does. */
  replaceChar: '',
};

export const symbolLines: StageKind = {
  name: 'symbol-lines',
  summary: 'Drops lines that hold nothing but marks',
  options: DEFAULTS,
  create: (options) => {
    const { symbolsToRemove, replaceChar } = options as typeof DEFAULTS;
    const symbols = new Set(symbolsToRemove);
    const isSymbols = (line: string) =>
      strip(line) !== '' &&
      (symbols.size > 0
        ? [...line].every((mark) => mark === ' ' || symbols.has(mark))
        : isAllSymbols(line.replaceAll(' ', '')));
    return { name: 'symbol-lines', apply: (doc) => withText(doc, edited(doc.text, isSymbols, replaceChar)) };
  },
};

function edited(text: string, isSymbols: (line: string) => boolean, replaceChar: string): string {
  const kept: string[] = [];
  let isInside = false;
  for (const line of splitLines(text)) {
    const isDropped = isSymbols(line);
    if (!isDropped) kept.push(line);
    else if (!isInside && replaceChar !== '') kept.push(replaceChar);
    isInside = isDropped;
  }
  return kept.join('\n');
}
