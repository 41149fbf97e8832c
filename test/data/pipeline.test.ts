import { describe, expect, it } from 'vitest';
import { stageKind } from '../../src/data/create-stage.ts';
import { type Block, emptyTallies, keyHash, runBlock } from '../../src/data/pipeline/block.ts';
import { documentLine, parseDocument } from '../../src/data/pipeline/document-line.ts';
import { type KeyedDocument, KeyTable, takenKeys } from '../../src/data/pipeline/group.ts';
import { hash64 } from '../../src/data/pipeline/hash.ts';
import { IdTable } from '../../src/data/pipeline/id-table.ts';
import { phasesOf, readPipelineRecipe } from '../../src/data/pipeline/recipe.ts';
import { reportMarkdown, reportOf } from '../../src/data/pipeline/report.ts';
import { reportHtml } from '../../src/data/pipeline/report-html.ts';
import { added, emptyTally, numRemoved, type Tally } from '../../src/data/pipeline/tally.ts';
import type { Stage } from '../../src/data/stage.ts';

const noNumbers: Stage = {
  name: 'no-numbers',
  apply: (doc) => (/\d/.test(doc.text) ? { removed: 'number', because: 'has one' } : doc),
};
const upper: Stage = { name: 'upper', apply: (doc) => ({ ...doc, text: doc.text.toUpperCase() }) };
const phase = { decides: undefined, stages: [noNumbers, upper], groups: undefined };
const block = (rows: Block['rows'], firstRow = 0) => ({ file: 'f', firstRow, rows, numRepaired: 0 });
const line = (id: string, text: string) => JSON.stringify({ id, text });
const resources = { readBytes: () => Promise.reject() };
/** The blocks one after the other on one thread. */
function ran(...blocks: Block[]) {
  const tallies = emptyTallies(phase);
  return { ...blocks.map((part) => runBlock(part, phase, tallies, () => 0))[0], tallies };
}

describe('runBlock', () => {
  it('counts every row once: kept, edited, or removed by reason, and loses none', () => {
    const rows = [line('a', 'one'), line('b', '2'), 'no JSON', undefined, '{"text": "x"}', line('c', 'UP')];
    const result = ran(block(rows, 10));
    const [reader, first, second] = result.tallies;
    expect(reader).toMatchObject({ read: 6, kept: 4, removed: { bad_line: 1, too_long_line: 1 } });
    expect(first).toMatchObject({ read: 4, kept: 3, removed: { number: 1 } });
    expect(second).toMatchObject({ read: 3, kept: 3, edited: 2, charsRead: 6, charsKept: 6 });
    for (const tally of result.tallies) expect(tally.kept + numRemoved(tally)).toBe(tally.read);
    expect(result.kept.map((text) => JSON.parse(text))).toEqual([
      { text: 'ONE', id: 'a', metadata: {} },
      { text: 'X', id: 'f/14', metadata: {} },
      { text: 'UP', id: 'c', metadata: {} },
    ]);
    expect(result.removed.map((lines) => lines.length)).toEqual([2, 1, 0]);
    expect(JSON.parse(result.removed[1][0])).toEqual({
      text: '2',
      id: 'b',
      metadata: { removed_by: 'no-numbers', filter_reason: 'number', because: 'has one' },
    });
    expect(JSON.parse(result.removed[0][0]).text).toBe('no JSON');
  });

  it('keeps a row without a text, as it was read, among what the reader removed', () => {
    const { removed } = ran(block([{ content: 'not in the right column', id: 7n }]));
    expect(JSON.parse(removed[0][0])).toMatchObject({
      text: '{"content":"not in the right column","id":7}',
      metadata: { filter_reason: 'bad_line' },
    });
  });

  it('gives the same tallies however the input is cut', () => {
    const rows = Array.from({ length: 200 }, (_, i) =>
      line(`id${i}`, i % 3 === 0 ? `${i}` : `text${'x'.repeat(i % 7)}`),
    );
    const whole = ran(block(rows)).tallies;
    const parts = [block(rows.slice(0, 31)), block(rows.slice(31, 150), 31), block(rows.slice(150), 150)];
    expect(ran(...parts).tallies).toEqual(whole);
    const threads = [ran(parts[2], parts[0]), ran(parts[1])].map(({ tallies }) => tallies);
    expect(threads.reduce((a, b) => a.map((tally, s) => added(tally, b[s])))).toEqual(whole);
    expect(whole[1].samples.removed.number).toHaveLength(20);
  });

  it('replaces lone surrogates, which UTF-8 cannot write', () => {
    const { kept } = ran(block(['{"id":"a\\ud800","text":"b\\udfff 😀"}']));
    expect(JSON.parse(kept[0])).toEqual({ text: 'B\ufffd 😀', id: 'a\ufffd', metadata: {} });
  });
});

describe('a document as a line', () => {
  it('takes flat rows and keeps what they say as metadata', () => {
    const doc = parseDocument('{"text":"t","url":"u","id":7,"metadata":{"a":1},"media":[]}', 'f:1', 'x');
    expect(doc).toEqual({ id: '7', text: 't', metadata: { a: 1, url: 'u' } });
    expect(JSON.parse(documentLine({ ...doc, metadata: { big: 2n ** 60n + 1n, small: 7n } }))).toMatchObject({
      metadata: { big: '1152921504606846977', small: 7 },
    });
  });
});

