import { describe, expect, it } from 'vitest';
import { decontaminate } from '../../src/data/decontaminate/stage.ts';
import { exactDedup } from '../../src/data/dedup/exact.ts';
import { deduplicateSentences, sentenceDedup } from '../../src/data/dedup/sentence.ts';
import { cluster } from '../../src/data/minhash/cluster.ts';
import { MINHASH_PRESETS } from '../../src/data/minhash/config.ts';
import { findPairs } from '../../src/data/minhash/pairs.ts';
import { referenceSigner } from '../../src/data/minhash/signature.ts';
import { inMemory } from '../../src/data/minhash/signature-files.ts';
import { minhashStage, signText } from '../../src/data/minhash/stage.ts';
import {
  checkedOptions,
  type GroupStage,
  isRemoval,
  type Resources,
  type Stage,
  type StageKind,
  type TextDocument,
} from '../../src/data/stage.ts';
import { dedupGoldens } from '../support/dedup-goldens.ts';
import { runCli } from '../support/run-cli.ts';

const goldens = dedupGoldens();
const NOTHING: Resources = { readBytes: () => Promise.reject(new Error('nothing to read')) };
const documents = (texts: readonly string[]): TextDocument[] =>
  texts.map((text, i) => ({ id: `d${String(i).padStart(2, '0')}`, text, metadata: {} }));

/** What stays of documents in order of their ids, as the pipeline decides it. */
async function grouped(kind: StageKind, options: Record<string, unknown>, docs: readonly TextDocument[]) {
  const stage = (await kind.create(checkedOptions(kind, options), NOTHING)) as GroupStage;
  const holders = new Map<string, number>();
  const roots = docs.map((_, i) => i);
  const rootOf = (i: number): number => (roots[i] === i ? i : rootOf(roots[i]));
  for (const [i, doc] of docs.entries())
    for (const key of stage.keys(doc)) {
      const first = holders.get(key) ?? i;
      holders.set(key, first);
      const [a, b] = [rootOf(first), rootOf(i)];
      roots[Math.max(a, b)] = Math.min(a, b);
    }
  return docs.flatMap((doc, i) => {
    const taken = (key: string) => (stage.grouping === 'first' ? holders.get(key)! < i : rootOf(i) !== i);
    const outcome = stage.decide(doc, taken);
    return isRemoval(outcome) ? [] : [outcome];
  });
}

describe('sentence-dedup', () => {
  it.each(goldens.sentence)(
    'keeps and edits what datatrove does ($spanSize, by sentence: $isBySentence)',
    (golden) => {
      const kept = deduplicateSentences(goldens.texts, golden).flatMap((text, i) =>
        text === null ? [] : [[`d${i}`, text]],
      );
      expect(Object.fromEntries(kept)).toEqual(golden.kept);
    },
  );

  it('as a stage decides the same where ids are in order', async () => {
    const [{ kept: _, ...options }] = goldens.sentence;
    const kept = await grouped(sentenceDedup, options, documents(goldens.texts));
    expect(kept.map(({ text }) => text)).toEqual(
      deduplicateSentences(goldens.texts, goldens.sentence[0]).filter((text) => text !== null),
    );
  });
});

describe('exact-dedup', () => {
  const docs = documents(['a b', 'A, b!', 'a b', '', '']);

  it("goes by the text, its normal form or a field; the empty are nobody's duplicates", async () => {
    const ids = async (by: string) => (await grouped(exactDedup, { by }, docs)).map(({ id }) => id);
    expect(await ids('text')).toEqual(['d00', 'd01', 'd03', 'd04']);
    expect(await ids('simplified')).toEqual(['d00', 'd03', 'd04']);
    expect(await ids('url')).toEqual(docs.map(({ id }) => id));
  });
});

