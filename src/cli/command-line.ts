// The commands by name, one file each, and what surrounds every one of them: help, and errors as one line on stderr.
// Exit code 2 says that the command line is wrong, 1 that the command failed, 130 that Ctrl-C ended it.

import { readFileSync } from 'node:fs';
import { nearest } from '../base/nearest.ts';
import { withoutControls } from '../base/shown.ts';
import { type Command, columns, helpOf, optionName, UsageError } from './arguments.ts';
import { print } from './terminal.ts';

/** Every command by name. Only the one that is asked for is loaded: starting takes half the time. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  generate: async () => (await import('./generate.ts')).generateCommand,
  chat: async () => (await import('./chat.ts')).chatCommand,
  serve: async () => (await import('./serve.ts')).serveCommand,
  tokenize: async () => (await import('./tokenize.ts')).tokenizeCommand,
  inspect: async () => (await import('./inspect.ts')).inspectCommand,
  explain: async () => (await import('./explain.ts')).explainCommand,
  lens: async () => (await import('./explain.ts')).lensCommand,
  learn: async () => (await import('./learn.ts')).learnCommand,
  trace: async () => (await import('./trace.ts')).traceCommand,
  grads: async () => (await import('./grads.ts')).gradsCommand,
  train: async () => (await import('./train.ts')).trainCommand,
  runs: async () => (await import('./runs.ts')).runsCommand,
  bench: async () => (await import('./bench.ts')).benchCommand,
  quantize: async () => (await import('./quantize.ts')).quantizeCommand,
  convert: async () => (await import('./convert.ts')).convertCommand,
  diff: async () => (await import('./diff.ts')).diffCommand,
  perplexity: async () => (await import('./perplexity.ts')).perplexityCommand,
  replay: async () => (await import('./recording.ts')).replayCommand,
  verify: async () => (await import('./verify.ts')).verifyCommand,
  eval: async () => (await import('./eval.ts')).evalCommand,
  split: async () => (await import('./split.ts')).splitCommand,
  plan: async () => (await import('./plan.ts')).planCommand,
  mix: async () => (await import('./mix.ts')).mixCommand,
  ablate: async () => (await import('./ablate.ts')).ablateCommand,
  curate: async () => (await import('./curate.ts')).curateCommand,
  score: async () => (await import('./score.ts')).scoreCommand,
  synthesize: async () => (await import('./synthesize.ts')).synthesizeCommand,
  list: async () => (await import('./models.ts')).listCommand,
  pull: async () => (await import('./models.ts')).pullCommand,
  rm: async () => (await import('./models.ts')).rmCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  snapshot: async () => (await import('./snapshot.ts')).snapshotCommand,
  'train-tokenizer': async () => (await import('./train-tokenizer.ts')).trainTokenizerCommand,
  'tokenize-corpus': async () => (await import('./tokenize-corpus.ts')).tokenizeCorpusCommand,
};

/**
 * Runs one command line.
 *
 * @param argv what follows the program's name
 * @returns the exit code; errors have been printed
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const isDebug = argv.includes('--debug');
  let command: Command | undefined;
  process.exitCode = undefined;
  try {
    const words = argv.filter((word) => word !== '--debug');
    if (words.length === 0 || /^(-h|--help)$/.test(words[0])) return await show(await overview());
    if (/^(-v|--version)$/.test(words[0])) return await show(`smollm2/${version()}\n`);
    const asksHelp = words[0] === 'help';
    if (asksHelp && words.length === 1) return await show(await overview());
    command = await commandNamed(words[asksHelp ? 1 : 0]);
    const args = command.parse(asksHelp ? ['--help'] : words.slice(1));
    if (args.flag('help')) return await show(helpOf(command, process.stdout.columns));
    await command.run?.(args);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error, command, isDebug);
  } finally {
    process.exitCode = undefined;
  }
}

async function commandNamed(name: string): Promise<Command> {
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name]();
  const names = Object.keys(COMMANDS);
  const meant = nearest(name, names);
  throw new UsageError(
    `${name}: expected a command, ${meant ? `did you mean ${meant}? ` : ''}one of ${names.join(', ')}`,
  );
}

async function show(text: string): Promise<number> {
  await print(text);
  return 0;
}

async function overview(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const rows = commands.map(({ usage, description }): [string, string] => [usage, description]);
  return (
    `smollm2 ${version()}: SmolLM2 on this machine, in numbers that can be checked\n\n` +
    `Usage: smollm2 <command> [options]\n\nCommands:\n${columns(rows, process.stdout.columns || 100)}\n` +
    'smollm2 help <command>, or smollm2 <command> --help, says what it takes.\n'
  );
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}

/** Prints an error as one line (`--debug`: where it comes from) and gives the exit code. */
function report(error: unknown, command: Command | undefined, isDebug: boolean): number {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  if (name === 'AbortError') {
    if (isDebug) console.error(stack);
    return 130;
  }
  // A message may quote names and texts of files: a terminal must not obey them.
  const line = withoutControls(asTyped(message, command).replace(/\s*\n\s*/g, ' '));
  console.error(isDebug ? stack : `smollm2: ${line}`);
  return error instanceof UsageError || line.startsWith('--') ? 2 : 1;
}

/** The library names its options `topP: …`; here they are typed `--top-p`. */
function asTyped(message: string, command: Command | undefined): string {
  const name = /^[a-z][A-Za-z]*(?=: )/.exec(message)?.[0];
  return name && command?.hasOption(name) ? message.replace(name, optionName(name)) : message;
}
