import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { sha1First64 } from '../../src/data/hash/sha1.ts';
import { xxhash64 } from '../../src/data/hash/xxhash64.ts';
import { cluster, encodeClusters, taskFileName } from '../../src/data/minhash/cluster.ts';
import { MINHASH_PRESETS, type MinHashConfig, permutations } from '../../src/data/minhash/config.ts';
import { kernelSigner } from '../../src/data/minhash/kernel.ts';
import {
  type DocumentPair,
  encodeIndex,
  encodePairs,
  FROM_INDEX,
  findPairs,
  indexFileName,
  pairFileName,
  readPairs,
} from '../../src/data/minhash/pairs.ts';
import { referenceSigner, type Signer } from '../../src/data/minhash/signature.ts';
import {
  inMemory,
  readSignatures,
  SignatureTable,
  signatureFileName,
} from '../../src/data/minhash/signature-files.ts';
import { simplify } from '../../src/data/simplify.ts';
import { dedupGoldens } from '../support/dedup-goldens.ts';

const goldens = dedupGoldens();
const module = new WebAssembly.Module(readFileSync(new URL('../../dist/wasm/minhash.wasm', import.meta.url)));
const SIGNERS: readonly [string, (config: MinHashConfig) => Signer][] = [
  ['reference', referenceSigner],
  ['kernel', (config) => kernelSigner(config, module)],
];
const bytesOf = (text: string) => new TextEncoder().encode(text);
const named = (files: Readonly<Record<string, Uint8Array>>) =>
  Object.entries(files).map(([name, bytes]) => inMemory(name, bytes));

/** The signature tables of the two tasks. */
function tables(signer: Signer): SignatureTable[] {
  const tasks = [new SignatureTable(signer.config), new SignatureTable(signer.config)];
  for (const [i, words] of goldens.words.entries()) {
    const task = i < goldens.firstOfTask1 ? 0 : 1;
    const signature = signer.sign(words);
    if (signature) tasks[task].add(i - task * goldens.firstOfTask1, signature);
  }
  return tasks;
}

describe('simplify', () => {
  it.each(goldens.texts.map((text, i) => [text.slice(0, 30), text, goldens.simplified[i]]))(
    'gives datatrove\'s text for "%s"',
    (_, text, simplified) => expect(simplify(text)).toBe(simplified),
  );
});

describe('hashes', () => {
  const lengths = [0, 1, 31, 32, 33, 54, 55, 56, 57, 63, 64, 65, 119, 120, 121, 200];

  it("sha1First64 are the first eight bytes of the platform's SHA-1, at every edge of a block", () => {
    for (const length of lengths) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255);
      expect(sha1First64(bytes)).toBe(createHash('sha1').update(bytes).digest().readBigUInt64LE());
    }
  });

  it('xxhash64 gives the values of the specification', () => {
    expect(xxhash64(bytesOf(''))).toBe(0xef46db3751d8e999n);
    expect(xxhash64(bytesOf('abc'))).toBe(0x44bc2cf5ad770999n);
    expect(xxhash64(bytesOf('xxhash is fast, and this is more than 32 bytes'))).toBe(0x56f72ce54cca5814n);
  });
});

describe('permutations', () => {
  it("draws numpy's numbers from other seeds", () => {
    const { a, b } = permutations({ ...MINHASH_PRESETS.finemath, hashesPerBucket: 2, seed: 42 });
    expect([...a, ...b]).toEqual([
      2297359619001564596n,
      1396682528897996047n,
      1973689801170867271n,
      1819927849474927636n,
    ]);
  });

  it('refuses what no signature can have', () => {
    expect(() => permutations({ ...MINHASH_PRESETS.fineweb, numBuckets: 0 })).toThrow(RangeError);
    expect(() => permutations({ ...MINHASH_PRESETS.fineweb, numBuckets: 1000 })).toThrow(
      'at most 4096 hashes',
    );
    expect(() => permutations({ ...MINHASH_PRESETS.fineweb, seed: -1 })).toThrow('seed: expected');
  });
});

describe.each(SIGNERS)('signatures by the %s', (_, makeSigner) => {
  it.each(goldens.minhash)("$name: files are datatrove's, byte for byte", (golden) => {
    const tasks = tables(makeSigner(golden));
    for (const [task, table] of tasks.entries())
      for (let bucket = 0; bucket < golden.numBuckets; bucket++)
        expect(table.bucket(bucket)).toEqual(golden.signatures[signatureFileName(bucket, task)]);
  });

  it('fewer words than a shingle has: none', () => {
    expect(makeSigner(MINHASH_PRESETS.fineweb).sign(['one', 'two', 'three', 'four'])).toBeNull();
  });
});

describe('kernelSigner', () => {
  const both = (config: MinHashConfig, words: readonly string[]) =>
    SIGNERS.map(([, makeSigner]) => makeSigner(config).sign(words));

  it.each(['sha1', 'xxhash'] as const)('%s: equals the reference for shingles of 5 to 520 bytes', (hash) => {
    const words = Array.from({ length: 130 }, (_, i) => `${'é'.repeat(i >> 1)}${'x'.repeat(i & 1)}y`);
    const [reference, kernel] = both({ ...MINHASH_PRESETS.fineweb, hash, numBuckets: 3 }, words);
    expect(kernel).toEqual(reference);
  });

  it('equals the reference for a text of several windows, and for one whose words are longer than a window', {
    tags: ['slow'],
  }, () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `word${(i * 7919) % 1013}`);
    const long = ['a', 'b'.repeat(80_000), 'c', 'd', 'e', 'f'.repeat(80_000), 'g'];
    for (const words of [many, long]) {
      const [reference, kernel] = both(MINHASH_PRESETS.finemath, words);
      expect(kernel).toEqual(reference);
    }
  });

  it('equals the reference for words that hold a space or are empty', () => {
    for (const words of [
      ['a b', 'c', 'd', 'e', 'f', 'g'],
      ['', '', '', '', '', 'x'],
    ]) {
      const [reference, kernel] = both(MINHASH_PRESETS.fineweb, words);
      expect(kernel).toEqual(reference);
    }
  });
});

