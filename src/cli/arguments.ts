// What may be typed for a command, and what was: parsed by Node's own `parseArgs`, so a value is the text that stands
// there, `--` ends the options, and `--name=value` takes what begins with a dash.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { nearest } from '../base/nearest.ts';

/** The command line is wrong: exit code 2. */
export class UsageError extends RangeError {
  override readonly name = 'UsageError';
}

interface Option {
  /** In camel case: `maxTokens` for `--max-tokens`. */
  readonly name: string;
  readonly short?: string;
  readonly isFlag: boolean;
  /** As help shows it: `-n, --max-tokens <n>`. */
  readonly flags: string;
  readonly description: string;
}

/** What one command takes: words, options, examples. Its file in this folder fills it in. */
export class Command {
  readonly name: string;
  /** `generate [...prompt]`: `<word>` must be there, `[word]` may, `[...words]` takes the rest. */
  readonly usage: string;
  readonly description: string;
  readonly options: Option[] = [];
  readonly examples: string[] = [];
  run: ((args: Arguments) => Promise<void>) | undefined;

  constructor(usage: string, description: string) {
    this.name = usage.split(' ')[0];
    this.usage = usage;
    this.description = description;
    this.option('--debug', 'show where an error comes from');
    this.option('-h, --help', 'show this');
  }

  /** Adds an option: `-n, --max-tokens <n>` takes a value, `--json` is a flag. */
  option(flags: string, description: string): this {
    const [, short, name, value] = /^(?:-(\w), )?--([a-z][a-z0-9-]*)( <.+>)?$/.exec(flags) ?? [];
    if (!name) throw new TypeError(`option: expected "-x, --name <value>", got ${flags}`);
    if (this.hasOption(camelCase(name))) throw new TypeError(`option: expected --${name} once, got it twice`);
    const option = { name: camelCase(name), short, isFlag: value === undefined, flags, description };
    this.options.splice(Math.max(0, this.options.length - 2), 0, option);
    return this;
  }

  example(line: string): this {
    this.examples.push(line.trim());
    return this;
  }

  /** Says what the command does. */
  onRun(run: (args: Arguments) => Promise<void>): this {
    this.run = run;
    return this;
  }

  hasOption(name: string): boolean {
    return this.options.some((option) => option.name === name);
  }

  /**
   * Reads what was typed after the command's name.
   *
   * @throws UsageError when it does not fit
   */
  parse(argv: readonly string[]): Arguments {
    const options = Object.fromEntries(
      this.options.map(({ name, short, isFlag }) => [
        dashed(name),
        isFlag
          ? { type: 'boolean' as const, ...(short && { short }) }
          : { type: 'string' as const, multiple: true, ...(short && { short }) },
      ]),
    );
    let parsed: { values: Record<string, unknown>; positionals: string[] };
    try {
      parsed = parseArgs({ args: [...argv], options, allowPositionals: true });
    } catch (error) {
      throw this.usageError(error as NodeJS.ErrnoException);
    }
    const values = Object.entries(parsed.values).map(([name, value]) => [camelCase(name), value]);
    const args = new Arguments(parsed.positionals, Object.fromEntries(values));
    if (!args.flag('help')) this.checkWords(args.words);
    return args;
  }

  private usageError(error: NodeJS.ErrnoException): UsageError {
    if (error.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return new UsageError(error.message);
    const typed = /--?[^' ]+/.exec(error.message)?.[0] ?? '';
    const meant = nearest(
      typed,
      this.options.map(({ name }) => `--${dashed(name)}`),
    );
    return new UsageError(
      `${typed}: expected an option of smollm2 ${this.name}, ` +
        (meant ? `did you mean ${meant}?` : `got none of that name; see smollm2 ${this.name} --help`),
    );
  }

  private checkWords(words: readonly string[]): void {
    const wanted = this.usage.split(' ').slice(1);
    const missing = wanted.filter((word) => word.startsWith('<'))[words.length];
    if (missing) throw new UsageError(`${missing}: expected one, got none; see smollm2 ${this.name} --help`);
    const takesRest = wanted.some((word) => word.includes('...'));
    if (!takesRest && words.length > wanted.length) {
      throw new UsageError(`${words[wanted.length]}: expected nothing here; see smollm2 ${this.name} --help`);
    }
  }
}

/** What the user typed for one command. */
export class Arguments {
  /** Words that are not options, in order. */
  readonly words: readonly string[];
  private readonly values: Readonly<Record<string, unknown>>;

  constructor(words: readonly string[], values: Readonly<Record<string, unknown>>) {
    this.words = words;
    this.values = values;
  }

  /** The last value given for `--name`, in camel case here. */
  text(name: string): string | undefined {
    return this.texts(name).at(-1);
  }

  /** Every value given for an option that may be repeated. */
  texts(name: string): string[] {
    return [...((this.values[name] as string[] | undefined) ?? [])];
  }

  /** True for `--name`. */
  flag(name: string): boolean {
    return this.values[name] === true;
  }

  /** A number in decimal notation. Whether its size makes sense is for whoever uses it to say. */
  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) throw new UsageError(`${optionName(name)}: expected a number, got "${text}"`);
    return value;
  }

  /** A whole number of at least `min`. */
  count(name: string, min = 1): number | undefined {
    const value = this.number(name);
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= min)) {
      throw new UsageError(`${optionName(name)}: expected a whole number of at least ${min}, got ${value}`);
    }
    return value;
  }

  /** `--threads`: more than a few for each core only wait for each other, and a thousand for minutes. */
  threads(): number | undefined {
    const count = this.count('threads');
    const most = Math.max(16, 4 * availableParallelism());
    if (count === undefined || count <= most) return count;
    throw new UsageError(`--threads: expected at most ${most} on this machine, got ${count}`);
  }

  /** One of a few words. */
  choice<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.text(name);
    if (text !== undefined && !words.includes(text as Word)) {
      throw new UsageError(`${optionName(name)}: expected ${words.join(' or ')}, got "${text}"`);
    }
    return text as Word | undefined;
  }
}

/** `--max-tokens` for `maxTokens`. */
export function optionName(name: string): string {
  return `--${dashed(name)}`;
}

const dashed = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const camelCase = (name: string) => name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** A command's help: usage, description, options, examples. */
export function helpOf(command: Command, width = 100): string {
  const rows = command.options.map(({ flags, description }): [string, string] => [
    flags.replace(/^--/, '    --'),
    description,
  ]);
  const examples = command.examples.map((line) => `  ${line}\n`).join('');
  return (
    `Usage: smollm2 ${command.usage} [options]\n\n${command.description}\n\nOptions:\n` +
    columns(rows, width) +
    (examples && `\nExamples:\n${examples}`)
  );
}

/** Two columns, the second wrapped at `width`. */
export function columns(rows: readonly [string, string][], width: number): string {
  const left = Math.max(...rows.map(([first]) => first.length)) + 4;
  const lines = rows.map(([first, second]) => {
    const wrapped = second
      .replaceAll(new RegExp(`(.{1,${Math.max(20, width - left)}})(?: |$)`, 'g'), '$1\n')
      .trimEnd();
    return `  ${first}`.padEnd(left) + wrapped.replaceAll('\n', `\n${' '.repeat(left)}`);
  });
  return `${lines.join('\n')}\n`;
}
