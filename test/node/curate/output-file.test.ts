import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { OutputFile } from '../../../src/node/curate/streams.ts';

const folder = mkdtempSync(join(tmpdir(), 'smollm2-output-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each(['plain.jsonl', 'packed.jsonl.gz'])(
  '%s: waits for a full buffer many times and leaves nothing behind',
  async (name) => {
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on('warning', warned);
    try {
      const path = join(folder, name);
      const output = new OutputFile(path);
      for (let i = 0; i < 40; i++) await output.write(`${String(i).padStart(99_999, '.')}\n`);
      await output.close();
      await setImmediate();
      expect(warnings).toEqual([]);
      const bytes = readFileSync(path);
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
      expect(text.split('\n').map((line) => line.replace(/^\.+/, ''))).toEqual([
        ...Array.from({ length: 40 }, (_, i) => String(i)),
        '',
      ]);
    } finally {
      process.off('warning', warned);
    }
  },
);
