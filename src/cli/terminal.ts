// What the commands share of the terminal: a status line on stderr, text from stdin, and the end of the
// program.

import { setTimeout as sleep } from 'node:timers/promises';
import { withoutControls } from '../base/shown.ts';

/** Notes and progress on stderr: one line that is rewritten on a terminal, plain lines otherwise. */
export class Status {
  private readonly out = process.stderr;
  private hasLine = false;
  private drawnAt = 0;
  private tenths = 0;

  /** A sentence of its own. */
  note(text: string): void {
    this.clear();
    this.out.write(`${text.split('\n').map(withoutControls).join('\n')}\n`);
  }

  /** How far something is: a bar on a terminal, a line at every tenth otherwise. */
  progress(
    what: string,
    done: number,
    total: number | undefined,
    unit: 'MB' | 'tokens' | 'tensors' | 'shards' | 'questions' | 'causes' | 'rows' | 'trainings' = 'MB',
  ): void {
    const show = (value: number) => (unit === 'MB' ? (value / 1e6).toFixed(1) : String(value));
    const amount = total ? `${show(done)} of ${show(total)} ${unit}` : `${show(done)} ${unit}`;
    const share = total ? Math.min(1, done / total) : 0;
    if (this.out.isTTY) {
      const now = Date.now();
      if (now - this.drawnAt < 50 && share < 1) return;
      this.drawnAt = now;
      const bar = '█'.repeat(Math.round(share * 20)).padEnd(20, '░');
      const line = `${what} ${bar} ${amount}`;
      this.out.write(`\r\x1b[K${line.slice(0, (this.out.columns || 80) - 1)}`);
      this.hasLine = true;
    } else {
      const tenths = Math.floor(share * 10);
      if (tenths < this.tenths) this.tenths = 0;
      if (tenths > this.tenths) this.out.write(`${what}: ${amount}\n`);
      this.tenths = tenths;
    }
  }

  /** Takes the status line away before something else is written. */
  clear(): void {
    if (this.hasLine) this.out.write('\r\x1b[K');
    this.hasLine = false;
    this.tenths = 0;
  }
}

/**
 * Text of a model as a terminal may see it: control characters but tab and line feed are shown, not obeyed. Where
 * stdout is a file or pipe the text stays as it is.
 */
export function harmless(text: string): string {
  if (!process.stdout.isTTY) return text;
  return text.replace(
    /(?![\t\n])\p{Cc}/gu,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Writes to stdout and waits while the reader is slow. */
export async function print(text: string): Promise<void> {
  if (text === '' || process.stdout.write(text)) return;
  await new Promise((resolve) => process.stdout.once('drain', resolve));
}

/** All of stdin as text; undefined when nobody is writing to it. */
export async function readStdin(): Promise<string | undefined> {
  if (process.stdin.isTTY) return undefined;
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

/** Lines of stdin, split at line feeds only: other separators may stand inside a JSON string. */
export async function* stdinLines(): AsyncGenerator<string> {
  let rest = '';
  process.stdin.setEncoding('utf8');
  for await (const piece of process.stdin as AsyncIterable<string>) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/**
 * Aborts at the first Ctrl-C; the second one ends the program at once. For commands that can stop half-way.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  });
  return controller.signal;
}

/** Runs something that a Ctrl-C aborts; before and after it, Ctrl-C ends the program as it always does. */
export async function interruptible<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  process.on('SIGINT', abort);
  try {
    return await run(controller.signal);
  } finally {
    process.off('SIGINT', abort);
  }
}

/** Ends quietly when the reader of stdout goes away, as `| head` does; with a line when its disk is full. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    console.error(`smollm2: stdout: expected a place to write to, got ${error.message}`);
    process.exit(1);
  });
}

/** Ends the program when its output has been written, whatever else is still open. */
export async function finish(exitCode: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) {
    for (let wait = 0; stream.writableLength > 0 && wait < 1000; wait++) await sleep(1);
  }
  process.exit(exitCode);
}
