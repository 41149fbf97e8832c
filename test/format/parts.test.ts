import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { digest, hex } from '../../src/base/sha256.ts';
import { type Manifest, type Part, pagedSource, partsSource, readManifest } from '../../src/format/parts.ts';

/** A file of `size` bytes cut every `partBytes`, and its manifest. */
async function cut(size: number, partBytes: number) {
  const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255);
  const files = new Map<string, Uint8Array>();
  const parts: Part[] = [];
  for (let at = 0; at < size; at += partBytes) {
    const piece = bytes.slice(at, at + partBytes);
    const name = `model.gguf.${parts.length}`;
    files.set(name, piece);
    parts.push({ name, size: piece.length, sha256: hex(await digest(piece)) });
  }
  const sha256 = hex(await digest(bytes));
  const manifest: Manifest = { format: 'smollm2-parts', version: 1, name: 'model.gguf', size, sha256, parts };
  return { bytes, files, manifest };
}

describe('partsSource', () => {
  it('reads every range of 1,000 bytes in parts of 64 as the whole file has it', {
    tags: ['slow'],
  }, async () => {
    const { bytes, files, manifest } = await cut(1000, 64);
    const source = partsSource(manifest, async ({ name }) => files.get(name)!);
    expect(source.size).toBe(1000);
    for (let offset = 0; offset < 1000; offset += 13) {
      for (const length of [0, 1, 63, 64, 65, 200, 1000 - offset]) {
        if (offset + length > 1000) continue;
        expect(await source.read(offset, length)).toEqual(bytes.subarray(offset, offset + length));
      }
    }
  });

  it('fetches each part once in file order and never holds more than two', async () => {
    const { files, manifest } = await cut(1000, 100);
    const fetched: string[] = [];
    const source = partsSource(manifest, async ({ name }) => {
      fetched.push(name);
      return files.get(name)!;
    });
    for (let offset = 0; offset < 1000; offset += 25) await source.read(offset, 25);
    expect(fetched).toEqual(manifest.parts.map(({ name }) => name));
    await source.read(950, 10);
    await source.read(850, 10);
    expect(fetched).toHaveLength(10); // the last two parts are still held
    await source.read(0, 10);
    expect(fetched).toHaveLength(11);
  });

  it('refuses a part with one wrong bit, and takes it when it is fetched again whole', async () => {
    const { bytes, files, manifest } = await cut(300, 100);
    let isBroken = true;
    const source = partsSource(manifest, async ({ name }) => {
      const part = files.get(name)!.slice();
      if (isBroken) part[99] ^= 1;
      return part;
    });
    await expect(source.read(100, 5)).rejects.toThrow(FormatError);
    await expect(source.read(100, 5)).rejects.toThrow(/model\.gguf\.1: expected sha256 [0-9a-f]{64}, got/);
    isBroken = false;
    expect(await source.read(100, 5)).toEqual(bytes.subarray(100, 105));
  });

  it('refuses a part that is one byte short', async () => {
    const { files, manifest } = await cut(300, 100);
    const source = partsSource(manifest, async ({ name }) => files.get(name)!.subarray(0, 99));
    await expect(source.read(0, 5)).rejects.toThrow('expected 100 bytes, got 99');
  });

  it('refuses a range that passes the end', async () => {
    const { files, manifest } = await cut(300, 100);
    const source = partsSource(manifest, async ({ name }) => files.get(name)!);
    await expect(source.read(299, 2)).rejects.toThrow(FormatError);
  });
});

