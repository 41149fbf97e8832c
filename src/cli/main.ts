#!/usr/bin/env node
// The command line: one file per command, registered here. Errors end in one line on stderr and exit code 1;
// `--debug` shows where they come from.

import { readFileSync } from 'node:fs';
import { cac } from 'cac';
import { optionName, runCommand } from './arguments.ts';
import { benchCommand } from './bench.ts';
import { chatCommand } from './chat.ts';
import { diffCommand } from './diff.ts';
import { evalCommand } from './eval.ts';
import { generateCommand } from './generate.ts';
import { inspectCommand } from './inspect.ts';
import { endWithReader, finish } from './terminal.ts';
import { tokenizeCommand } from './tokenize.ts';
import { traceCommand } from './trace.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

const cli = cac('smollm2');
for (const register of [
  generateCommand,
  chatCommand,
  tokenizeCommand,
  inspectCommand,
  traceCommand,
  evalCommand,
  benchCommand,
])
  register(cli);
cli.option('--debug', 'Show where an error comes from');
// cac calls a `--no-` option one that is on by default, which says the contrary of what the user reads.
cli.help((sections) => {
  for (const section of sections) section.body = section.body.replaceAll(/ +\(default: true\)| +$/gm, '');
});
cli.version(version);

endWithReader();
try {
  await runCommand(cli, process.argv.slice(2));
  await finish(Number(process.exitCode ?? 0));
} catch (error) {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const isInterrupted = error instanceof Error && error.name === 'AbortError';
  const isDebug = process.argv.includes('--debug');
  if (!isInterrupted || isDebug) {
    console.error(isDebug ? stack : `smollm2: ${asTyped(message).replace(/\s*\n\s*/g, ' ')}`);
  }
  await finish(isInterrupted ? 130 : 1);
}

/** The library names its options `topP: …`; here they are typed `--top-p`. */
function asTyped(message: string): string {
  const name = /^[a-z][A-Za-z]*(?=: )/.exec(message)?.[0];
  return name && cli.matchedCommand?.hasOption(name) ? message.replace(name, optionName(name)) : message;
}
