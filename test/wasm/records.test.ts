import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { CACHE, MATRIX, type RecordType, ROPE_TABLE, ROW_PLACE, WORKER } from '../../src/wasm/records.ts';

const RECORDS: Record<string, RecordType<string>> = {
  Worker: WORKER,
  RowPlace: ROW_PLACE,
  Matrix: MATRIX,
  Cache: CACHE,
  RopeTable: ROPE_TABLE,
};

/** What the compiler says of the records of assembly/memory.ts: offsets by field, and the size of each. */
async function offsetsByCompiler(): Promise<Record<string, () => number>> {
  const lines = Object.entries(RECORDS).flatMap(([name, { fields }]) => [
    `export function ${name}_bytes(): usize { return offsetof<${name}>(); }`,
    ...fields.map((f) => `export function ${name}_${f}(): usize { return offsetof<${name}>("${f}"); }`),
  ]);
  const source = `import { ${Object.keys(RECORDS).join(', ')} } from "./memory";\n${lines.join('\n')}\n`;
  const { default: asc } = await import('assemblyscript/asc');
  let binary = new Uint8Array(0);
  const args = [
    'assembly/offsets.ts',
    '--runtime',
    'stub',
    '--outFile',
    'offsets.wasm',
    '--optimizeLevel',
    '0',
  ];
  const { error, stderr } = await asc.main(args, {
    readFile: (path: string) =>
      path === 'assembly/offsets.ts' ? source : readFile(path, 'utf8').catch(() => null),
    writeFile: (_path: string, contents: Uint8Array | string) => {
      if (typeof contents !== 'string') binary = Uint8Array.from(contents);
    },
  });
  if (error) throw new Error(`${error.message}\n${stderr}`);
  const { instance } = await WebAssembly.instantiate(binary, {
    env: { memory: new WebAssembly.Memory({ initial: 20, maximum: 65536 }), abort: () => {} },
  });
  return instance.exports as Record<string, () => number>;
}

describe('the records', { tags: ['slow'] }, () => {
  let compiled: Record<string, () => number>;
  beforeAll(async () => {
    compiled = await offsetsByCompiler();
  });

  it.each(Object.entries(RECORDS))(
    '%s has the offsets of the compiler',
    (name, { fields, bytes, offsets }) => {
      const expected = Object.fromEntries(fields.map((field) => [field, compiled[`${name}_${field}`]()]));
      expect(offsets).toEqual(expected);
      expect(bytes).toBe(compiled[`${name}_bytes`]());
    },
  );
});

describe('a record', () => {
  it('is written field by field and read whole; addresses above 2 GB stay positive', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    MATRIX.write(memory, 64, { kind: 3, groups: 2 ** 31 + 64 });
    MATRIX.write(memory, 64, { halfHead: 4 });
    expect(MATRIX.read(memory, 64)).toMatchObject({ kind: 3, groups: 2 ** 31 + 64, outSize: 0, halfHead: 4 });
  });
});
