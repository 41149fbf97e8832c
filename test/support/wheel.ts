// Zip files made by hand, so that a test can break each field, and a stand-in for pip that delivers one.

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';

export interface ZipMember {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly isDeflated?: boolean;
  /** Overrides what the directory says. */
  readonly method?: number;
  readonly size?: number;
  readonly storedSize?: number;
}

/** A zip file of these members (APPNOTE 6.3.10), without checksums: wheels are checked by sha256. */
export function makeZip(members: readonly ZipMember[], comment = ''): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const stored = member.isDeflated ? deflateRawSync(member.bytes) : Buffer.from(member.bytes);
    const name = Buffer.from(member.name);
    const method = member.method ?? (member.isDeflated ? 8 : 0);
    const fields = Buffer.alloc(26); // what both headers share, from `version needed` on
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(member.storedSize ?? stored.length, 14);
    fields.writeUInt32LE(member.size ?? member.bytes.length, 18);
    fields.writeUInt16LE(name.length, 22);
    pieces.push(Buffer.from('PK\x03\x04'), fields, name, stored);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02'), Buffer.alloc(2), fields, place, name);
    offset += 30 + name.length + stored.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...pieces, entries, end, Buffer.from(comment)]);
}

/** A program that answers to `pip download --dest FOLDER …` with a copy of `wheel`, or fails with these words. */
export function fakePip(folder: string, outcome: { wheel: string } | { failure: string }): string[] {
  const program = join(folder, 'pip.mjs');
  const body =
    'wheel' in outcome
      ? `const at = process.argv.indexOf('--dest');
         copyFileSync(${JSON.stringify(outcome.wheel)}, join(process.argv[at + 1], 'made_up-1.0-py3-none-any.whl'));`
      : `console.error(${JSON.stringify(outcome.failure)}); process.exit(1);`;
  writeFileSync(
    program,
    `import { copyFileSync } from 'node:fs'; import { join } from 'node:path';\n${body}\n`,
  );
  chmodSync(program, 0o755);
  return [process.execPath, program];
}
