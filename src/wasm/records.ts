// The records that kernels and TypeScript share: the fields of assembly/memory.ts, names and order, four bytes each.
// From this table come offsets, size, a reader and a writer; test/wasm/records.test.ts holds it to the compiler.

/** A kind of record in linear memory. */
export interface RecordType<Field extends string> {
  readonly fields: readonly Field[];
  readonly bytes: number;
  /** Bytes from the beginning of a record to a field. */
  readonly offsets: Readonly<Record<Field, number>>;
  /** Every field of the record at `ptr`, as unsigned numbers. */
  read(memory: WebAssembly.Memory, ptr: number): Record<Field, number>;
  /** Writes the fields that are given, and leaves the others. */
  write(memory: WebAssembly.Memory, ptr: number, values: Readonly<Partial<Record<Field, number>>>): void;
}

function record<Field extends string>(...fields: readonly Field[]): RecordType<Field> {
  const offsets = Object.fromEntries(fields.map((field, n) => [field, 4 * n])) as Record<Field, number>;
  return {
    fields,
    bytes: 4 * fields.length,
    offsets,
    read(memory, ptr) {
      const words = new Uint32Array(memory.buffer, ptr, fields.length);
      return Object.fromEntries(fields.map((field, n) => [field, words[n]])) as Record<Field, number>;
    },
    write(memory, ptr, values) {
      const words = new Int32Array(memory.buffer, ptr, fields.length);
      for (const field of Object.keys(values) as Field[]) words[offsets[field] / 4] = values[field] as number;
    },
  };
}

/** One member of a team. */
export const WORKER = record(
  'numWorkers',
  'index',
  'control',
  'spin',
  'precise',
  'normedRow',
  'rowInts',
  'rowScales',
  'panels',
  'panelBytes',
  'tile',
  'attention',
  'sharedInts',
  'sharedScales',
  'sharedNormed',
  'sharedParts',
  'places',
  'input',
  'ids',
  'sharedRows',
  'phase',
  'held',
  'done',
);

/** Where one row of a pass stands. */
export const ROW_PLACE = record('pos', 'cache');

/** Packed weights. */
export const MATRIX = record('kind', 'blockSize', 'outSize', 'inSize', 'groups', 'groupBytes', 'halfHead');

/** Keys and values of one sequence; its page addresses follow. */
export const CACHE = record(
  'kind',
  'numHeads',
  'numKvHeads',
  'headDim',
  'layerBytes',
  'headBytes',
  'valueOffset',
  'maxParts',
  'pages',
);

/** Cosines and sines of each position. */
export const ROPE_TABLE = record('halfDim', 'rows');
