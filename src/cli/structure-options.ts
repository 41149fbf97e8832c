// The form of an answer as the command line gives it: --json-schema, --grammar, --regex.

import { readFile } from 'node:fs/promises';
import type { StructureOptions } from '../generate/structured.ts';
import { type Arguments, UsageError } from './arguments.ts';

/** Empty where no form is asked for. @throws UsageError  for more than one, or a file that cannot be read */
export async function structureOptions(args: Arguments): Promise<StructureOptions> {
  const schema = args.text('jsonSchema');
  const grammar = args.text('grammar');
  const regex = args.text('regex');
  if ([schema, grammar, regex].filter((form) => form !== undefined).length > 1) {
    throw new UsageError('--json-schema, --grammar, --regex: expected one of them, got several');
  }
  if (args.flag('ignoreEos') && (schema ?? grammar ?? regex) !== undefined) {
    throw new UsageError(
      '--ignore-eos: expected without a form of the answer, which ends where its form does',
    );
  }
  if (schema !== undefined) return { schema: isJson(schema) ? schema : await read('--json-schema', schema) };
  if (grammar !== undefined) return { grammar: await read('--grammar', grammar) };
  return regex === undefined ? {} : { regex };
}

/** Schemas are objects or booleans; no file has such a name. */
function isJson(text: string): boolean {
  return /^\s*(\{|true\s*$|false\s*$)/.test(text);
}

async function read(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(
      `${option}: expected a file that can be read, got ${path}: ${(error as Error).message}`,
    );
  }
}
