// Near duplicates by meaning: rows whose first question lies next to one that came before. Embeddings of a
// language model all point the same way, so their mean is taken out before angles are measured.

/**
 * Which rows go: each whose cosine with an earlier row that stays is above `most`.
 *
 * @param vectors [numRows][size]
 * @returns for each row the earlier one that it repeats, or undefined
 */
export function repeatedRows(vectors: readonly ArrayLike<number>[], most: number): (number | undefined)[] {
  const centred = centredUnits(vectors);
  const repeats: (number | undefined)[] = [];
  centred.forEach((vector, row) => {
    repeats.push(
      centred
        .slice(0, row)
        .findIndex((other, before) => repeats[before] === undefined && dot(vector, other) > most),
    );
    if (repeats[row] === -1) repeats[row] = undefined;
  });
  return repeats;
}

function centredUnits(vectors: readonly ArrayLike<number>[]): Float64Array[] {
  const size = vectors[0]?.length ?? 0;
  const mean = new Float64Array(size);
  for (const vector of vectors) for (let i = 0; i < size; i++) mean[i] += vector[i] / vectors.length;
  return vectors.map((vector) => {
    const moved = Float64Array.from({ length: size }, (_, i) => vector[i] - mean[i]);
    const length = Math.sqrt(dot(moved, moved)) || 1;
    return moved.map((value) => value / length);
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
