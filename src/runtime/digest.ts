// sha256 where a buffer is at hand; download.ts hashes as bytes arrive.

import { sha256 } from '@noble/hashes/sha2.js';

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Lower-case hex sha256 of a text in UTF-8. */
export function sha256Text(text: string): string {
  return hex(sha256(new TextEncoder().encode(text)));
}
