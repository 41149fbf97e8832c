#!/usr/bin/env node
// The command line: one file per command, registered here. Errors end in one line on stderr and exit code 1;
// `--debug` shows where they come from.

import { readFileSync } from 'node:fs';
import { type CAC, cac } from 'cac';
import { optionName, runCommand } from './arguments.ts';
import { endWithReader, finish } from './terminal.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** Every command by name. Only the one that is asked for is loaded: starting takes half the time. */
const COMMANDS: Record<string, () => Promise<(cli: CAC) => void>> = {
  generate: async () => (await import('./generate.ts')).generateCommand,
  chat: async () => (await import('./chat.ts')).chatCommand,
  tokenize: async () => (await import('./tokenize.ts')).tokenizeCommand,
  inspect: async () => (await import('./inspect.ts')).inspectCommand,
  trace: async () => (await import('./trace.ts')).traceCommand,
  bench: async () => (await import('./bench.ts')).benchCommand,
  quantize: async () => (await import('./quantize.ts')).quantizeCommand,
  diff: async () => (await import('./diff.ts')).diffCommand,
  perplexity: async () => (await import('./perplexity.ts')).perplexityCommand,
  replay: async () => (await import('./recording.ts')).replayCommand,
  verify: async () => (await import('./verify.ts')).verifyCommand,
  eval: async () => (await import('./eval.ts')).evalCommand,
  split: async () => (await import('./split.ts')).splitCommand,
  plan: async () => (await import('./plan.ts')).planCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  snapshot: async () => (await import('./snapshot.ts')).snapshotCommand,
};

const cli = cac('smollm2');
const [, , first = ''] = process.argv;
const wanted = Object.hasOwn(COMMANDS, first) ? [COMMANDS[first]] : Object.values(COMMANDS);
for (const load of wanted) (await load())(cli);
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
