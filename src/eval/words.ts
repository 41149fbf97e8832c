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
  return text
    .replace(/([«“‘„"”»’`])/g, ' $1 ')
    .replace(/([:,])(?=[^\d]|$)/g, ' $1 ')
    .replace(/\.\.\./g, ' ... ')
    .replace(/[;@#$%&?!*]/g, ' $& ')
    .replace(/([^.])(\.)([\])}>"'»”’ ]*)\s*$/g, '$1 $2 $3 ')
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

/** Number of sentences: ends are . ? ! with closing quotes behind them, before white space. */
export function numSentences(text: string): number {
  const trimmed = text.trim();
  if (trimmed === '') return 0;
  let sentences = 1;
  for (const end of trimmed.matchAll(/(\S*?)([.?!]+)(["'”’)\]]*)\s+(?=(\S+))/g)) {
    const [, word, marks, , next] = end;
    if (isSentenceEnd(word, marks, next)) sentences++;
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
