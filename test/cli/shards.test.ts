// A model in GGUF shards: written by `split --shards`, read again by everything that reads a model.

import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gguf as oracle } from '@huggingface/gguf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormatError, UnavailableError } from '../../src/base/errors.ts';
import { shardNames } from '../../src/base/shard-names.ts';
import { openWeights } from '../../src/node/find-weights.ts';
import { serveBytes, startServer } from '../support/http-server.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

let folder: string;
let tiny: string;
let shards: string[];
const at = (...names: string[]) => join(folder, ...names);

async function run(...words: string[]) {
  const { code, stdout, stderr } = await runCli(words);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-shards-'));
  tiny = makeTinyFolder('untied');
  await run('quantize', tiny, at('tiny.gguf'), '--type', 'f16');
  await run('split', at('tiny.gguf'), '--shards', '--part-size', '12KB', '--out', at('shards'));
  shards = readdirSync(at('shards')).sort();
});
afterAll(() => {
  for (const path of [folder, tiny]) rmSync(path, { recursive: true });
});

/** A folder with the shards in it, one of them changed. */
function damaged(name: string, change: (path: string) => void): string {
  mkdirSync(at(name));
  for (const shard of shards) copyFileSync(at('shards', shard), at(name, shard));
  change(at(name));
  return at(name, shards[0]);
}

describe('split --shards', () => {
  it('writes files that another reader takes, each tensor in one of them', async () => {
    expect(shards.length).toBeGreaterThan(2);
    expect(shards).toEqual(shardNames(`tiny-00001-of-${String(shards.length).padStart(5, '0')}.gguf`));
    const whole = await oracle(at('tiny.gguf'), { allowLocalFile: true });
    const names: string[] = [];
    for (const [index, shard] of shards.entries()) {
      const { metadata, tensorInfos } = await oracle(at('shards', shard), { allowLocalFile: true });
      expect(metadata).toMatchObject({
        'split.no': index,
        'split.count': shards.length,
        'split.tensors.count': whole.tensorInfos.length,
      });
      expect('general.architecture' in metadata).toBe(index === 0);
      names.push(...tensorInfos.map(({ name }) => name));
    }
    expect(names).toEqual(whole.tensorInfos.map(({ name }) => name));
  });

  it('is read as the model it was cut from, by path, and by its first address', {
    tags: ['slow'],
  }, async () => {
    const whole = await openWeights(at('tiny.gguf'));
    const server = await startServer((request, response) => {
      const name = shards.find((shard) => request.url === `/models/${shard}`);
      if (!name) return response.writeHead(404).end();
      serveBytes(request, response, new Uint8Array(readFileSync(at('shards', name))));
    });
    const env = { SMOLLM2_CACHE: at('cache') };
    for (const place of [at('shards', shards[0]), `${server.url}/models/${shards[0]}`]) {
      const sharded = await openWeights(place, { env });
      expect(sharded.config).toEqual(whole.config);
      expect([...sharded.tensors.keys()].sort()).toEqual([...whole.tensors.keys()].sort());
      for (const [name, tensor] of whole.tensors) {
        const rows = tensor.shape.length < 2 ? 1 : tensor.shape[0];
        expect(await sharded.tensors.get(name)!.readRows(0, rows)).toEqual(await tensor.readRows(0, rows));
      }
      await sharded.close();
    }
    await whole.close();
    await server.close();
  });

  it('quantize joins the shards; inspect counts all of them', async () => {
    await run('quantize', at('shards', shards[0]), at('joined.gguf'), '--type', 'f16');
    expect(readFileSync(at('joined.gguf')).equals(readFileSync(at('tiny.gguf')))).toBe(true);
    const report = JSON.parse(await run('inspect', at('shards', shards[0]), '--json'));
    const whole = JSON.parse(await run('inspect', at('tiny.gguf'), '--json'));
    expect(report.tensors).toEqual(whole.tensors);
    expect(report.parameters).toEqual(whole.parameters);
  });

  it('refuses the second shard, a missing one, one of another model, and a renamed first, and says what is wrong', async () => {
    await expect(openWeights(at('shards', shards[1]))).rejects.toThrow(
      `expected the first of ${shards.length} shards, got another; open ${shards[0]}`,
    );
    const missing = damaged('missing', (path) => rmSync(join(path, shards[1])));
    await expect(openWeights(missing)).rejects.toThrow(UnavailableError);
    const swapped = damaged('swapped', (path) => copyFileSync(join(path, shards[2]), join(path, shards[1])));
    await expect(openWeights(swapped)).rejects.toThrow(/split\.no.*expected 1, got 2/);
    const other = damaged('other', (path) => copyFileSync(at('tiny.gguf'), join(path, shards[1])));
    await expect(openWeights(other)).rejects.toThrow(/split\.no.*expected 1, got none/);
    const cut = damaged('cut', (path) => {
      const bytes = readFileSync(join(path, shards[2]));
      writeFileSync(join(path, shards[2]), bytes.subarray(0, bytes.length - 4000));
    });
    await expect(openWeights(cut)).rejects.toThrow(FormatError);
    copyFileSync(at('shards', shards[0]), at('alone.gguf'));
    await expect(openWeights(at('alone.gguf'))).rejects.toThrow(/expected a name that ends in -00001-of-/);
  });
});
