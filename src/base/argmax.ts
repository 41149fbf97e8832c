/** Index of the largest of values [begin, end); the first of equal ones, as `numpy.argmax`. */
export function argmax(values: ArrayLike<number>, begin = 0, end = values.length): number {
  let best = begin;
  for (let i = begin + 1; i < end; i++) if (values[i] > values[best]) best = i;
  return best;
}
