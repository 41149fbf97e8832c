// sha256, said once: of bytes that are at hand (digest, sha256Text), and as they arrive (sha256.create()).

import { sha256 } from '@noble/hashes/sha2.js';

export { sha256 };

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Lower-case hex sha256 of a text in UTF-8. */
export function sha256Text(text: string): string {
  return hex(sha256(new TextEncoder().encode(text)));
}

/** sha256 of bytes in memory of one's own, by the platform; by JavaScript on a page that is not secure. */
export async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) return sha256(bytes);
  return new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
}
