// `smollm2 learn`: the course's list of exercises, or one of them. The course lies in the project's folder and not in
// the package: its exercises are TypeScript files to be edited.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UnavailableError } from '../base/errors.ts';
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
  const main = fileURLToPath(new URL('course/node/main.ts', root));
  if (!existsSync(main)) {
    throw new UnavailableError(
      'learn: expected the course beside the program, got the package, which leaves it out; in a clone of the ' +
        'project `npm run exercise` is this list and `npm run learn` opens its pages',
    );
  }
  const flags = (['once', 'json', 'solution'] as const)
    .filter((name) => args.flag(name))
    .map((name) => `--${name}`);
  const loader = new URL('bench/typescript.mjs', root).href;
  const child = spawn(process.execPath, ['--import', loader, main, ...args.words, ...flags], {
    stdio: 'inherit',
  });
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
}
