// The bits of the logits after each token as sha256; and the same with one bit of one weight flipped, on the nano model,
// whose file is small enough to be loaded twice.

import { load, type SmolLM2 } from 'smollm2';
import { hashed } from './hashed.ts';
import { nanoBytes } from './nano-file.ts';
import { idsOf } from './pictures.ts';
import type { BitsPicture, PictureParams, Subject } from './protocol.ts';

/** A byte in the middle of the file: two weights of four bits. Its lowest bit moves one of them by a step. */
const FLIPPED_BYTE = 500_010;

export async function bits(
  smol: SmolLM2,
  subject: Subject,
  { flip = false }: PictureParams,
): Promise<BitsPicture> {
  if (!flip) return hashed(smol, await idsOf(smol, subject), false);
  const bytes = (await nanoBytes()).slice();
  bytes[FLIPPED_BYTE] ^= 1;
  const other = await load(bytes, { threads: 1 });
  try {
    return await hashed(other, await idsOf(other, subject), true);
  } finally {
    await other.close();
  }
}
