// `smollm2 learn`: the course's list of exercises, or one of them. In a clone they are TypeScript files of course/; the
// package has them in JavaScript (bundle.mjs).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Arguments, Command } from './arguments.ts';

export const learnCommand = new Command(
  'learn [exercise]',
  'The course: its exercises, or one of them, graded',
)
  .option('--once', 'grade once and end')
  .option('--json', 'print the verdict as JSON')
  .option('--solution', 'print the solution')
  .example('$ smollm2 learn')
  .example('$ smollm2 learn rope')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const root = new URL('../../', import.meta.url);
  const written = new URL('course/node/main.ts', root);
  const packed = new URL('dist/course/node/main.mjs', root);
  const isClone = existsSync(written);
  const loader = isClone ? ['--import', new URL('bench/typescript.mjs', root).href] : [];
  const flags = (['once', 'json', 'solution'] as const)
    .filter((name) => args.flag(name))
    .map((name) => `--${name}`);
  const main = fileURLToPath(isClone ? written : packed);
  const child = spawn(process.execPath, [...loader, main, ...args.words, ...flags], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
}
