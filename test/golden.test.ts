import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('golden/', import.meta.url));

it('every golden file is the one that its manifest names, with its maker', { tags: ['slow'] }, () => {
  const manifest: Record<string, { sha256: string; from: string }> = JSON.parse(
    readFileSync(`${folder}manifest.json`, 'utf8'),
  );
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(json|bin|safetensors|parquet|gz|npz|txt)$/.test(file) && file !== 'manifest.json')
    .sort();
  expect(files).toEqual(Object.keys(manifest).sort());
  for (const file of files) {
    const sha256 = createHash('sha256')
      .update(readFileSync(folder + file))
      .digest('hex');
    expect(sha256, file).toBe(manifest[file].sha256);
    expect(manifest[file].from, file).not.toBe('?');
  }
});
