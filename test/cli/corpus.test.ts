import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenFolder } from '../../src/node/train/token-folder.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { PackedWindows } from '../../src/train/packed-windows.ts';
import { encodeTokens, readTokens } from '../../src/train/token-shard.ts';
import { runCli } from '../support/run-cli.ts';

let folder: string;
const at = (name: string) => join(folder, name);
const texts = Array.from({ length: 40 }, (_, i) => `Tale ${i}: a king had ${i + 2} daughters, and a well.\n`);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-corpus-'));
  writeFileSync(at('tales.txt'), texts.join('\0'));
  writeFileSync(at('tales.jsonl'), texts.map((text) => `${JSON.stringify({ text })}\n`).join('\n'));
  writeFileSync(at('tales.jsonl.gz'), gzipSync(readFileSync(at('tales.jsonl'))));
  const args = ['--vocab-size', '300', '--min-frequency', '2', '--out', at('tokenizer.json')];
  const { code, stderr } = await runCli(['train-tokenizer', at('tales.txt'), '--separator', '\\0', ...args]);
  expect(`${code} ${stderr}`).toContain('285 tokens, 26 merges');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function tokenize(out: string, ...args: string[]) {
  return runCli(['tokenize-corpus', ...args, '--tokenizer', at('tokenizer.json'), '--out', at(out)]);
}

function tokenizer(): Tokenizer {
  const json = JSON.parse(readFileSync(at('tokenizer.json'), 'utf8'));
  return Tokenizer.from({ kind: 'json', tokenizer: json, file: 'tokenizer.json' });
}

describe('smollm2 tokenize-corpus', () => {
  it('writes the same shards from JSONL, gzip and a text with separators', { tags: ['slow'] }, async () => {
    const { code, stdout } = await tokenize('a', at('tales.jsonl'), '--json');
    expect(code).toBe(0);
    const said = JSON.parse(stdout);
    expect(said).toMatchObject({ documents: 40, shards: 1, text_bytes: texts.join('').length });
    await tokenize('b', at('tales.jsonl.gz'));
    await tokenize('c', at('tales.txt'), '--separator', '\\0');
    const ids = texts.flatMap((text) => [...tokenizer().encode(text), 0]);
    expect(said.tokens).toBe(ids.length);
    for (const name of ['a', 'b', 'c']) {
      const opened = await openTokenFolder(at(name), { vocabSize: 285 });
      const [shard] = opened.shards;
      expect([...(await readTokens(shard, 0, shard.numTokens, 285))]).toEqual(ids);
      await opened.close();
    }
    expect(readFileSync(at('a/tokens-00000.ds.metadata'), 'utf8').split('\n').slice(0, 2)).toEqual([
      `${at('tokenizer.json')}|2`,
      String(ids.length),
    ]);
  });

  it('reads ids of the size that a recipe says, and refuses it where the shard says another', async () => {
    await tokenize('sized', at('tales.jsonl'));
    await expect(openTokenFolder(at('sized'), { vocabSize: 285, tokenBytes: 4 })).rejects.toThrow(
      /tokens-00000\.ds: expected ids of 4 bytes \(token_size_in_bytes\), got 2/,
    );
    mkdirSync(at('wide'));
    writeFileSync(at('wide/a.ds'), encodeTokens([7, 8, 9], 4));
    const { shards, close } = await openTokenFolder(at('wide'), { vocabSize: 285, tokenBytes: 4 });
    expect([...(await readTokens(shards[0], 0, 3, 285))]).toEqual([7, 8, 9]);
    await close();
  });

  it('reads a column of parquet, and names the columns when it is not there', async () => {
    const parquet = fileURLToPath(new URL('../golden/eval/arc-two-rows.parquet', import.meta.url));
    const { stderr } = await tokenize('parquet', parquet);
    expect(stderr).toContain(
      'text: expected such a column, got question, choices, answerKey, n; use --column',
    );
    const { stdout } = await tokenize('parquet', parquet, '--column', 'question', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ documents: 2 });
  });

  it('cuts shards at whole documents, and rows are read across them', { tags: ['slow'] }, async () => {
    await tokenize('many', at('tales.jsonl'), '--shard-tokens', '200', '--name', 'tales');
    const names = readdirSync(at('many')).filter((name) => name.endsWith('.ds'));
    expect(names.length).toBeGreaterThan(3);
    expect(names[0]).toBe('tales-00000.ds');
    const opened = await openTokenFolder(at('many'), { vocabSize: 285 });
    const parts = [{ folder: opened, weight: 1 }];
    const windows = new PackedWindows({
      parts,
      sequenceLength: 32,
      vocabSize: 285,
      order: 'nanotron',
      seed: 8,
    });
    const row = await windows.row(windows.rowsPerEpoch - 1);
    expect(row.ids).toHaveLength(32);
    expect(row.labels.slice(0, -1)).toEqual(row.ids.slice(1));
    await opened.close();
  });

  it('what looks like a special token in a document stays text', async () => {
    writeFileSync(at('trick.txt'), 'a<|endoftext|>b');
    await tokenize('trick', at('trick.txt'));
    const opened = await openTokenFolder(at('trick'), { vocabSize: 285 });
    const ids = [...(await readTokens(opened.shards[0], 0, opened.shards[0].numTokens, 285))];
    expect(ids.filter((id) => id === 0)).toHaveLength(1);
    await opened.close();
  });

  it.each([
    ['line 2: expected JSON', 'bad.jsonl', '{"text":"a"}\n{"text":\n'],
    [
      'line 1: expected a text under "text", got undefined; --column names another',
      'bad.jsonl',
      '{"t":"a"}\n',
    ],
    ['line 1: expected a text under "text", got number', 'bad.jsonl', '{"text":1}'],
    ['expected text in UTF-8', 'bad.txt', Buffer.of(0x61, 0xff)],
    ['expected a parquet file', 'bad.parquet', 'PAR1nothing'],
    ['expected at least one document that is not empty', 'bad.txt', ''],
  ])('refuses with %s', async (message, name, content) => {
    writeFileSync(at(name), content);
    const { code, stderr } = await tokenize(`bad-${Math.random()}`, at(name));
    expect(stderr).toContain(message);
    expect(code).toBe(1);
  });

  it('refuses a folder that has shards already, and leaves nothing half done', async () => {
    await tokenize('twice', at('tales.jsonl'));
    const { code, stderr } = await tokenize('twice', at('tales.jsonl'));
    expect(code).toBe(1);
    expect(stderr).toContain('expected a folder without shards, got tokens-00000.ds');
    writeFileSync(at('half.jsonl'), '{"text":"a"}\n{"te');
    await tokenize('half', at('half.jsonl'));
    expect(readdirSync(at('half'))).toEqual([]);
  });
});

