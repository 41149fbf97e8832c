/**
 * Finds near-copies among texts.
 *
 * 1. words: lower case, cut at white space; none is empty
 * 2. shingles: every run of `size` words, joined by one blank; a text of fewer words has none, an empty signature, and
 *    is nobody's copy
 * 3. signature: place n holds the least hash(shingle, n) over the shingles, n = 0 … bands · rowsPerBand − 1
 * 4. two texts are copies when all rowsPerBand places of at least one band agree; band b is places b · rowsPerBand and on
 * 5. a text is kept unless it is a copy of some text before it
 *
 * @returns [signatures, indices of the texts that are kept]
 */
export function minhash(
  texts: string[],
  options: { size: number; bands: number; rowsPerBand: number },
  hash: (text: string, n: number) => number,
): [number[][], number[]] {
  const { size, bands, rowsPerBand } = options;
  throw new Error(
    `todo: ${texts.length} texts, ${bands} bands of ${rowsPerBand}, ${hash('a b c'.slice(size), 0)}`,
  );
}
