import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormatError } from '../../../src/base/errors.ts';
import { decodedBlock } from '../../../src/node/curate/block-bytes.ts';
import { readBlocks } from '../../../src/node/curate/read-blocks.ts';
import { runRank } from '../../../src/node/curate/run.ts';
import { runCli } from '../../support/run-cli.ts';

let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-hostile-'));
  writeFileSync(join(folder, 'r.yaml'), 'format: jsonl\nstages: [fineweb-quality, pii]\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A run over one file; its report and where its output lies. */
async function run(name: string, bytes: Uint8Array | string) {
  const out = join(folder, `out${count++}`);
  writeFileSync(join(folder, name), bytes);
  const options = { recipePath: join(folder, 'r.yaml'), inputs: [join(folder, name)], folder: out };
  const { report } = await runRank({
    ...options,
    rank: 0,
    world: 1,
    threads: 1,
    limit: Number.POSITIVE_INFINITY,
  });
  return { report: report!, out };
}
const good = JSON.stringify({
  id: 'good',
  text: 'A plain line of text that ends as a sentence should, with a mark.',
});

async function rowsOf(name: string, bytes: Uint8Array): Promise<unknown[]> {
  writeFileSync(join(folder, name), bytes);
  const rows: unknown[] = [];
  for await (const block of readBlocks(join(folder, name), Number.POSITIVE_INFINITY, { bytes: 0 }))
    rows.push(...decodedBlock(block).rows);
  return rows;
}

describe('hostile input', () => {
  it('a text of 50 MB on one line is removed by its length, and what follows is read', async () => {
    const long = `{"id":"long","text":"${'word. '.repeat(8_500_000)}"}`;
    const { report, out } = await run('long.jsonl', `${long}\n${good}\n`);
    expect(report).toMatchObject({ read: 2, kept: 1 });
    expect(report.tallies[0].removed).toEqual({ too_long_text: 1 });
    expect(readFileSync(join(out, 'output/00000.jsonl'), 'utf8')).toContain('"good"');
  });

  it('a line beyond 64 MB is counted and not kept in memory', async () => {
    const { report } = await run('longer.jsonl', `${'x'.repeat(65 * 2 ** 20)}\n${good}\n`);
    expect(report.tallies[0].removed).toEqual({ too_long_line: 1 });
    expect(report.kept).toBe(1);
  });

  it('bytes that are no UTF-8 become U+FFFD and are counted', async () => {
    const bytes = Buffer.from(good.replace('plain', 'pl\xff\xfein'), 'latin1');
    const { report, out } = await run('latin1.jsonl', bytes);
    expect(report).toMatchObject({ read: 1, kept: 1, numRepaired: 1 });
    expect(readFileSync(join(out, 'output/00000.jsonl'), 'utf8')).toContain('pl\ufffd\ufffdin');
  });

  it('malformed lines are removed with their text, in place', async () => {
    const { report, out } = await run('bad.jsonl', `\ufeff${good}\n{"id": 1\n\n[1]\n{"text": 5}\n${good}`);
    expect(report).toMatchObject({ read: 6, kept: 2, numRepeatedIds: 1 });
    const removed = gunzipSync(readFileSync(join(out, 'removed/0_reader/00000.jsonl.gz'))).toString();
    expect(JSON.parse(removed.split('\n')[0])).toMatchObject({
      text: '{"id": 1',
      metadata: { filter_reason: 'bad_line' },
    });
  });

  it('an empty file holds no documents, and the report says so', async () => {
    for (const name of ['empty.jsonl', 'empty.jsonl.gz']) {
      const { report } = await run(name, '');
      expect(report).toMatchObject({ read: 0, kept: 0 });
    }
    const args = [
      'curate',
      join(folder, 'r.yaml'),
      '--in',
      join(folder, 'empty.jsonl'),
      '--out',
      join(folder, 'e'),
    ];
    expect((await runCli(args)).stderr).toContain('the input held no documents');
  });

  it.each([
    ['truncated gzip', 'cut.jsonl.gz', () => gzipSync(`${good}\n`.repeat(5000)).subarray(0, -20)],
    [
      'broken gzip',
      'broken.jsonl.gz',
      () => Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(99, 7)]),
    ],
    ['truncated zstd', 'cut.jsonl.zst', () => Buffer.from('28b52ffd0458', 'hex')],
    ['no parquet', 'no.parquet', () => Buffer.from('PAR1 but not really PAR1')],
    ['no WARC', 'no.warc', () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['truncated WARC', 'cut.warc', () => Buffer.from('WARC/1.0\r\nContent-Length: 99\r\n\r\nabc')],
  ])('%s is a FormatError that names the file', async (_, name, bytes) => {
    const failed = rowsOf(name, bytes());
    await expect(failed).rejects.toThrow(FormatError);
    await expect(failed).rejects.toThrow(name);
  });

  it('a run that fails leaves no marker, and no output under its name', async () => {
    writeFileSync(join(folder, 'cut2.jsonl.gz'), gzipSync(`${good}\n`.repeat(5000)).subarray(0, -20));
    const out = join(folder, 'failed');
    const args = ['curate', join(folder, 'r.yaml'), '--in', join(folder, 'cut2.jsonl.gz'), '--out', out];
    const { code, stderr } = await runCli(args);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/cut2.*expected whole gzip members/),
    });
    expect(() => readFileSync(join(out, 'output/00000.jsonl'))).toThrow();
    expect(() => readFileSync(join(out, 'completions/0_00000'))).toThrow();
  });

  it.each(['in.jsonl', 'in.jsonl/below', '/proc/none/below'])(
    'a place that can be no folder is refused: %s',
    async (place) => {
      writeFileSync(join(folder, 'in.jsonl'), good);
      const out = place.startsWith('/') ? place : join(folder, place);
      const args = ['curate', join(folder, 'r.yaml'), '--in', join(folder, 'in.jsonl'), '--out', out];
      const { code, stderr } = await runCli(args);
      expect(code).toBe(1);
      expect(stderr).toContain(': expected a place to write to, got ');
    },
  );

  it('gzip members one after the other are one stream', async () => {
    const rows = await rowsOf('members.jsonl.gz', Buffer.concat([gzipSync(`${good}\n`), gzipSync(good)]));
    expect(rows).toEqual([good, good]);
  });
});

describe('WARC', () => {
  it('gives pages of responses in their charset and texts of conversions, with their addresses', async () => {
    const http = Buffer.from(
      'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>caf\xe9',
      'latin1',
    );
    const record = (type: string, body: Buffer) =>
      Buffer.concat([
        Buffer.from(
          `WARC/1.0\r\nWARC-Type: ${type}\r\nWARC-Record-ID: <urn:uuid:${type}>\r\nWARC-Target-URI: https://x.org/${type}\r\n` +
            `WARC-Date: 2026-01-01T00:00:00Z\r\nContent-Length: ${body.length}\r\n\r\n`,
        ),
        body,
        Buffer.from('\r\n\r\n'),
      ]);
    const parts = [
      record('warcinfo', Buffer.from('software: x')),
      record('response', http),
      record('conversion', Buffer.from('plain ✓')),
    ];
    const rows = await rowsOf('pages.warc.gz', Buffer.concat(parts.map((part) => gzipSync(part))));
    expect(rows).toMatchObject([
      { id: 'urn:uuid:response', text: '<p>café', url: 'https://x.org/response' },
      { id: 'urn:uuid:conversion', text: 'plain ✓', date: '2026-01-01T00:00:00Z' },
    ]);
  });
});
