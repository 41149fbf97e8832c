// Time grows with the text and not with its square: time(2n) / time(n) is 2 for a linear scan, 4 for a
// square. 3.3 lies between them. Processor time is taken; a ratio that is over is measured again.

import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { goldenJson } from '../support/goldens.ts';
import { ggufSource } from '../support/tokenizers.ts';

const { llama3, qwen2 } = goldenJson('tokenizer/families.json').families;
const smollm2 = Tokenizer.from(ggufSource);

const MAX_RATIO = 3.3;

const units = {
  'one letter': 'a',
  spaces: ' ',
  newlines: '\n',
  'spaces and newlines': ' \n',
  digits: '7',
  'letters and full stops': 'a.',
  'punctuation without end': '!',
  'combining marks': '\u0301',
  emoji: '😀',
  'emoji joined by U+200D': '👨\u200d',
  'lone surrogates': '\ud83d',
  'an unassigned plane': '\u{50000}',
  apostrophes: "'",
  'the beginning of a special token': '<|im_',
};

/** Processor time, which other work on the machine does not lengthen. */
function encodeMs(tokenizer: Tokenizer, text: string): number {
  const start = process.cpuUsage();
  tokenizer.encode(text);
  return process.cpuUsage(start).user / 1000;
}

/** Times of half of `numBytes` and of all of it, in ms: the first attempt whose ratio is in order, or the last of eight. */
function twoTimes(tokenizer: Tokenizer, unit: string, numBytes: number): [number, number] {
  const whole = unit.repeat(numBytes / new TextEncoder().encode(unit).length);
  const half = whole.slice(0, whole.length / 2);
  let times: [number, number] = [0, 0];
  for (let attempt = 0; attempt < 8; attempt++) {
    times = [encodeMs(tokenizer, half), encodeMs(tokenizer, whole)];
    if (times[1] < Math.min(2000, MAX_RATIO * times[0])) break;
  }
  return times;
}

describe('encode of SmolLM2', () => {
  it.each(Object.entries(units))('takes under 2 s for 1 MB of %s, and in proportion for half', (_, unit) => {
    const [halfMs, wholeMs] = twoTimes(smollm2, unit, 2 ** 20);
    expect(wholeMs).toBeLessThan(2000);
    expect(wholeMs / halfMs).toBeLessThan(MAX_RATIO);
  });
});

describe.each(Object.entries({ llama3, qwen2 }))('encode of the kind of %s', (name, { tokenizer: json }) => {
  const tokenizer = Tokenizer.from({ kind: 'json', tokenizer: json, file: name });
  it.each(Object.entries(units))('takes time in proportion to the text: 128 and 256 KB of %s', (_, unit) => {
    const [halfMs, wholeMs] = twoTimes(tokenizer, unit, 2 ** 18);
    expect(wholeMs / halfMs).toBeLessThan(MAX_RATIO);
  });
});
