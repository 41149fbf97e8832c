// Tokens come with the delta that shows their text.

import { expect, it } from 'vitest';
import { TokenLog } from '../../src/server/token-log.ts';
import { StreamDecoder } from '../../src/tokenizer/stream-decoder.ts';

it('gives tokens of a half character out with the character', () => {
  const bytes = [...new TextEncoder().encode('a🤣b')];
  const decoder = () => new StreamDecoder((id) => Uint8Array.of(id));
  const log = new TokenLog({ decoder, isSpecial: () => false } as never);
  const shown = decoder();
  const token = (id: number) => ({ id, text: shown.push(id), ms: 0 });
  const given = bytes.map((id) => log.push(token(id) as never).map((one) => one.id));
  expect(given).toEqual([[0x61], [], [], [], [0xf0, 0x9f, 0xa4, 0xa3], [0x62]]);
});