describe('minhash', () => {
  it('as a stage keeps the smallest id of each cluster', { tags: ['slow'] }, async () => {
    const config = MINHASH_PRESETS.fineweb;
    const buckets = Array.from({ length: config.numBuckets }, (_, bucket) => {
      const prefix = `bucket_${String(bucket).padStart(3, '0')}/`;
      const files = Object.entries(goldens.minhash[0].signatures).filter(([name]) => name.startsWith(prefix));
      return [...findPairs({ signatures: files.map(([name, bytes]) => inMemory(name, bytes)) }, config)];
    });
    const removed = [...cluster(buckets.flat(), 'smallest')].flatMap(([task, { remove }]) =>
      remove.map((doc) => doc + task * goldens.firstOfTask1),
    );
    const kept = await grouped(minhashStage(referenceSigner), {}, documents(goldens.texts));
    expect(kept.map(({ id }) => Number(id.slice(1)))).toEqual(
      [...goldens.texts.keys()].filter((i) => !removed.includes(i)),
    );
  });

  it('refuses hashes and sizes that there are not', async () => {
    const create = async (options: Record<string, unknown>) =>
      grouped(minhashStage(referenceSigner), options, []);
    await expect(create({ hash: 'md5' })).rejects.toThrow('expected sha1 or xxhash, got md5');
    await expect(create({ preset: 'c4' })).rejects.toThrow('expected fineweb or finemath, got c4');
    await expect(create({ numBuckets: 0 })).rejects.toThrow(RangeError);
  });
});

describe('decontaminate', () => {
  const rows = [
    {
      task: 'own',
      id: 'q1',
      query: 'A ferry with forty seats makes three trips; how many people can it carry in all?',
      answer: 'one hundred and twenty people, forty on each trip',
    },
  ];
  const files: Record<string, string> = {
    'items.jsonl': rows.map((row) => JSON.stringify(row)).join('\n'),
    'evals/gsm8k.test.jsonl': JSON.stringify({
      question:
        'Anna folds twelve paper boats an hour. How many paper boats does she fold in three and a half hours?',
      answer: 'She folds 12 * 3.5 = 42 boats. #### 42',
    }),
  };
  const resources: Resources = { readBytes: async (path) => new TextEncoder().encode(files[path]) };
  const judge = async (options: Record<string, unknown>, text: string) => {
    const stage = (await decontaminate.create(checkedOptions(decontaminate, options), resources)) as Stage;
    return stage.apply({ id: 'x', text, metadata: {} });
  };

  it('removes a page with an item of a file, and shows both texts', async () => {
    const outcome = await judge({ items: 'items.jsonl' }, `Homework. ${rows[0].query} ${rows[0].answer}.`);
    expect(outcome).toMatchObject({ removed: 'contaminated' });
    expect((outcome as { because: string }).because).toMatch(
      /^own q1: "a ferry with forty .*100 % of it\n {2}document .*homework.*\n {2}benchmark a ferry/,
    );
  });

  it('reads the benchmarks of the evaluation', async () => {
    const text = `anna folds 12 paper boats. ${JSON.parse(files['evals/gsm8k.test.jsonl']).question}`;
    for (const rule of ['cosmopedia', 'finemath'])
      expect(await judge({ rule, folder: 'evals', tasks: ['gsm8k'] }, text)).toMatchObject({
        removed: 'contaminated',
      });
    expect(await judge({ rule: 'datatrove', folder: 'evals', tasks: ['gsm8k'] }, text)).toMatchObject({
      id: 'x',
    });
  });

  it('refuses what it cannot know', async () => {
    await expect(judge({}, '')).rejects.toThrow('expected folder with the files of its tasks, or items');
    await expect(judge({ rule: 'other', items: 'items.jsonl' }, '')).rejects.toThrow(
      'expected cosmopedia, finemath',
    );
  });
});

describe('smollm2 curate signatures', () => {
  const lines = goldens.texts.map((text, i) => `${JSON.stringify({ id: `d${i}`, text })}\n`).join('');

  it.each(['fineweb', 'finemath'] as const)(
    '%s: prints bands of decimal numbers, null for a short text',
    { tags: ['slow'] },
    async (preset) => {
      const { code, stdout } = await runCli(['curate', 'signatures', '--jsonl', '--preset', preset], lines);
      expect(code).toBe(0);
      const signer = referenceSigner(MINHASH_PRESETS[preset]);
      const rows = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(rows.map(({ id }) => id)).toEqual(goldens.texts.map((_, i) => `d${i}`));
      for (const [i, { signatures }] of rows.entries()) {
        const wanted = signText(signer, goldens.texts[i]);
        expect(signatures?.flat() ?? null).toEqual(wanted && Array.from(wanted, String));
        if (signatures) expect(signatures).toHaveLength(signer.config.numBuckets);
      }
    },
  );

  it('a malformed line ends it with an error', { tags: ['slow'] }, async () => {
    const { code, stderr } = await runCli(['curate', 'signatures', '--jsonl'], '{"text"\n');
    expect(code).not.toBe(0);
    expect(stderr).toContain('expected one JSON document a line');
  });
});