describe('takenKeys', () => {
  const [one, two, three, nine] = [
    '0000000000000001',
    '0000000100000001',
    '00000000fffffffe',
    'ffffffffffffffff',
  ];
  const tableOf = (list: readonly KeyedDocument[]) => {
    const table = new KeyTable();
    for (const doc of list) table.add(doc);
    return table;
  };
  const docs = tableOf([
    { id: 'd', keys: [one, two] },
    { id: 'b', keys: [two, three] },
    { id: 'c', keys: [three] },
    { id: 'e', keys: [] },
    { id: 'a', keys: [nine] },
  ]);

  it('keeps all 64 bits of a key, also of thousands', { tags: ['slow'] }, () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => keyHash(`key ${i}`));
    const table = tableOf([
      { id: 'x', keys },
      { id: 'y', keys: [...keys].reverse() },
    ]);
    expect(keys.map((_, i) => table.text(i))).toEqual(keys);
    expect(Array.from(table.firstOfEach().subarray(0, 3))).toEqual([0, 1, 2]);
    expect(takenKeys(table, 'first').get(1)).toEqual([...keys].reverse());
  });

  it('clusters documents that are joined through others and spares the one with the smallest id', () => {
    expect([...takenKeys(docs, 'cluster')]).toEqual([
      [0, [one, two]],
      [2, [three]],
    ]);
  });

  it('leaves each key to the document with the smallest id', () => {
    expect([...takenKeys(docs, 'first')]).toEqual([
      [0, [two]],
      [2, [three]],
    ]);
  });

  it('gives the same survivors in any order of the documents', () => {
    const many = Array.from({ length: 60 }, (_, i) => ({
      id: `id${(i * 37) % 60}`,
      keys: [keyHash(`k${(i * 7) % 25}`), keyHash(`k${(i * 11) % 40}`)],
    }));
    const survivors = (list: typeof many) => {
      const taken = takenKeys(tableOf(list), 'cluster');
      return list.flatMap(({ id }, i) => (taken.has(i) ? [] : [id])).sort();
    };
    expect(survivors([...many].reverse())).toEqual(survivors(many));
    expect(survivors(many).length).toBeLessThan(60);
  });
});

describe('hash64 and IdTable', () => {
  it('finds ids that came before, and no others among 100,000', () => {
    const table = new IdTable();
    for (let i = 0; i < 100_000; i++) table.add(hash64(`document ${i}`));
    expect(table.numRepeated).toBe(0);
    table.add([...hash64('document 5'), ...hash64('document 5 '), ...hash64('document 99999')]);
    expect(table).toMatchObject({ numRepeated: 2, numChecked: 100_003 });
  });
});

describe('a recipe', () => {
  it('becomes phases, cut at each stage that groups', async () => {
    const groups = { name: 'same', grouping: 'first' as const, keys: () => [], decide: noNumbers.apply };
    const recipe = readPipelineRecipe(
      { stages: ['pii', groups, { 'c4-quality': null }, upper] },
      'x/my.yaml',
    );
    expect(recipe).toMatchObject({ name: 'my', format: 'jsonl.gz' });
    const phases = await phasesOf(recipe, stageKind, resources);
    expect(phases.map(({ stages }) => stages.map(({ name }) => name))).toEqual([
      ['pii'],
      ['c4-quality', 'upper'],
    ]);
    expect(phases.map(({ decides, groups: next }) => [decides?.name, next?.name])).toEqual([
      [undefined, 'same'],
      ['same', undefined],
    ]);
  });

  it.each([
    [{}, /stages: expected a list/],
    [{ stages: [] }, /stages: expected a list/],
    [{ stages: [{}] }, /stages\[0\]: expected one stage/],
    [{ stages: [{ pii: 3 }] }, /stages\[0\].pii: expected options/],
    [{ stages: ['pii'], format: 'csv' }, /format: expected jsonl/],
    [{ stage: ['pii'] }, /stage: expected one of/],
    ['stages', /expected a recipe/],
  ])('is refused with the field at fault: %j', (parsed, message) => {
    expect(() => readPipelineRecipe(parsed, 'r.yaml')).toThrow(message);
  });
});

describe('the report', () => {
  const tallies: Tally[] = [
    { ...emptyTally('reader'), read: 3, kept: 3 },
    {
      ...emptyTally('<stage>'),
      read: 3,
      removed: { odd: 3 },
      samples: { kept: [], removed: { odd: [{ id: '<b>', text: '<script>', hash: 1 }] } },
    },
  ];
  const part = { phase: 0, tallies, numRepaired: 1, numRepeatedIds: 2, numCheckedIds: 3, seconds: 1 };
  const recipe = readPipelineRecipe({ name: 'r', stages: ['pii'] }, 'r.yaml');
  const run = { files: ['f'], world: 2, version: '1', unicode: '15' };
  const report = reportOf(
    recipe,
    [
      { ...part, rank: 0 },
      { ...part, rank: 1 },
    ],
    run,
  );

  it('adds ranks up and says what a reader must not miss', () => {
    expect(report).toMatchObject({ read: 6, kept: 0, numRepeatedIds: 4 });
    const text = reportMarkdown(report);
    expect(text).toContain('<stage> kept none of 6 documents');
    expect(text).toContain('4 ids came before, among the 6');
    expect(text).toContain('| <stage> | odd | 6 | 100.0 % |');
  });

  it('as a page lets no text of a document be markup', () => {
    const page = reportHtml(report);
    expect(page).not.toMatch(/<script|<stage>|<b><b>/);
    expect(page).toContain('&#60;script&#62;');
  });
});
