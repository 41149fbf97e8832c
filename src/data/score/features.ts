// What a scorer looks at. The default: how often each run of two to five characters occurs, hashed into a fixed number
// of places (Weinberger et al. 2009).

/** A row of numbers, most of them 0. */
export interface Features {
  /** Ascending places of what is not 0. */
  readonly indices: Int32Array;
  readonly values: Float64Array;
}

export interface NgramOptions {
  readonly minLength: number;
  readonly maxLength: number;
  /** Number of places is 2^bits. */
  readonly bits: number;
}

export const NGRAM_OPTIONS: NgramOptions = { minLength: 2, maxLength: 5, bits: 18 };

/** UTF-16 units of a text that are looked at: a judge reads no more of it either. */
const MAX_UNITS = 50_000;

/**
 * Roots of the counts of character runs, as a row of length 1. Lower case, white space as one space; places by
 * FNV-1a over UTF-16 units, with a sign from another bit, so that runs that meet in one place cancel on average.
 */
export function ngramFeatures(
  text: string,
  { minLength, maxLength, bits }: NgramOptions = NGRAM_OPTIONS,
): Features {
  const units = ` ${text.slice(0, MAX_UNITS).toLowerCase().replace(/\s+/g, ' ').trim()} `;
  const mask = (1 << bits) - 1;
  const counts = new Map<number, number>();
  for (let begin = 0; begin < units.length; begin++) {
    let hash = 0x811c9dc5;
    for (let length = 1; length <= maxLength && begin + length <= units.length; length++) {
      hash = Math.imul(hash ^ units.charCodeAt(begin + length - 1), 0x01000193);
      if (length < minLength) continue;
      // The upper bits are the better mixed ones; the length keeps "ab" and its hash apart from longer runs.
      const mixed = Math.imul(hash ^ (hash >>> 15) ^ length, 0x2c1b3c6d);
      const place = (mixed >>> 8) & mask;
      counts.set(place, (counts.get(place) ?? 0) + (mixed < 0 ? -1 : 1));
    }
  }
  return unitRow(counts);
}

function unitRow(counts: ReadonlyMap<number, number>): Features {
  const indices = Int32Array.from([...counts.keys()].filter((place) => counts.get(place) !== 0)).sort();
  const values = Float64Array.from(indices, (place) => {
    const count = counts.get(place)!;
    return Math.sign(count) * Math.sqrt(Math.abs(count));
  });
  const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return { indices, values: norm === 0 ? values : values.map((value) => value / norm) };
}

/** A row with a number in every place. */
export function denseFeatures(values: ArrayLike<number>): Features {
  return {
    indices: Int32Array.from({ length: values.length }, (_, i) => i),
    values: Float64Array.from(values),
  };
}
