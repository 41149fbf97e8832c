// Documents as parquet: text, id, and a column for each name in the metadata of the first rows that has one kind of
// value there. What fits no column stays in `metadata` as JSON: nothing is lost to a schema.

import { rename } from 'node:fs/promises';
import { fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import type { TextDocument } from '../../data/stage.ts';
import { checkPartial, newPartial } from './streams.ts';

/** Rows of a row group: at most, and until their texts are this long. */
const GROUP_ROWS = 5000;
const GROUP_CHARS = 1 << 24;

type Kind = 'STRING' | 'DOUBLE' | 'BOOLEAN';

export class ParquetOutput {
  private readonly path: string;
  private readonly partial: string;
  private rows: TextDocument[] = [];
  private numChars = 0;
  private columns: readonly (readonly [name: string, kind: Kind])[] | undefined;
  private writer: ParquetWriter | undefined;

  constructor(path: string) {
    this.path = path;
    this.partial = newPartial(path);
  }

  async write(doc: TextDocument): Promise<void> {
    this.rows.push(doc);
    this.numChars += doc.text.length;
    if (this.rows.length >= GROUP_ROWS || this.numChars >= GROUP_CHARS) await this.flush();
  }

  async close(): Promise<void> {
    await this.flush();
    await this.writer?.finish();
    await rename(this.partial, this.path);
  }

  private async flush(): Promise<void> {
    checkPartial(this.partial, this.path);
    if (this.rows.length === 0 && this.writer) return;
    const { rows } = this;
    const columns = (this.columns ??= columnsOf(rows));
    const rests = rows.map(({ metadata }) => restOf(metadata, columns));
    const columnData = [
      { name: 'text', data: rows.map(({ text }) => text), type: 'STRING' as const },
      { name: 'id', data: rows.map(({ id }) => id), type: 'STRING' as const },
      ...columns.map(([name, kind]) => ({
        name,
        data: rows.map(({ metadata }) => (kindOf(metadata[name]) === kind ? metadata[name] : null)),
        type: kind,
      })),
      { name: 'metadata', data: rests, type: 'STRING' as const },
    ];
    this.writer ??= new ParquetWriter({
      writer: fileWriter(this.partial),
      schema: schemaFromColumnData({ columnData }),
    });
    await this.writer.write({ columnData });
    this.rows = [];
    this.numChars = 0;
  }
}

function columnsOf(rows: readonly TextDocument[]): (readonly [name: string, kind: Kind])[] {
  const kinds = new Map<string, Set<Kind | undefined>>();
  for (const { metadata } of rows) {
    for (const [name, value] of Object.entries(metadata)) {
      if (value === null || value === undefined) continue;
      kinds.set(name, (kinds.get(name) ?? new Set()).add(kindOf(value)));
    }
  }
  return [...kinds].flatMap(([name, found]) => {
    const [kind] = found;
    const isOwn = ['text', 'id', 'metadata'].includes(name);
    return found.size === 1 && kind !== undefined && !isOwn ? [[name, kind] as const] : [];
  });
}

function restOf(
  metadata: TextDocument['metadata'],
  columns: readonly (readonly [name: string, kind: Kind])[],
): string {
  const rest = { ...metadata };
  for (const [name, kind] of columns) if (kindOf(rest[name]) === kind) delete rest[name];
  return JSON.stringify(rest);
}

function kindOf(value: unknown): Kind | undefined {
  if (typeof value === 'string') return 'STRING';
  if (typeof value === 'number') return 'DOUBLE';
  return typeof value === 'boolean' ? 'BOOLEAN' : undefined;
}
