import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WrittenBlock } from '../../../src/node/curate/block-bytes.ts';
import { globPattern, inputFiles } from '../../../src/node/curate/input-files.ts';
import { RankOutputs } from '../../../src/node/curate/outputs.ts';
import { runRank } from '../../../src/node/curate/run.ts';
import { ended, runCli, startCli } from '../../support/run-cli.ts';

let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-curate-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A recipe module with a stage of its own that groups: documents with the same first word. */
const RECIPE = `
const firstWord = {
  name: 'first-word', grouping: 'cluster', keys: (doc) => [doc.text.split(' ')[0]],
  decide: (doc, isTaken) => isTaken(doc.text.split(' ')[0]) ? { removed: 'same_first_word' } : doc,
};
export default { name: 'test', description: 'of a test', stages: ['symbol-lines', firstWord, 'pii'] };
`;
const documents = Array.from({ length: 700 }, (_, i) => ({
  id: `doc-${String((i * 331) % 700).padStart(3, '0')}`,
  text: `w${(i * i) % 97} of ${i}\n---\nand me@example.net`,
  metadata: { i },
}));
const lines = (docs: unknown[]) => docs.map((doc) => `${JSON.stringify(doc)}\n`).join('');

function newFolder(): string {
  const path = join(folder, String(count++));
  mkdirSync(path);
  return path;
}

/** Five files of documents and the recipe. */
function setUp(): { path: string; recipePath: string; inputs: string[] } {
  const path = newFolder();
  mkdirSync(join(path, 'in'));
  for (let f = 0; f < 5; f++) {
    const part = documents.filter((_, i) => i % 5 === f);
    const bytes = f % 2 === 0 ? gzipSync(lines(part)) : lines(part);
    writeFileSync(join(path, 'in', `part-${f}.jsonl${f % 2 === 0 ? '.gz' : ''}`), bytes);
  }
  writeFileSync(join(path, 'recipe.mjs'), RECIPE);
  return { path, recipePath: join(path, 'recipe.mjs'), inputs: [join(path, 'in')] };
}

