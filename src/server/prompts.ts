// Texts or ids, one or several: `prompt` of completions and `input` of embeddings.

import type { SmolLM2 } from '../smollm2.ts';
import { wrongValue } from './errors.ts';
import type { Fields } from './fields.ts';
import { LIMITS } from './limits.ts';

/**
 * The ids of each prompt.
 *
 * @throws RequestError for none, an empty one, an id outside the vocabulary, or too many
 */
export function readPrompts({ tokenizer }: SmolLM2, fields: Fields, name: string, max: number): number[][] {
  const raw = fields.raw(name);
  const expected = 'a text, a list of texts, ids or lists of ids';
  if (raw === undefined) throw fields.wrong(name, expected);
  const isOne = typeof raw === 'string' || (Array.isArray(raw) && typeof raw[0] === 'number');
  const prompts = isOne ? [raw] : fields.list(name, max);
  if (!prompts || prompts.length === 0) throw fields.wrong(name, expected);
  const length = prompts.reduce<number>((sum, one) => sum + ((one as { length?: number })?.length ?? 0), 0);
  if (length > LIMITS.contentLength) {
    throw wrongValue(name, `expected at most ${LIMITS.contentLength} characters in all, got ${length}`);
  }
  return prompts.map((one, i) => {
    const at = isOne ? fields.at(name) : `${fields.at(name)}[${i}]`;
    const ids = typeof one === 'string' ? tokenizer.encode(one) : checkIds(one, at, tokenizer.vocabSize);
    if (ids.length === 0) throw wrongValue(at, 'expected a text of at least one token, got none');
    return ids;
  });
}

/** @throws RequestError for anything but a list of ids of the vocabulary */
export function checkIds(value: unknown, at: string, vocabSize: number): number[] {
  if (!Array.isArray(value)) throw wrongValue(at, `expected a text or a list of ids, got ${typeof value}`);
  const wrong = value.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (wrong < 0) return value as number[];
  throw wrongValue(`${at}[${wrong}]`, `expected an id from 0 to ${vocabSize - 1}`);
}
