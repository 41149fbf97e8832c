import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ContaminationIndex } from '../../../src/data/decontaminate/contamination.ts';
import { C4_SENTENCE_DEDUP, deduplicateSentences } from '../../../src/data/dedup/sentence.ts';
import { sha1First64 } from '../../../src/data/hash/sha1.ts';
import { cluster } from '../../../src/data/minhash/cluster.ts';
import { MINHASH_PRESETS, type MinHashConfig } from '../../../src/data/minhash/config.ts';
import { kernelSigner } from '../../../src/data/minhash/kernel.ts';
import { type DocumentPair, findPairs } from '../../../src/data/minhash/pairs.ts';
import { inMemory, SignatureTable, signatureFileName } from '../../../src/data/minhash/signature-files.ts';
import { simplify } from '../../../src/data/simplify.ts';
import { words } from '../../../src/data/words/words.ts';
import { sharedFile } from '../shared.ts';

const unpacked = (name: string) =>
  gunzipSync(readFileSync(sharedFile(`goldens/curation/${name}.gz`))).toString();
const lines = <T>(name: string): T[] =>
  unpacked(name)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const texts = new Map(lines<{ id: string; text: string }>('docs.jsonl').map(({ id, text }) => [id, text]));
const module = new WebAssembly.Module(
  readFileSync(new URL('../../../dist/wasm/minhash.wasm', import.meta.url)),
);

interface MinHashGolden {
  readonly signatures: Readonly<Record<string, string[][] | null>>;
  readonly pairs: readonly [string, string][];
  readonly removed: readonly string[];
}
const minhash: Record<string, MinHashGolden> = JSON.parse(unpacked('minhash.json'));

describe.each<[string, MinHashConfig]>([
  ['fineweb_sha1_14x8', MINHASH_PRESETS.fineweb],
  ['finemath_single_band_10', MINHASH_PRESETS.finemath],
  ['xxhash_14x8', { ...MINHASH_PRESETS.fineweb, hash: 'xxhash' }],
])('%s', (name, config) => {
  const golden = minhash[name];
  const ids = [...texts.keys()];
  const signer = kernelSigner(config, module);
  const signatures = ids.map((id) => signer.sign(words(simplify(texts.get(id)!))));

  it('every signature, bit for bit', () => {
    const signed = Object.fromEntries(
      ids.flatMap((id, i) => (signatures[i] ? [[id, [...signatures[i]].map(String)]] : [])),
    );
    for (const [id, bands] of Object.entries(golden.signatures))
      expect([id, signed[id] ?? []]).toEqual([id, bands?.flat() ?? []]);
  });

  it('every pair and every removal', () => {
    const table = new SignatureTable(config);
    for (const [i, signature] of signatures.entries()) if (signature) table.add(i, signature);
    const buckets = Array.from({ length: config.numBuckets }, (_, bucket): DocumentPair[] => [
      ...findPairs({ signatures: [inMemory(signatureFileName(bucket, 0), table.bucket(bucket))] }, config),
    ]);
    const removed = cluster(buckets.flat(), 'datatrove')
      .get(0)!
      .remove.map((i) => ids[i]);
    expect([...removed].sort()).toEqual([...golden.removed].sort());
    expect(
      [
        ...new Set(buckets.flatMap((pairs) => withFirst(pairs).map(([a, b]) => `${ids[a]} ${ids[b]}`))),
      ].sort(),
    ).toEqual(golden.pairs.map((pair) => pair.join(' ')).sort());
  });
});

/** The goldens pair each document with the first of equal ones, not with its neighbour. */
function withFirst(pairs: readonly DocumentPair[]): [number, number][] {
  const firsts = new Map<number, number>();
  return pairs.map(({ first, second }) => {
    const found = firsts.get(first.doc) ?? first.doc;
    firsts.set(second.doc, found);
    return [found, second.doc];
  });
}

describe('decontamination', () => {
  const golden: {
    hash_examples: Record<string, string>;
    benchmark_texts: string[];
    cases: { n: number; id: string; text?: string; hits: number; first: string | null }[];
  } = JSON.parse(unpacked('decontamination.json'));

  it('hashes of runs', () => {
    for (const [text, hash] of Object.entries(golden.hash_examples))
      expect(sha1First64(new TextEncoder().encode(text))).toBe(BigInt(hash));
  });

  it('runs of 10, 12 and 13 words of 318 documents', () => {
    for (const n of [10, 12, 13]) {
      const index = new ContaminationIndex('finemath', words, n);
      for (const [i, text] of golden.benchmark_texts.entries())
        index.add({ task: 'x', id: String(i), query: '', answer: text });
      for (const { id, text, hits, first } of golden.cases.filter((one) => one.n === n))
        expect({ id, ...index.hits(text ?? texts.get(id)!) }).toEqual({ id, count: hits, first });
    }
  });
});

it('sentences: every decision and every edited text', () => {
  const golden: { kept_ids: string[]; changed: Record<string, string> } = JSON.parse(
    unpacked('sentence_dedup.json'),
  );
  const ids = [...texts.keys()];
  const left = deduplicateSentences([...texts.values()], C4_SENTENCE_DEDUP);
  expect(ids.filter((_, i) => left[i] !== null)).toEqual(golden.kept_ids);
  const changed = ids.flatMap((id, i) =>
    left[i] !== null && left[i] !== texts.get(id) ? [[id, left[i]]] : [],
  );
  expect(Object.fromEntries(changed)).toEqual(golden.changed);
});
