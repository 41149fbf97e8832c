// Sentences and capital words as IFEval counts them. The original asks NLTK: Treebank's rules for words
// (followed here) and the Punkt model for sentences (approximated: its trained list of abbreviations is
// replaced by a short one).

/**
 * Words with at least one capital letter and no small one, after splitting as NLTK's `word_tokenize` does.
 */
export function capitalWords(text: string): string[] {
  return treebankWords(text).filter((word) => !/\p{Ll}/u.test(word) && /\p{Lu}/u.test(word));
}

/** Penn Treebank's way of splitting: punctuation off words, contractions in two. */
function treebankWords(text: string): string[] {
  const spaced = text
    .replace(/([«“‘„"”»’`])/g, ' $1 ')
    .replace(/([:,])(?=[^\d]|$)/g, ' $1 ')
    .replace(/\.\.\./g, ' ... ')
    .replace(/[;@#$%&?!*]/g, ' $& ');
  return splitLastStop(spaced)
    .replace(/[\][(){}<>]/g, ' $& ')
    .replace(/--/g, ' -- ')
    .replace(/([^' ])('(?:s|m|d|ll|re|ve))(?=\s|$)/gi, '$1 $2')
    .replace(/([^' ])(n't)(?=\s|$)/gi, '$1 $2')
    .split(/\s+/)
    .filter((word) => word !== '');
}

const ABBREVIATIONS = new Set(
  (
    'mr mrs ms dr prof st jr sr inc ltd co corp u.s u.k e.g i.e vs etc no vol fig al p.m a.m gen rep ' +
    'sen gov capt lt col sgt rev hon jan feb mar apr jun jul aug sep sept oct nov dec ph.d d.c'
  ).split(' '),
);

/** The full stop at the end of the text, and what closes behind it, as words of their own. */
function splitLastStop(text: string): string {
  const end = text.trimEnd().length;
  const stop = lengthWithout(text.slice(0, end), `])}>"'»”’ `) - 1;
  if (stop < 1 || text[stop] !== '.' || text[stop - 1] === '.') return text;
  return `${text.slice(0, stop)} . ${text.slice(stop + 1, end)} `;
}

/** Length of a text without the characters at its end that `chars` has. */
function lengthWithout(text: string, chars: string): number {
  let end = text.length;
  while (end > 0 && chars.includes(text[end - 1])) end--;
  return end;
}

/** Number of sentences: ends are . ? ! with closing quotes behind them, before white space. */
export function numSentences(text: string): number {
  const trimmed = text.trim();
  if (trimmed === '') return 0;
  let sentences = 1;
  const words = trimmed.split(/\s+/);
  for (const [i, next] of words.slice(1).entries()) {
    const closed = lengthWithout(words[i], `"'”’)]`);
    const begin = lengthWithout(words[i].slice(0, closed), '.?!');
    const marks = words[i].slice(begin, closed);
    if (marks !== '' && isSentenceEnd(words[i].slice(0, begin), marks, next)) sentences++;
  }
  return sentences;
}

function isSentenceEnd(word: string, marks: string, next: string): boolean {
  if (/[?!]/.test(marks)) return true;
  const startsSmall = /^["'“‘([]*\p{Ll}/u.test(next);
  if (marks.length > 1) return !startsSmall;
  const bare = word.toLowerCase().replace(/^[^\p{L}\p{N}]+/u, '');
  if (ABBREVIATIONS.has(bare)) return false;
  if (/^\p{L}$/u.test(bare) || /^\d+$/.test(bare)) return !startsSmall;
  return true;
}
