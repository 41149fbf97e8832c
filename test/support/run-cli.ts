// The command line in this process, as far as a user can tell: arguments in, two streams and an exit code out. Commands
// that are to be interrupted, or talk to a terminal, start the built program instead (startCli).

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../src/cli/command-line.ts';

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command line at a time has the process's streams. */
let last: Promise<unknown> = Promise.resolve();

/** Runs a command with this text on stdin and these variables in the environment. */
export function runCli(args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
  const result = last.then(() => runHere(args, input, env));
  last = result.catch(() => undefined);
  return result;
}

async function runHere(args: readonly string[], input: string, env: NodeJS.ProcessEnv): Promise<CliResult> {
  const before = { ...process.env };
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin')!;
  const listeners = new Set(process.listeners('SIGINT'));
  const stdout = capture(process.stdout);
  const stderr = capture(process.stderr);
  const consoleError = console.error;
  console.error = (text: unknown) => process.stderr.write(`${text}\n`);
  Object.assign(process.env, env);
  Object.defineProperty(process, 'stdin', {
    configurable: true,
    value: Readable.from(input === '' ? [] : [Buffer.from(input)]),
  });
  try {
    const code = await runCommandLine(args);
    return { code, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    stdout.restore();
    stderr.restore();
    console.error = consoleError;
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    Object.defineProperty(process, 'stdin', stdin);
    for (const listener of process.listeners('SIGINT')) {
      if (!listeners.has(listener)) process.off('SIGINT', listener);
    }
  }
}

/** Keeps what is written to a stream instead of writing it; the stream is no terminal meanwhile. */
function capture(stream: NodeJS.WriteStream): { text: () => string; restore: () => void } {
  const pieces: Buffer[] = [];
  const { write, isTTY } = stream;
  stream.isTTY = false;
  stream.write = (piece: Uint8Array | string, ...rest: unknown[]) => {
    pieces.push(Buffer.from(piece as string));
    const done = rest.find((one) => typeof one === 'function') as (() => void) | undefined;
    done?.();
    return true;
  };
  return {
    text: () => Buffer.concat(pieces).toString('utf8'),
    restore: () => Object.assign(stream, { write, isTTY }),
  };
}

/** Starts the built program. */
export function startCli(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } });
}

export function ended(child: ChildProcessWithoutNullStreams): Promise<CliResult> {
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}
