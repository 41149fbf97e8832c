// sha256: of bytes at hand by the platform (digest, sha256Text), of bytes as they arrive by JavaScript (startHash).

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** sha256 of bytes in memory of one's own, by the platform; by JavaScript on a page that is not secure. */
export async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) {
    const hash = await startHash();
    hash.update(bytes);
    return hash.digest();
  }
  return new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
}

/** Lower-case hex sha256 of a text in UTF-8. */
export async function sha256Text(text: string): Promise<string> {
  return hex(await digest(new TextEncoder().encode(text)));
}

/** A sha256 that takes one piece after another. */
export interface Hash {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

/** A new one; its code comes when the first is asked for. */
export async function startHash(): Promise<Hash> {
  const { sha256 } = await import('@noble/hashes/sha2.js');
  return sha256.create();
}
