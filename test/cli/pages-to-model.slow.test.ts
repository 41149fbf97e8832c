// examples/pages-to-model/run.sh on a small text of our own: one command file from raw pages to two trained models.

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { MAIN } from '../support/run-cli.ts';

/** 400 paragraphs of words that mean nothing, some commoner than others, in sentences that filters let pass. */
function madeText(): string {
  let state = 1;
  const draw = (count: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  const word = () =>
    Array.from({ length: 1 + draw(3) }, () => 'bcdfglmnprstv'[draw(13)] + 'aeiou'[draw(5)]).join('');
  const nouns = Array.from({ length: 600 }, word);
  const verbs = Array.from({ length: 200 }, () => `${word()}ed`);
  const one = (list: readonly string[]) => list[Math.min(draw(list.length), draw(list.length))];
  const sentence = () =>
    `The ${one(nouns)} of ${one(nouns)} ${one(verbs)} a ${one(nouns)}, and the ${one(nouns)} that ${one(nouns)} and ` +
    `${one(nouns)} have ${one(verbs)} with the ${one(nouns)} to be ${one(nouns)}.`;
  return Array.from({ length: 400 }, () => Array.from({ length: 3 }, sentence).join(' ')).join('\n\n');
}

it('examples/pages-to-model leaves a report at each step, and filters help', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smollm2-pages-'));
  try {
    writeFileSync(join(folder, 'made.txt'), madeText());
    const script = fileURLToPath(new URL('../../examples/pages-to-model/run.sh', import.meta.url));
    const { stdout } = await promisify(execFile)('sh', [script, 'made.txt', '20'], {
      cwd: folder,
      env: { ...process.env, SMOLLM2: `${process.execPath} ${MAIN}` },
      maxBuffer: 2 ** 26,
    });
    const [clean, raw] = ['clean', 'raw'].map((kind) =>
      Number(new RegExp(`^${kind}: ([0-9.]+) bits a byte$`, 'm').exec(stdout)?.[1]),
    );
    // A fifth of the text is menus, shops and word salad: 1.46 against 1.66 in the same 20 steps.
    expect(clean).toBeLessThan(raw);
    expect(readdirSync(join(folder, 'run/clean'))).toEqual(
      expect.arrayContaining(['report.html', 'report.json', 'README.md']),
    );
    const { tallies, read, kept } = JSON.parse(readFileSync(join(folder, 'run/clean/report.json'), 'utf8'));
    expect(tallies.map(({ name }: { name: string }) => name)).toContain('minhash');
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(read / 2);
    for (const kind of ['clean', 'raw'])
      expect(readFileSync(join(folder, `run/nano-${kind}/log.jsonl`), 'utf8')).toContain(
        'eval_bits_per_byte',
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