function rowsIn(path: string): Record<string, unknown>[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.jsonl.gz'))
    .flatMap((file) =>
      gunzipSync(readFileSync(join(path, file)))
        .toString()
        .trimEnd()
        .split('\n'),
    )
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

const one = { rank: 0, world: 1, threads: 1, limit: Number.POSITIVE_INFINITY };

describe('a run', () => {
  it('keeps, removes and reports every document once, and spares the smallest id of a group', {
    tags: ['slow'],
  }, async () => {
    const { path, recipePath, inputs } = setUp();
    const { report } = await runRank({ ...one, recipePath, inputs, folder: join(path, 'out') });
    const [kept, removed] = [rowsIn(join(path, 'out/output')), rowsIn(join(path, 'out/removed'))];
    expect(report).toMatchObject({ read: 700, kept: kept.length });
    expect(kept.length + removed.length).toBe(700);
    const word = (text: unknown) => String(text).split(' ')[0];
    expect(new Set(kept.map(({ text }) => word(text))).size).toBe(kept.length);
    for (const { id, text } of kept) {
      const group = documents.filter((doc) => word(doc.text) === word(text)).map((doc) => doc.id);
      expect(id).toBe(group.sort()[0]);
      expect(text).toMatch(/^w\d+ of \d+\nand email@example\.com$/);
    }
    expect(removed[0].metadata).toMatchObject({ removed_by: 'first-word', filter_reason: 'same_first_word' });
    for (const file of ['report.json', 'report.md', 'report.html', 'README.md']) {
      expect(readFileSync(join(path, 'out', file), 'utf8')).toContain('first-word');
    }
    expect(existsSync(join(path, 'out/phases'))).toBe(false);
  });

  it('has the same output on four threads, and in four ranks of which one was killed and run again', {
    tags: ['slow'],
  }, async () => {
    const { path, recipePath, inputs } = setUp();
    await runRank({ ...one, recipePath, inputs, folder: join(path, 'one') });
    await runRank({ ...one, threads: 4, recipePath, inputs, folder: join(path, 'threads') });
    const expected = rowsIn(join(path, 'one/output'));
    expect(rowsIn(join(path, 'threads/output'))).toEqual(expected);
    expect(readFileSync(join(path, 'threads/output/00000.jsonl.gz'))).toEqual(
      readFileSync(join(path, 'one/output/00000.jsonl.gz')),
    );
    const out = join(path, 'ranks');
    const rank = (number: number) =>
      runRank({ ...one, recipePath, inputs, folder: out, rank: number, world: 4 });
    expect(await rank(0)).toMatchObject({ waitsFor: [1, 2, 3], phase: 1 });
    // A rank that was killed leaves files without their names, and no marker.
    const child = startCli([
      'curate',
      recipePath,
      '--in',
      inputs[0],
      '--out',
      out,
      '--rank',
      '2',
      '--world',
      '4',
    ]);
    const between = join(out, 'phases/0');
    const hasBegun = () =>
      existsSync(between) && readdirSync(between).some((name) => /^00002\.jsonl\..*\.partial$/.test(name));
    while (!hasBegun() && child.exitCode === null) await sleep(1);
    child.kill('SIGKILL');
    await ended(child);
    for (const number of [1, 3, 2, 0, 1, 2, 3]) await rank(number);
    expect((await rank(3)).report).toMatchObject({ read: 700, kept: expected.length, world: 4 });
    expect(rowsIn(join(out, 'output'))).toEqual(expected);
    expect(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')).tallies[0].read).toBe(700);
  });

  it('that two processes write at once is whole by the one that began later, and the other says so', async () => {
    for (const format of ['jsonl.gz', 'parquet']) {
      const path = newFolder();
      const later = path.concat('/later');
      const outputs = () => new RankOutputs(join(path, '00000'), format as 'parquet', undefined, () => later);
      const block = (id: string): WrittenBlock => ({
        numRows: 1,
        numRepaired: 0,
        kept: new TextEncoder().encode(`{"id":"${id}","text":"t"}\n`),
        removed: [],
        keys: new Uint8Array(),
        idHashes: new Uint32Array(),
      });
      const first = outputs();
      await first.write(block('first'));
      const second = outputs();
      await second.write(block('second'));
      await expect(first.close()).rejects.toThrow(/00000.*expected one process to write it/);
      await second.close();
      const bytes = readFileSync(join(path, `00000.${format}`));
      const text = format === 'parquet' ? bytes.toString('latin1') : gunzipSync(bytes).toString();
      expect(text).toContain('second');
      expect(text).not.toContain('first');
      expect(readdirSync(path)).toEqual([`00000.${format}`]);
    }
  });

  it('refuses a folder of another run, and a finished rank does nothing again', {
    tags: ['slow'],
  }, async () => {
    const { path, recipePath, inputs } = setUp();
    const run = { ...one, recipePath, inputs, folder: join(path, 'out') };
    await runRank(run);
    await expect(runRank({ ...run, limit: 3 })).rejects.toThrow(/out: expected a new folder/);
    expect((await runRank({ ...run })).report).toMatchObject({ read: 700 });
  });
});

describe('smollm2 curate RECIPE', () => {
  it('reads stdin, stops at --limit, writes parquet that keeps every value', { tags: ['slow'] }, async () => {
    const path = newFolder();
    writeFileSync(join(path, 'r.yaml'), 'format: parquet\nstages:\n  - pii: { removeIps: false }\n');
    const rows = [
      { id: 'a', text: 'x 8.8.8.8', metadata: { url: 'u', score: 1.5, nested: [1], mixed: 1 } },
      { id: 'b', text: 'y a@b.cd', metadata: { url: 'v', score: 2, mixed: 'two' } },
      { id: 'c', text: 'never read', metadata: {} },
    ];
    const out = join(path, 'out');
    const args = ['curate', join(path, 'r.yaml'), '--in', '-', '--out', out, '--limit', '2', '--json'];
    const { code, stdout } = await runCli(args, lines(rows));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ read: 2, kept: 2 });
    const file = await asyncBufferFromFile(join(out, 'output/00000.parquet'));
    expect(await parquetReadObjects({ file })).toEqual([
      { text: 'x 8.8.8.8', id: 'a', url: 'u', score: 1.5, metadata: '{"nested":[1],"mixed":1}' },
      { text: 'y email@example.com', id: 'b', url: 'v', score: 2, metadata: '{"mixed":"two"}' },
    ]);
    // And what it wrote, it reads.
    const again = await runCli([
      'curate',
      join(path, 'r.yaml'),
      '--in',
      `${out}/output/*.parquet`,
      '--out',
      join(path, 'again'),
    ]);
    expect(again.stdout).toContain('2 of 2 documents stay');
  });

  it('--dry-run says what would be done and writes nothing', async () => {
    const { path, recipePath, inputs } = setUp();
    const { code, stdout } = await runCli([
      'curate',
      recipePath,
      '--in',
      inputs[0],
      '--dry-run',
      '--world',
      '2',
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('rank 0 of 2 reads 3 of 5 files');
    expect(stdout).toContain('phase 1: read → symbol-lines → group for first-word');
    expect(readdirSync(path).sort()).toEqual(['in', 'recipe.mjs']);
  });

  it.each([
    [['--in', 'x'], /--out: expected a folder/],
    [[], /--in: expected files/],
    [['--in', '/nowhere/*.jsonl', '--out', '/tmp/never'], /nowhere.*expected a file, a folder or a glob/],
    [['--in', '-', '--out', 'x', '--rank', '2'], /--rank: expected less than --world 1/],
  ])('says what is missing: %j', async (args, message) => {
    const { recipePath } = setUp();
    const { code, stderr } = await runCli(['curate', recipePath, ...args]);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(message);
  });
});

describe('input files', () => {
  it('globs cross folders with ** only, and choose with brackets and braces', () => {
    expect(globPattern('a/*.jsonl').test('a/b/c.jsonl')).toBe(false);
    expect(globPattern('a/**/*.jsonl').test('a/b/c.jsonl')).toBe(true);
    expect(globPattern('a/**/*.jsonl').test('a/c.jsonl')).toBe(true);
    expect(globPattern('p-[0-3].{gz,zst}').test('p-2.zst')).toBe(true);
    expect(globPattern('p-[!0-3].gz').test('p-2.gz')).toBe(false);
    expect(globPattern('a+(b).gz').test('a+(b).gz')).toBe(true);
  });

  it('are sorted, each once', async () => {
    const { inputs } = setUp();
    const files = await inputFiles([`${inputs[0]}/*.gz`, inputs[0], `${inputs[0]}/part-1.jsonl`]);
    expect(files.map((file) => file.replace(/^.*\//, ''))).toEqual([
      'part-0.jsonl.gz',
      'part-1.jsonl',
      'part-2.jsonl.gz',
      'part-3.jsonl',
      'part-4.jsonl.gz',
    ]);
  });
});
