import { describe, expect, it } from 'vitest';
import { BloomFilter, bestNumHashes } from '../../src/data/dedup/bloom.ts';
import { dedupGoldens } from '../support/dedup-goldens.ts';

const goldens = dedupGoldens();
const CONFIG = { numBits: 2 ** 16, numHashes: 5, ngramSize: 3, threshold: 0.8, seed: 0 };

describe('BloomFilter', () => {
  it.each(goldens.bloom)(
    'keeps what datatrove keeps, and has its bits ($numBits bits, $numHashes hashes)',
    (golden) => {
      const filter = new BloomFilter(golden);
      const kept = goldens.words.flatMap((words, i) => (filter.admits(words) ? [`d${i}`] : []));
      expect(kept).toEqual(golden.kept);
      expect(filter.bits).toEqual(golden.bits);
    },
  );

  it('never forgets what it saw', () => {
    const filter = new BloomFilter(CONFIG);
    const seen = Array.from({ length: 500 }, (_, i) => filter.places(`seen ${i}`));
    for (const places of seen) filter.add(places);
    expect(seen.every((places) => filter.has(places))).toBe(true);
  });

  it('takes unseen shingles for seen as often as the formula says', { tags: ['slow'] }, () => {
    const filter = new BloomFilter(CONFIG);
    const numShingles = 10_000;
    for (let i = 0; i < numShingles; i++) filter.add(filter.places(`seen ${i}`));
    const numFalse = Array.from({ length: 4000 }, (_, i) => filter.has(filter.places(`new ${i}`))).filter(
      Boolean,
    ).length;
    const expected = new BloomFilter(CONFIG).falsePositiveRate(numShingles);
    // Four standard deviations of 4,000 draws.
    expect(Math.abs(numFalse / 4000 - expected)).toBeLessThan(
      4 * Math.sqrt((expected * (1 - expected)) / 4000),
    );
    expect(bestNumHashes(CONFIG.numBits, numShingles)).toBe(5);
  });

  it('refuses sizes that are no power of two, and other nonsense', () => {
    expect(() => new BloomFilter({ ...CONFIG, numBits: 1000 })).toThrow('numBits: expected a power of two');
    expect(() => new BloomFilter({ ...CONFIG, numBits: 2 ** 40 })).toThrow(RangeError);
    expect(() => new BloomFilter({ ...CONFIG, numHashes: 0 })).toThrow('numHashes: expected');
    expect(() => new BloomFilter({ ...CONFIG, threshold: 2 })).toThrow('threshold: expected');
  });
});
