// Seconds until the first step of a run is on the terminal, beside what importing PyTorch alone takes.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from '../src/base/median.ts';
import { tokenFolders } from './train-documents.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROUNDS = 5;

/** A command line, and what it prints when it is there. */
interface Program {
  readonly words: readonly string[];
  readonly sign: RegExp;
}

export async function benchStart(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'smollm2-bench-'));
  try {
    const recipe = join(folder, 'nano.yaml');
    const text = readFileSync(join(ROOT, 'recipes/nano.yaml'), 'utf8');
    writeFileSync(recipe, text.replaceAll('datasets/nano/validation', 'datasets/nano/train'));
    const [train] = tokenFolders(2048);
    mkdirSync(join(folder, 'datasets/nano/train'), { recursive: true });
    const { source } = train.shards[0];
    writeFileSync(join(folder, 'datasets/nano/train/a.ds'), await source.read(0, source.size));
    const ours = (out: string): Program => ({
      words: [process.execPath, join(ROOT, 'dist/cli/main.js'), 'train', recipe, '--out', join(folder, out)],
      sign: /^step 1\//m,
    });
    const python = (code: string): Program => ({
      words: [process.env.PYTHON ?? '', '-c', `${code}; print("there")`],
      sign: /^there$/m,
    });
    const programs: Record<string, (round: number) => Program> = {
      "smollm2 train, until step 1's line": (round) => ours(`run ${round}`),
      ...(process.env.PYTHON && {
        'import torch': () => python('import torch'),
        'and LlamaForCausalLM of transformers': () =>
          python('import torch; from transformers import LlamaForCausalLM'),
      }),
    };
    const lines = Object.entries(programs).map(([name, at]) => ({ name, at, times: [] as number[] }));
    for (let round = 0; round < ROUNDS; round++) {
      for (const { at, times } of lines) times.push(await seconds(at(round)));
    }
    console.table(
      lines.map(({ name, times }) => ({
        program: name,
        'seconds, median': median(times).toFixed(2),
        least: Math.min(...times).toFixed(2),
      })),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Seconds until a program has printed what is waited for; then it is ended. */
function seconds({ words: [command, ...words], sign }: Program): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    let printed = '';
    let found: number | undefined;
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      if (found !== undefined || !sign.test(printed)) return;
      found = (performance.now() - startedAt) / 1000;
      child.kill('SIGKILL');
    });
    child.once('error', reject);
    child.once('close', () =>
      found === undefined
        ? reject(new Error(`${command} ${words.join(' ')}: expected ${sign}`))
        : resolve(found),
    );
  });
}
