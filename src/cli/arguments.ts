// Between the argument library (cac) and the commands: every value arrives as the text that was typed, and is
// read here. cac on its own turns `--text 1.0` into the number 1 and takes the word after a flag for its
// value.

import type { CAC, Command } from 'cac';

/** Marks a value as text for cac; taken off again below. It cannot be typed by accident. */
const MARK = '\u0001';

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
    const value = this.values[name];
    const list = Array.isArray(value) ? value : value === undefined ? [] : [value];
    return list.map((text) => String(text).replace(MARK, ''));
  }

  /** True for `--name`; options written `--no-name` are true unless given. */
  flag(name: string): boolean {
    const value = this.values[name];
    return Array.isArray(value) ? value.at(-1) === true : value === true;
  }

  /** A number in decimal notation. Whether its size makes sense is for whoever uses it to say. */
  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) throw new RangeError(`${optionName(name)}: expected a number, got "${text}"`);
    return value;
  }

  /** A whole number of at least `least`. */
  count(name: string, least = 1): number | undefined {
    const value = this.number(name);
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= least)) {
      throw new RangeError(`${optionName(name)}: expected a whole number of at least ${least}, got ${value}`);
    }
    return value;
  }

  /** One of a few words. */
  choice<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.text(name);
    if (text !== undefined && !words.includes(text as Word)) {
      throw new RangeError(`${optionName(name)}: expected ${words.join(' or ')}, got "${text}"`);
    }
    return text as Word | undefined;
  }
}

/** `--max-tokens` for `maxTokens`. */
export function optionName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Says what a command does with its arguments. */
export function onRun(command: Command, run: (args: Arguments) => Promise<void>): void {
  // cac calls with the words first and the options last.
  command.action((...given: unknown[]) => {
    const options = given.at(-1) as Record<string, unknown>;
    const words = given
      .slice(0, -1)
      .flat()
      .filter((word) => word !== undefined);
    const rest = (options['--'] ?? []) as string[];
    return run(new Arguments([...words, ...rest].map(String), options));
  });
}

/**
 * Parses and runs one command line.
 *
 * @param argv what follows the program's name
 * @throws Error with a message for the user when the line is wrong or the command fails
 */
export async function runCommand(cli: CAC, argv: readonly string[]): Promise<void> {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  const command = cli.commands.find((c) => argv.slice(0, end).some((word) => c.isMatched(word)));
  const marked = [...markValues(cli, command, argv.slice(0, end)), ...argv.slice(end)];
  cli.parse(['', '', ...marked], { run: false });
  if (cli.options.help || cli.options.version) return; // parse has printed it
  if (!cli.matchedCommand) {
    if (cli.args.length === 0) return cli.outputHelp();
    const names = cli.commands.map((c) => c.name).join(', ');
    throw new RangeError(`${cli.args[0]}: expected a command, one of ${names}`);
  }
  await cli.runMatchedCommand();
}

/** `--name value` and `--flag` as `--name=\u0001value` and `--flag=true`. */
function markValues(cli: CAC, command: Command | undefined, words: readonly string[]): string[] {
  const options = [...(command?.options ?? []), ...cli.globalCommand.options];
  const marked: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const [, dashes, name, value] = /^(--?)([A-Za-z][\w-]*)(?:=([\s\S]*))?$/.exec(words[i]) ?? [];
    const camel = name?.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const option =
      camel === undefined ? undefined : options.find((o) => o.names.includes(camel) && !o.negated);
    if (!option) marked.push(words[i]);
    else if (option.isBoolean) marked.push(`${dashes}${name}=${value ?? 'true'}`);
    else if (value !== undefined) marked.push(`${dashes}${name}=${MARK}${value}`);
    else if (i + 1 < words.length) marked.push(`${dashes}${name}=${MARK}${words[++i]}`);
    else marked.push(words[i]);
  }
  return marked;
}
