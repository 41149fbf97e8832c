// Gopher's rules of repetition (Rae et al. 2021, table A1) as datatrove checks them: paragraphs, lines, then the
// commonest runs of 2 to 4 words and the repeated runs of 5 to 10, each as a share of the text's characters.
// Three traps: paragraphs are those of the stripped text, lines those of the raw one; the commonest run counts even if
// it stands there once, so that a short text falls by it; and repeated runs are joined without spaces, so that
// `ab c` repeats `a bc`.

import type { Outcome, Stage, StageKind, TextDocument } from '../stage.ts';
import { numCodePoints, strip } from '../words/python-strings.ts';
import { words } from '../words/words.ts';
import { repeatsIn, shareText } from './marks.ts';
import { NGrams } from './n-grams.ts';

const DEFAULTS = {
  dupLineFrac: 0.3,
  dupParaFrac: 0.3,
  dupLineCharFrac: 0.2,
  dupParaCharFrac: 0.2,
  /** Length of the run, and the share above which a text goes. */
  topNGrams: ['2:0.2', '3:0.18', '4:0.16'],
  dupNGrams: ['5:0.15', '6:0.14', '7:0.13', '8:0.12', '9:0.11', '10:0.1'],
};
type Options = typeof DEFAULTS;
type Limits = readonly (readonly [n: number, share: number])[];

export const gopherRepetition: StageKind = {
  name: 'gopher-repetition',
  summary: 'Removes texts whose lines, paragraphs or runs of words repeat too much',
  options: DEFAULTS,
  create: (options) => create(options as Options),
};

function create(options: Options): Stage {
  const tops = limitsOf('topNGrams', options.topNGrams);
  const repeats = limitsOf('dupNGrams', options.dupNGrams);
  return {
    name: 'gopher-repetition',
    apply: (doc) => (doc.text === '' ? { removed: 'empty' } : judge(doc, options, tops, repeats)),
  };
}

function judge(doc: TextDocument, options: Options, tops: Limits, repeats: Limits): Outcome {
  const { text } = doc;
  const numChars = numCodePoints(text);
  const parts: [string, string[], number, number][] = [
    ['para', strip(text).split(/\n{2,}/), options.dupParaFrac, options.dupParaCharFrac],
    ['line', text.split(/\n+/), options.dupLineFrac, options.dupLineCharFrac],
  ];
  for (const [part, elements, maxShare, maxCharShare] of parts) {
    const found = repeatsIn(elements);
    if (maxShare && found.numRepeats / elements.length > maxShare) {
      return gone(`dup_${part}_frac`, shareText(found.numRepeats, elements.length, `${part}s repeat`));
    }
    if (maxCharShare && found.numChars / numChars > maxCharShare) {
      return gone(`dup_${part}_char_frac`, shareText(found.numChars, numChars, 'characters'));
    }
  }
  const runs = new NGrams(words(text));
  for (const [n, share] of tops) {
    const top = runs.topChars(n);
    if (top / numChars > share) return gone(`top_${n}_gram`, shareText(top, numChars, 'characters'));
  }
  for (const [n, share] of repeats) {
    const repeated = runs.repeatedChars(n);
    if (repeated / numChars > share) {
      return gone(`duplicated_${n}_n_grams`, shareText(repeated, numChars, 'characters'));
    }
  }
  return doc;
}

function limitsOf(name: string, texts: readonly string[]): Limits {
  return texts.map((text) => {
    const [n, share] = text.split(':').map(Number);
    if (Number.isInteger(n) && n > 0 && share >= 0) return [n, share];
    throw new RangeError(`gopher-repetition.${name}: expected LENGTH:SHARE such as 2:0.2, got ${text}`);
  });
}

function gone(removed: string, because: string): Outcome {
  return { removed, because };
}