describe('a token folder', () => {
  it('is refused when a shard was cut off or changed', async () => {
    await tokenize('changed', at('tales.jsonl'));
    const path = at('changed/tokens-00000.ds');
    const bytes = readFileSync(path);
    bytes[100] ^= 1;
    writeFileSync(path, bytes);
    await expect(openTokenFolder(at('changed'), { vocabSize: 285 })).rejects.toThrow(
      /tokens-00000.ds: expected sha256 .* the shard has changed since it was written/,
    );
    truncateSync(path, bytes.length - 2);
    await expect(openTokenFolder(at('changed'), { vocabSize: 285 })).rejects.toThrow(/was it cut off\?/);
  });

  it('of another program is read without a record, and says so', async () => {
    await tokenize('foreign', at('tales.jsonl'));
    rmSync(at('foreign/tokens-00000.ds.header.json'));
    const notes: string[] = [];
    const opened = await openTokenFolder(at('foreign'), {
      vocabSize: 285,
      onNote: (text) => notes.push(text),
    });
    expect(opened.shards[0].header).toBeUndefined();
    expect(notes).toHaveLength(1);
    await opened.close();
  });

  it('of a larger vocabulary is refused', async () => {
    await tokenize('large', at('tales.jsonl'));
    await expect(openTokenFolder(at('large'), { vocabSize: 284 })).rejects.toThrow(
      'expected a vocabulary of 284, got 285',
    );
    await expect(openTokenFolder(at('nowhere'), { vocabSize: 284 })).rejects.toThrow(
      'folder of token shards',
    );
  });
});

describe('smollm2 train-tokenizer', () => {
  it('makes the folder of its output, and a tokenizer that is not there is named', async () => {
    const out = at('new/folder/tokenizer.json');
    const { code } = await runCli(['train-tokenizer', at('tales.txt'), '--vocab-size', '260', '--out', out]);
    expect(code).toBe(0);
    const tokenizer = at('none.json');
    const { stderr } = await runCli([
      'tokenize-corpus',
      at('tales.txt'),
      '--tokenizer',
      tokenizer,
      '--out',
      at('y'),
    ]);
    expect(stderr).toContain(`smollm2: ${tokenizer}: expected a file that can be read, got ENOENT`);
  });

  it.each([
    [['--out', 'x.json'], '--vocab-size: expected a number of tokens, got none'],
    [['--vocab-size', '300'], '--out: expected a file name, got none'],
    [['--vocab-size', '100', '--out', 'x.json'], 'expected 259 (3 specials and the bytes)'],
    [['--vocab-size', '300', '--special', 'a,a', '--out', 'x.json'], 'expected different texts, got a, a'],
  ])('refuses %j, before anything is read', async (args, message) => {
    const { code, stderr } = await runCli(['train-tokenizer', at('absent.txt'), ...args]);
    expect(stderr).toContain(message);
    expect(code).toBeGreaterThan(0);
  });
});