describe.each(goldens.minhash)('$name', (golden) => {
  const buckets = [...Array(golden.numBuckets).keys()];
  const inBucket = (bucket: number, task?: number) =>
    named(golden.signatures).filter(({ name }) =>
      name.startsWith(signatureFileName(bucket, task ?? 0).slice(0, task === undefined ? 10 : undefined)),
    );
  const pairs = () => buckets.map((bucket) => [...findPairs({ signatures: inBucket(bucket) }, golden)]);

  it("pairs are datatrove's, byte for byte", () => {
    for (const [bucket, found] of pairs().entries())
      expect(encodePairs(found)).toEqual(golden.pairs[pairFileName(bucket)]);
  });

  it('pairs are read as they were written', () => {
    const read = named(golden.pairs).map((file) => [...readPairs(file)]);
    expect(read).toEqual(pairs());
  });

  it("removals, clusters and sizes are datatrove's, byte for byte", () => {
    const files = new Map<string, Uint8Array>();
    for (const [task, found] of cluster(pairs().flat(), 'datatrove')) {
      const encoded = encodeClusters(found);
      for (const kind of ['remove', 'clusters', 'sizes'] as const)
        if (encoded[kind].length > 0) files.set(taskFileName(task, kind), encoded[kind]);
    }
    expect(Object.fromEntries(files)).toEqual(golden.clusters);
  });

  it("an index of task 0, and the pairs of task 1 against it, are datatrove's, byte for byte", () => {
    for (const bucket of buckets) {
      const hashes: BigUint64Array[] = [];
      const onNew = (found: BigUint64Array) => hashes.push(found);
      for (const _ of findPairs({ signatures: inBucket(bucket, 0) }, golden, { onNew }));
      const name = indexFileName(bucket, 'first');
      expect(encodeIndex(hashes)).toEqual(golden.index[name]);
      const files = { signatures: inBucket(bucket, 1), indexes: [inMemory(name, golden.index[name])] };
      expect(encodePairs([...findPairs(files, golden)])).toEqual(golden.againstIndex[pairFileName(bucket)]);
    }
  });

  it('the smallest of a cluster survives whatever the order of pairs', () => {
    const all = pairs().flat();
    const removed = (list: DocumentPair[]) =>
      [...cluster(list, 'smallest')].map(([task, { remove }]) => [task, remove]);
    expect(removed([...all].reverse())).toEqual(removed(all));
    expect(removed(all).flat(2).length).toBe(
      [...cluster(all, 'datatrove').values()].flatMap((t) => t.remove).length + 2,
    );
  });
});

describe('cluster', () => {
  const pair = (a: number, b: number): DocumentPair => ({
    first: { task: 0, doc: a },
    second: { task: 0, doc: b },
  });

  it('all documents that equal one of an index go, and nothing of the index is listed', () => {
    const seen = { first: { task: FROM_INDEX, doc: FROM_INDEX }, second: { task: 0, doc: 4 } };
    const tasks = cluster([pair(4, 9), seen, pair(1, 9), pair(2, 3)], 'datatrove');
    expect([...tasks.keys()]).toEqual([0]);
    expect(tasks.get(0)?.remove).toEqual([1, 3, 4, 9]);
  });

  it('the larger cluster wins, the first of a pair at equal size', () => {
    const grown = [pair(5, 6), pair(6, 7), pair(1, 5)];
    expect(cluster(grown, 'datatrove').get(0)?.remove).toEqual([1, 6, 7]);
    expect(cluster(grown, 'smallest').get(0)?.remove).toEqual([5, 6, 7]);
  });

  it('joins a chain of 200,000 documents', { tags: ['slow'] }, () => {
    const chain = Array.from({ length: 200_000 }, (_, i) => pair(i + 1, i));
    expect(cluster(chain, 'smallest').get(0)?.remove.length).toBe(200_000);
  });
});

describe('signature files', () => {
  const config = MINHASH_PRESETS.finemath;
  const [, golden] = goldens.minhash;
  const bytes = golden.signatures[signatureFileName(0, 0)];
  const read = (changed: Uint8Array) => [
    ...readSignatures(inMemory('a.minhash.sig', changed), config, { isIndex: false }),
  ];

  it('refuses half a record, unsorted records and hashes that are none', () => {
    expect(() => read(bytes.subarray(1))).toThrow(FormatError);
    const swapped = Uint8Array.of(...bytes.subarray(84, 168), ...bytes.subarray(0, 84));
    expect(() => read(swapped)).toThrow('expected sorted signatures (byte 84)');
    expect(() => read(bytes.slice().fill(255, 0, 8))).toThrow('expected hashes below 2^61');
  });

  it('refuses a file whose name tells no task', () => {
    const files = { signatures: [inMemory('signatures.bin', bytes)] };
    expect(() => [...findPairs(files, config)]).toThrow('expected a name like 00000.minhash.sig');
  });
});
