// What another text leaves in the stream, put into the nano model's pass: after the last layer, at the last token, its
// answer is the other text's.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load } from 'smollm2';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { makePicture } = await import(`${root}docs/demo/src/engine/pictures.ts`);
const { isEdit } = await import(`${root}docs/demo/src/engine/edits.ts`);

const PROMPT = 'ROMEO. What light';
const OTHER = 'My lord, the king: where, pray?';

let smol;
beforeAll(async () => {
  smol = await load(new Uint8Array(readFileSync(`${root}models/nano.gguf`)), { threads: 1 });
});
afterAll(() => smol?.close());

async function next(prompt, edits = []) {
  const subject = { model: 'nano', prompt, chat: false, answer: [], edits };
  const picture = await makePicture('tokens', smol, subject, {});
  return { last: picture.ids.length - 1, chances: picture.next };
}

it('a stream that is put in after the last layer answers as its own text does', async () => {
  const { last, chances: before } = await next(PROMPT);
  const { chances: other } = await next(OTHER);
  const edit = `put:3:${last}=${encodeURIComponent(OTHER)}`;
  expect(isEdit(edit)).toBe(true);
  const { chances: after } = await next(PROMPT, [edit]);
  expect(after.at(-1)).toEqual(other.at(-1));
  // The tokens before it are as they were.
  expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
});

it('a difference that is added once leads from one text to the other', async () => {
  const { chances: other } = await next(OTHER);
  const texts = [OTHER, PROMPT].map(encodeURIComponent).join(':');
  const { chances: after } = await next(PROMPT, [`add:3*1=${texts}`]);
  const { chances: twice } = await next(PROMPT, [`add:3*2=${texts}`]);
  expect(after.at(-1).map(({ id }) => id)).toEqual(other.at(-1).map(({ id }) => id));
  // a + (b − a) is b to float32's last digits: 2^-23 of a logit's summands, with room for eight of them.
  for (const [n, { p }] of after.at(-1).entries())
    expect(Math.abs(p - other.at(-1)[n].p)).toBeLessThan(8 * 2 ** -23 * 30);
  expect(twice.at(-1)).not.toEqual(after.at(-1));
});

it('takes no edit whose text is not one', () => {
  for (const wrong of ['put:3:1=', 'put:3:1=%E0%A4', 'add:1*2=a', 'add:1*x=a:b', 'put:3:1=a b'])
    expect(isEdit(wrong), wrong).toBe(false);
});
