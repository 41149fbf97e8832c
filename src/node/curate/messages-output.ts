// Conversations on disk as SmolTalk has them: `messages`, a list of {role, content}, and `source`, with a
// column for each label. Parquet that `datasets` and `smollm2 train` read, or JSONL by the file's ending.

import { rename, writeFile } from 'node:fs/promises';
import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import type { Message } from '../../data/synthesize/writer.ts';

export interface ConversationRow {
  readonly messages: readonly Message[];
  readonly source: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Writes all rows, whole or not at all. */
export async function writeConversations(path: string, rows: readonly ConversationRow[]): Promise<void> {
  const names = [...new Set(rows.flatMap(({ labels }) => Object.keys(labels)))].sort();
  const partial = `${path}.partial`;
  if (!path.endsWith('.parquet')) {
    const lines = rows.map(({ messages, source, labels }) => JSON.stringify({ messages, source, ...labels }));
    await writeFile(partial, lines.map((line) => `${line}\n`).join(''));
  } else {
    const text = (name: string) =>
      ({ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' }) as const;
    const writer = new ParquetWriter({
      writer: fileWriter(partial),
      schema: [
        { name: 'root', num_children: 2 + names.length },
        { name: 'messages', repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', repetition_type: 'OPTIONAL', num_children: 2 },
        text('role'),
        text('content'),
        text('source'),
        ...names.map(text),
      ],
    });
    await writer.write({
      columnData: [
        { name: 'messages', data: rows.map(({ messages }) => messages) },
        { name: 'source', data: rows.map(({ source }) => source) },
        ...names.map((name) => ({ name, data: rows.map(({ labels }) => labels[name] ?? null) })),
      ],
    });
    await writer.finish();
  }
  await rename(partial, path);
}
