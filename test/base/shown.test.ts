import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { readBodyText } from '../../src/base/read-body.ts';
import { shown, withoutPassword } from '../../src/base/shown.ts';
import { readAblationRecipe } from '../../src/data/ablate/recipe.ts';
import { stageKind } from '../../src/data/create-stage.ts';
import { type MixRecipe, readMixRecipe } from '../../src/data/mixture/mix-recipe.ts';
import { documentOf } from '../../src/data/pipeline/document-line.ts';
import { decodeScorer } from '../../src/data/score/scorer-file.ts';
import { checkedOptions } from '../../src/data/stage.ts';
import { parseShardHeader } from '../../src/train/token-shard.ts';

describe('shown', () => {
  const deep = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000));
  it.each<[unknown, string]>([
    ['a', '"a"'],
    [1.5, '1.5'],
    [null, 'null'],
    [undefined, 'nothing'],
    [{ toString: 1 }, '{"toString":1}'],
    [deep, '[[[…]]]'],
    [Symbol('x'), 'a symbol'],
    [() => 1, 'a function'],
    ['\x1b[2J\x9b', '"\\u001b[2J\\u009b"'],
  ])('writes a value as a message can quote it', (value, text) => {
    expect(shown(value)).toBe(text);
  });

  it('is short whatever it is given', () => {
    for (const value of [
      'x'.repeat(1e6),
      Array(1e5).fill('y'.repeat(100)),
      { ['k'.repeat(1e5)]: 'v'.repeat(1e5) },
    ]) {
      expect(shown(value).length).toBeLessThanOrEqual(80);
    }
  });
});

describe('messages that quote foreign JSON', () => {
  const DEEP = '['.repeat(10_000) + ']'.repeat(10_000);
  const deep = JSON.parse(DEEP);
  const mix = { total: 1, sources: [{ rate: 1 }, { rate: 1 }], unit: 'tokens' } as unknown as MixRecipe;
  it.each<[string, (value: unknown) => unknown]>([
    ['a document', (value) => documentOf({ text: [value] }, 'place', 'id')],
    ['a row', (value) => documentOf(value, 'place', 'id')],
    ['an option of a stage', (value) => checkedOptions(stageKind('gopher-quality'), { minDocWords: value })],
    [
      'a mixture',
      (value) => readMixRecipe({ total: value, sources: { a: { path: 'a', rate: 1 } } }, 'mix.yaml'),
    ],
    ['an ablation', (value) => readAblationRecipe({ domains: { a: 'a' }, tokens: value }, mix, 'mix.yaml')],
    ['a shard of tokens', (value) => parseShardHeader({ tokens: value }, 'header.json')],
    [
      'a scorer',
      (value) =>
        decodeScorer(
          value === deep ? `{"format":${DEEP}}` : JSON.stringify({ format: value }),
          'scorer.json',
        ),
    ],
  ])('are one short line for %s, whatever it brings', (_, read) => {
    for (const value of [deep, '\x1b[2J\n', { toString: 1 }]) {
      let message = '';
      try {
        read(value);
      } catch (error) {
        expect((error as Error).stack).not.toMatch(/call stack/);
        message = (error as Error).message;
      }
      expect(message).toMatch(/expected .*, got /);
      expect(message.length).toBeLessThan(400);
      expect(message).not.toMatch(/\p{Cc}/u);
    }
  });
});

it('withoutPassword keeps the address and drops the secret', () => {
  expect(withoutPassword('https://me:secret@host/a?b=c')).toBe('https://me:…@host/a?b=c');
  expect(withoutPassword('https://host/a:b@c')).toBe('https://host/a:b@c');
});

describe('readBodyText', () => {
  it('reads an answer whole, characters across pieces too', async () => {
    const bytes = new TextEncoder().encode('ä€😀');
    const body = new ReadableStream({
      start(stream) {
        for (const byte of bytes) stream.enqueue(Uint8Array.of(byte));
        stream.close();
      },
    });
    expect(await readBodyText(new Response(body), 9, 'here')).toBe('ä€😀');
  });

  it('stops an answer without end at the limit', async () => {
    let pulled = 0;
    const body = new ReadableStream({
      pull(stream) {
        pulled++;
        stream.enqueue(new Uint8Array(1000));
      },
    });
    await expect(readBodyText(new Response(body), 10_000, 'here')).rejects.toThrow(FormatError);
    expect(pulled).toBeLessThan(20);
  });
});
