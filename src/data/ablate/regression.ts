// A line through what small trainings gave: bits per byte as a weighted sum of the shares and, for sources
// that repeat, of the logarithm of their epochs. With some ten mixtures this is all that can be asked; how
// wrong it is on a mixture that it has not seen (leave-one-out) is printed beside it, and nothing is
// believed that has not been run.

export interface Regression {
  /** [numTerms] */
  readonly coefficients: readonly number[];
  /** [numTerms][numTerms]: of the coefficients, where every value has a variance of 1. */
  readonly inverse: readonly (readonly number[])[];
  /** Root of the mean square of the residuals, by degrees of freedom. */
  readonly residual: number;
  /** Root of the mean square of the error on each point by a fit without it. */
  readonly leaveOneOut: number;
}

/** What is added to the diagonal, as a share of it: terms that move together stay solvable. */
const RIDGE = 1e-6;

/**
 * Least squares without an intercept: shares add up to 1, which is one.
 *
 * @param terms  [numPoints][numTerms]
 * @param values [numPoints]
 * @throws RangeError with fewer points than terms and one more
 */
export function fitMixtures(terms: readonly (readonly number[])[], values: readonly number[]): Regression {
  const numTerms = terms[0]?.length ?? 0;
  if (terms.length <= numTerms) {
    throw new RangeError(`ablate: expected more than ${numTerms} mixtures, got ${terms.length}; raise draws`);
  }
  const normal = Array.from({ length: numTerms }, (_, i) =>
    Array.from({ length: numTerms }, (_, j) => terms.reduce((sum, row) => sum + row[i] * row[j], 0)),
  );
  for (let i = 0; i < numTerms; i++) normal[i][i] += RIDGE * (normal[i][i] + 1e-9);
  const inverse = inverted(normal);
  const right = Array.from({ length: numTerms }, (_, i) =>
    terms.reduce((sum, row, n) => sum + row[i] * values[n], 0),
  );
  const coefficients = inverse.map((row) => dot(row, right));
  let squares = 0;
  let leftOut = 0;
  terms.forEach((row, n) => {
    const error = values[n] - dot(row, coefficients);
    // The error of a fit without this point is the residual over 1 - leverage.
    const leverage = quadratic(inverse, row);
    squares += error * error;
    leftOut += (error / Math.max(1 - leverage, 1e-9)) ** 2;
  });
  return {
    coefficients,
    inverse,
    residual: Math.sqrt(squares / (terms.length - numTerms)),
    leaveOneOut: Math.sqrt(leftOut / terms.length),
  };
}

export function predictMixture({ coefficients }: Regression, terms: readonly number[]): number {
  return dot(terms, coefficients);
}

/** Spread of a predicted difference, where one value has the spread `noise`. */
export function differenceSpread(
  { inverse }: Regression,
  difference: readonly number[],
  noise: number,
): number {
  return noise * Math.sqrt(quadratic(inverse, difference));
}

function quadratic(matrix: readonly (readonly number[])[], vector: readonly number[]): number {
  return matrix.reduce((sum, row, i) => sum + vector[i] * dot(row, vector), 0);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/** By Gauss and Jordan with the largest pivot; the matrix is small, symmetric and not singular. */
function inverted(matrix: readonly (readonly number[])[]): number[][] {
  const size = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let i = column; i < size; i++) {
      if (Math.abs(rows[i][column]) > Math.abs(rows[pivot][column])) pivot = i;
    }
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    const scale = rows[column][column];
    rows[column] = rows[column].map((value) => value / scale);
    for (let i = 0; i < size; i++) {
      if (i === column) continue;
      const factor = rows[i][column];
      rows[i] = rows[i].map((value, j) => value - factor * rows[column][j]);
    }
  }
  return rows.map((row) => row.slice(size));
}
