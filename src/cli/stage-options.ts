// A stage's options as the command line has them: `--min-doc-words 20`, `--stop-words the,of`, `--remove-ips false`.
// The stage's own table says which there are and of which kind.

import { checkedOptions, type OptionValue, type StageKind, type StageOptions } from '../data/stage.ts';
import { type Arguments, type Command, optionName, UsageError } from './arguments.ts';

/** Adds what the stage takes to a command. */
export function addStageOptions(command: Command, kind: StageKind): Command {
  for (const [name, value] of Object.entries(kind.options)) {
    command.option(`${optionName(name)} <${wordFor(value)}>`, `default: ${textOf(value)}`);
  }
  return command;
}

/** @throws UsageError for a value of another kind, RangeError where the stage refuses it */
export function stageOptionsOf(args: Arguments, kind: StageKind): StageOptions {
  const given: Record<string, OptionValue> = {};
  for (const [name, byDefault] of Object.entries(kind.options)) {
    const texts = args.texts(name);
    if (texts.length > 0) given[name] = optionValue(optionName(name), texts, byDefault);
  }
  return checkedOptions(kind, given);
}

function optionValue(option: string, texts: readonly string[], byDefault: OptionValue): OptionValue {
  const text = texts[texts.length - 1];
  if (Array.isArray(byDefault)) return texts.flatMap((list) => list.split(',')).filter((item) => item !== '');
  if (typeof byDefault === 'boolean') {
    if (text === 'true' || text === 'false') return text === 'true';
    throw new UsageError(`${option}: expected true or false, got "${text}"`);
  }
  if (typeof byDefault === 'number') {
    if (text === 'null') return null;
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isFinite(value)) return value;
    throw new UsageError(`${option}: expected a number, or null to switch it off, got "${text}"`);
  }
  return text;
}

function wordFor(value: OptionValue): string {
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'number') return 'n';
  return typeof value === 'boolean' ? 'true|false' : 'text';
}

function textOf(value: OptionValue): string {
  if (Array.isArray(value)) return value.length > 0 ? value.join(',') : 'none';
  return value === null ? 'none' : String(value);
}
