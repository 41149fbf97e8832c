import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { trainBpe, WordCounts } from '../../../src/tokenizer/train.ts';
import { tokenizerJson } from '../../../src/tokenizer/write-json.ts';
import { interleaved, mixtureShares, nanotronOrder } from '../../../src/train/window-order.ts';
import { IGNORED, nextTokenRow } from '../../../src/train/window-source.ts';
import { sharedFile } from '../shared.ts';

const json = (path: string) => JSON.parse(readFileSync(sharedFile(`goldens/training/${path}`), 'utf8'));
const unzipped = (path: string) =>
  gunzipSync(readFileSync(sharedFile(`goldens/training/${path}`))).toString('utf8');

describe('BPE training on 200,000 bytes', () => {
  const words = new WordCounts();
  const text = unzipped('bpe/text.txt.gz');
  words.add(text);

  it.each(['v512-mf0', 'v2048-mf2', 'v4096-mf2'])('%s: every token, every merge, every encoding', (name) => {
    const golden = JSON.parse(unzipped(`bpe/${name}.json.gz`));
    const vocabulary = trainBpe(words, {
      vocabSize: golden.vocab_size,
      minFrequency: golden.min_frequency,
      specialTokens: golden.special_tokens,
    });
    expect(vocabulary.tokens).toEqual(golden.tokens_in_id_order);
    expect(vocabulary.merges).toEqual(golden.merges);
    const tokenizer = Tokenizer.from({ kind: 'json', tokenizer: tokenizerJson(vocabulary), file: name });
    for (const { text: probe, ids } of golden.encodings) expect(tokenizer.encode(probe)).toEqual(ids);
    expect(tokenizer.encode(text)).toHaveLength(golden.tokens_of_the_training_text);
  });
});

describe("nanotron's order of windows", () => {
  const mixtures: Record<string, number[] & number>[] = json('schedule/nanoset_order.json');

  it.each(mixtures.map((golden, i) => [i, golden] as const))(
    'mixture %i, before and after the shuffle',
    (_, golden) => {
      const { lengths, weights, seed, needed } = golden;
      const shares = mixtureShares(lengths, weights);
      const plain = interleaved(lengths, shares);
      expect([...plain.sets]).toEqual(golden.before_shuffle_dataset);
      expect([...plain.windows]).toEqual(golden.before_shuffle_sample);
      const order = nanotronOrder(lengths, shares, seed);
      const places = Array.from({ length: needed }, (_, i) => i % order.sets.length);
      expect(places.map((place) => order.sets[place])).toEqual(golden.dataset_index);
      expect(places.map((place) => order.windows[place])).toEqual(golden.dataset_sample_index);
    },
  );
});

describe('document masking', () => {
  const golden = json('docmask/docmask.json');

  it('positions and counted labels are those of the packed rows', () => {
    const rows = golden.rows.map((row: number[]) => nextTokenRow(Int32Array.from(row), 'golden', 2));
    for (const [i, { positions }] of rows.entries()) {
      expect([...positions]).toEqual(golden.positions[i].slice(0, -1));
    }
    const counted = rows
      .flatMap(({ labels }: { labels: Int32Array }) => [...labels])
      .filter((id: number) => id !== IGNORED);
    expect(counted).toHaveLength(golden.variants.reset_mask_boundary.labels_counted);
  });
});