describe('a transient source', () => {
  const hasTransfer = 'transfer' in ArrayBuffer.prototype;

  it('frees a part that it fetched when two newer ones came, and reads it again', async () => {
    const { bytes, files, manifest } = await cut(1000, 100);
    const fetched: ArrayBuffer[] = [];
    const fetchPart = async ({ name }: Part) => {
      const buffer = files.get(name)!.slice().buffer as ArrayBuffer;
      fetched.push(buffer);
      return buffer;
    };
    const source = partsSource(manifest, fetchPart, { isTransient: true });
    for (const offset of [0, 100, 200]) await source.read(offset, 10);
    await Promise.resolve();
    expect(fetched.map((buffer) => buffer.byteLength)).toEqual([hasTransfer ? 0 : 100, 100, 100]);
    expect(await source.read(0, 10)).toEqual(bytes.subarray(0, 10));
  });

  it('reads bodies of answers into the same memory, every range of 1,000 bytes in parts of 64', {
    tags: ['slow'],
  }, async () => {
    const { bytes, files, manifest } = await cut(1000, 64);
    const fetchPart = async ({ name }: Part) => new Response(files.get(name)! as Uint8Array<ArrayBuffer>);
    const source = partsSource(manifest, fetchPart, { isTransient: true });
    const first = await source.read(0, 10);
    for (let offset = 0; offset < 1000; offset += 13) {
      for (const length of [0, 1, 63, 64, 65, 200, 1000 - offset]) {
        if (offset + length > 1000) continue;
        expect(await source.read(offset, length)).toEqual(bytes.subarray(offset, offset + length));
      }
    }
    expect(first.length).toBe(0); // its memory went to a later part
    await source.close?.();
  });

  it.each([
    ['shorter', -1, 'expected 64 bytes, got 63'],
    ['longer', 9, 'expected 64 bytes, got 65'],
  ])('refuses a body that is %s than the manifest says', async (_what, more, message) => {
    const { manifest } = await cut(640, 64);
    const fetchPart = async () => new Response(new Uint8Array(64 + more));
    await expect(partsSource(manifest, fetchPart, { isTransient: true }).read(0, 1)).rejects.toThrow(message);
  });

  it('takes an answer whose body is no stream of bytes whole', async () => {
    const { bytes, files, manifest } = await cut(1000, 64);
    const fetchPart = async ({ name }: Part) => ({
      body: new ReadableStream<Uint8Array>(),
      arrayBuffer: async () => files.get(name)!.slice().buffer as ArrayBuffer,
    });
    const source = partsSource(manifest, fetchPart, { isTransient: true });
    expect(await source.read(1, 998)).toEqual(bytes.subarray(1, 999));
  });

  it('leaves alone what somebody else may hold: a Uint8Array', async () => {
    const { bytes, files, manifest } = await cut(1000, 100);
    const source = partsSource(manifest, async ({ name }) => files.get(name)!, { isTransient: true });
    for (const offset of [0, 100, 200, 300]) await source.read(offset, 10);
    expect(await source.read(0, 100)).toEqual(bytes.subarray(0, 100));
  });
});

describe('pagedSource', () => {
  it('reads every range of 1,000 bytes in pages of 64, in 16 requests from front to back', async () => {
    const { bytes } = await cut(1000, 1000);
    let requests = 0;
    const source = pagedSource('model.gguf', 1000, 64, async (offset, length) => {
      requests++;
      return bytes.slice(offset, offset + length);
    });
    for (let offset = 0; offset < 1000; offset += 8) {
      expect(await source.read(offset, 8)).toEqual(bytes.subarray(offset, offset + 8));
    }
    expect(requests).toBe(16);
    expect(await source.read(1, 998)).toEqual(bytes.subarray(1, 999));
  });

  it('refuses a page that is short', async () => {
    const source = pagedSource('model.gguf', 1000, 64, async (_offset, length) => new Uint8Array(length - 1));
    await expect(source.read(64, 8)).rejects.toThrow('model.gguf: expected 64 bytes here, got 63 (byte 64)');
  });
});

describe('readManifest', () => {
  it('takes what it is given as text or as an object', async () => {
    const { manifest } = await cut(300, 100);
    expect(readManifest(JSON.stringify(manifest), 'm.json')).toEqual(manifest);
    expect(readManifest(manifest, 'm.json')).toEqual(manifest);
  });

  it.each([
    ['text that is not JSON', () => '{'],
    ['null', () => 'null'],
    ['another format', (m: Manifest) => ({ ...m, format: 'parts' })],
    ['another version', (m: Manifest) => ({ ...m, version: 2 })],
    ['no parts', (m: Manifest) => ({ ...m, parts: [] })],
    ['a sum that is not the size', (m: Manifest) => ({ ...m, size: m.size + 1 })],
    ['a path that leaves the folder', (m: Manifest) => ({ ...m, parts: [{ ...m.parts[0], name: '../x' }] })],
    ['a part of negative size', (m: Manifest) => ({ ...m, parts: [{ ...m.parts[0], size: -1 }] })],
    ['a part of 2^40 bytes', (m: Manifest) => ({ ...m, parts: [{ ...m.parts[0], size: 2 ** 40 }] })],
    ['a short hash', (m: Manifest) => ({ ...m, parts: [{ ...m.parts[0], sha256: 'abc' }] })],
    ['a hash that is not text', (m: Manifest) => ({ ...m, sha256: 12 })],
  ])('refuses %s', async (_what, broken) => {
    const { manifest } = await cut(300, 100);
    expect(() => readManifest(broken(manifest), 'm.json')).toThrow(FormatError);
  });
});
