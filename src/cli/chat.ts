// `smollm2 chat`: a conversation on the terminal, or line by line through a pipe.

import { createInterface } from 'node:readline';
import type { ChatMessage } from '../chat/message.ts';
import type { GenerateOptions } from '../generate/generate.ts';
import type { Session } from '../generate/session.ts';
import { writeText } from '../node/write-file.ts';
import { type Arguments, Command } from './arguments.ts';
import { speedLine } from './generate.ts';
import { engineOptions, openModel } from './model-options.ts';
import { generateOptions, samplingOptions } from './sampling-options.ts';
import { harmless, print, Status } from './terminal.ts';

const HELP = `/reset          forget the conversation
/system TEXT    set the system message (empty: the model's own) and forget the conversation
/save FILE      write the conversation to a file, as JSON
/help           this list
/exit           end (or Ctrl-D)
Ctrl-C stops an answer, and ends at an empty line.
`;

export const chatCommand = samplingOptions(
  engineOptions(
    new Command('chat', 'Talk to the model; /help lists what can be typed')
      .option('--system <text>', 'system message of the conversation')
      .example('$ smollm2 chat --temperature 0.2 --top-p 0.9'),
  ),
).onRun(run);

async function run(args: Arguments): Promise<void> {
  const status = new Status();
  const options = generateOptions(args);
  const { smol, loadMs } = await openModel(args, status);
  const chat = new Conversation(smol.session(), args.text('system'), options);
  const isTerminal = process.stdin.isTTY === true;
  const reader = createInterface({ input: process.stdin, output: isTerminal ? process.stdout : undefined });
  reader.setPrompt(isTerminal ? '> ' : '');
  reader.on('SIGINT', () => (chat.isAnswering ? chat.stop() : reader.close()));
  process.on('SIGINT', () => (chat.isAnswering ? chat.stop() : reader.close()));
  try {
    if (isTerminal) status.note('Type a message; /help lists the commands.');
    reader.prompt();
    for await (const line of reader) {
      if (await chat.take(line, (result) => isTerminal && status.note(speedLine(smol, result, loadMs))))
        break;
      reader.prompt();
    }
  } finally {
    reader.close();
    await smol.close();
  }
}

type Result = Parameters<typeof speedLine>[1];

/** The messages so far and what lines of input do to them. */
class Conversation {
  isAnswering = false;
  private readonly session: Session;
  private readonly options: GenerateOptions;
  private system: string | undefined;
  private messages: ChatMessage[] = [];
  private abort = new AbortController();

  constructor(session: Session, system: string | undefined, options: GenerateOptions) {
    this.session = session;
    this.system = system;
    this.options = options;
  }

  stop(): void {
    this.abort.abort();
  }

  /** A line of input; true when it ends the conversation. */
  async take(line: string, onAnswer: (result: Result) => void): Promise<boolean> {
    const [, command, rest] = /^\/(\w+)\s*(.*)$/.exec(line.trim()) ?? [];
    if (command === undefined) {
      if (line.trim() !== '') await this.answer(line, onAnswer);
    } else if (command === 'exit' || command === 'quit') return true;
    else if (command === 'reset') this.messages = [];
    else if (command === 'system') {
      this.system = rest || undefined;
      this.messages = [];
    } else if (command === 'save') await this.save(rest);
    else if (command === 'help') await print(HELP);
    else console.error(`smollm2: /${command}: expected /reset, /system, /save, /help or /exit`);
    return false;
  }

  private withSystem(): ChatMessage[] {
    return this.system === undefined
      ? this.messages
      : [{ role: 'system', content: this.system }, ...this.messages];
  }

  /** Streams an answer. One that fails takes its question with it; the conversation goes on. */
  private async answer(text: string, onAnswer: (result: Result) => void): Promise<void> {
    this.messages.push({ role: 'user', content: text });
    this.abort = new AbortController();
    this.isAnswering = true;
    try {
      const answer = this.session.chat(this.withSystem(), { ...this.options, signal: this.abort.signal });
      let step = await answer.next();
      for (; !step.done; step = await answer.next()) await print(harmless(step.value.text));
      await print('\n');
      this.messages.push({ role: 'assistant', content: step.value.text });
      onAnswer(step.value);
    } catch (error) {
      this.messages.pop();
      console.error(`smollm2: ${(error as Error).message}`);
    } finally {
      this.isAnswering = false;
    }
  }

  private async save(path: string): Promise<void> {
    if (path === '') return console.error('smollm2: /save: expected a file name');
    try {
      await writeText(path, `${JSON.stringify({ messages: this.withSystem() }, null, 2)}\n`);
      console.error(`saved to ${path}`);
    } catch (error) {
      console.error(`smollm2: /save: ${(error as Error).message}`);
    }
  }
}
