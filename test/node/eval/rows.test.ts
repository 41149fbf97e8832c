import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { choicesOf } from '../../../src/eval/rows.ts';
import { FolderRows, HubRows, parquetRecords } from '../../../src/node/eval/rows.ts';
import { goldenBytes } from '../../support/goldens.ts';

const folder = mkdtempSync(join(tmpdir(), 'eval-rows-'));

describe('FolderRows', () => {
  const rowsOf = (file: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, file), content);
    return new FolderRows(folder).rows({ file });
  };

  it('reads JSON lines, gzip, lists and plain text', async () => {
    expect((await rowsOf('a.jsonl', '{"x":"1"}\n\n{"x":"2"}\n'))[1].text('x')).toBe('2');
    expect((await rowsOf('a.jsonl.gz', gzipSync('{"x":"3"}')))[0].text('x')).toBe('3');
    expect((await rowsOf('a.json', '{"examples":[{"x":"4"}]}'))[0].text('x')).toBe('4');
    expect((await rowsOf('a.txt', 'one\ntwo'))[1].text('line')).toBe('two');
  });

  it.each([
    ['b.jsonl', '{"x":1}\n{"x":', 'b.jsonl, line 2: expected JSON'],
    ['b.jsonl', '{"x":1}\n[2]\n', 'b.jsonl, line 2: expected an object (byte 8)'],
    ['b.jsonl', '\n', 'b.jsonl: expected at least one row, got none'],
    ['b.json', '{"rows":[]}', 'b.json: expected a list of examples'],
    ['b.jsonl.gz', 'plain', 'b.jsonl.gz: expected UTF-8 text: incorrect header check'],
    ['b.jsonl', Uint8Array.of(0xff, 0xfe), 'b.jsonl: expected UTF-8 text'],
  ])('refuses %s with %j', async (file, content, message) => {
    await expect(rowsOf(file, content)).rejects.toThrow(message);
  });

  it('names the row and the field that a task misses, and the folder of a missing file', async () => {
    const [row] = await rowsOf('c.jsonl', '{"choices":["a"],"gold":3,"goal":7}');
    expect(() => row.text('goal')).toThrow('c.jsonl, row 0: goal: expected a text, got 7');
    expect(() => choicesOf(row)).toThrow('c.jsonl, row 0: gold: expected a whole number from 0 to 0, got 3');
    await expect(new FolderRows(folder).rows({ file: 'd.jsonl' })).rejects.toThrow(
      `d.jsonl: expected in ${folder}, not found; check --data`,
    );
  });
});

describe('HubRows', () => {
  const parquet = goldenBytes('eval/arc-two-rows.parquet');
  const sha256 = createHash('sha256').update(parquet).digest('hex');
  const dataset = { file: 'x.jsonl', hub: { repo: 'own/arc', config: 'ARC-Easy', split: 'test' } };
  const requests: string[] = [];
  let server: Server;
  let sent: Uint8Array = parquet;
  let env: Record<string, string>;

  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push(request.url!);
      const path = 'ARC-Easy/test/0000.parquet';
      if (request.url!.startsWith('/api/datasets/own/arc/tree/')) {
        const size = parquet.length;
        const entry = {
          type: 'file',
          path,
          size,
          oid: '0'.repeat(40),
          lfs: { oid: sha256, size, pointerSize: 9 },
        };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify([entry]));
      } else if (request.url!.includes(`/datasets/own/arc/resolve/`)) {
        response.writeHead(200, { 'content-length': sent.length }).end(sent);
      } else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    env = { HF_ENDPOINT: endpoint, HF_HUB_CACHE: join(folder, 'cache') };
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  const files = () => join(folder, 'cache', 'smollm2-eval', 'own', 'arc', 'ARC-Easy', 'test');

  it('refuses a file without the promised hash, and keeps nothing of it', { tags: ['slow'] }, async () => {
    sent = Uint8Array.from(parquet, (byte, i) => (i === 40 ? byte ^ 1 : byte));
    await expect(new HubRows({ env }).rows(dataset)).rejects.toThrow(/sha256|hash/);
    expect(readdirSync(files())).toEqual(['files.json']);
  });

  it('reads the two rows of a parquet file, fetched once', { tags: ['slow'] }, async () => {
    sent = parquet;
    const rows = await new HubRows({ env }).rows(dataset);
    expect(rows.map((row) => choicesOf(row))).toEqual([
      { choices: ['a', 'b'], gold: 1 },
      { choices: ['c', 'd', 'é'], gold: 2 },
    ]);
    expect(rows[1].index0('n', 2 ** 41)).toBe(2 ** 40);
    expect(readdirSync(files()).sort()).toEqual([`${sha256}.parquet`, 'files.json'].sort());
    requests.length = 0;
    await new HubRows({ env }).rows(dataset);
    expect(requests.filter((url) => url.includes('/resolve/'))).toEqual([]);
  });

  it('uses what was fetched earlier when the hub cannot be reached, unless it was changed since', {
    tags: ['slow'],
  }, async () => {
    const notes: string[] = [];
    const offline = { ...env, HF_ENDPOINT: 'http://127.0.0.1:9' };
    const rows = await new HubRows({ env: offline, onNote: (text) => notes.push(text) }).rows(dataset);
    expect(rows).toHaveLength(2);
    expect(notes.join()).toMatch(/the rows fetched earlier are used$/);
    writeFileSync(join(files(), `${sha256}.parquet`), 'changed');
    await expect(new HubRows({ env: offline }).rows(dataset)).rejects.toThrow();
    writeFileSync(join(files(), 'files.json'), '[{"path":"../../x","sha256":"../../../etc"}]');
    await expect(new HubRows({ env: offline }).rows(dataset)).rejects.toThrow('use --data with local files');
  });

  it('stops a decoder that does not come to an end, and refuses what is no parquet', {
    tags: ['slow'],
  }, async () => {
    const path = join(folder, 'some.parquet');
    writeFileSync(path, parquet);
    await expect(parquetRecords(path, 0)).rejects.toThrow(/not decoded within 0 s/);
    writeFileSync(path, parquet.subarray(0, 100));
    await expect(parquetRecords(path)).rejects.toThrow(/some\.parquet: expected a parquet file/);
  });

  it('says what is missing: the split, the network, a place on the hub', async () => {
    const other = { file: 'x', hub: { repo: 'own/none', config: 'c', split: 's' } };
    await expect(new HubRows({ env }).rows(other)).rejects.toThrow(/^own\/none c\/s on http.*use --data/);
    const nowhere = { HF_ENDPOINT: 'http://127.0.0.1:9', HF_HUB_CACHE: join(folder, 'empty') };
    await expect(new HubRows({ env: nowhere }).rows(dataset)).rejects.toThrow(
      /^own\/arc ARC-Easy\/test on http:\/\/127\.0\.0\.1:9: .*use --data with local files$/,
    );
    await expect(new HubRows({ env }).rows({ file: 'l.jsonl' })).rejects.toThrow('it is not on the hub');
  });
});
