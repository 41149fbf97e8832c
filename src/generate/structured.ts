// Answers in a given form: a JSON schema, a grammar in GBNF or a regular expression becomes the constraint of one
// answer. The compiler (src/grammar) is loaded when it is asked for, so a page that never does need not carry it.

import type { Json, TokenBytes } from '../grammar/grammar.ts';
import type { Constraint } from './sampler.ts';

/** The form of an answer; at most one of the three. */
export interface StructureOptions {
  /** The answer is a JSON document of this schema (draft-04 to 2020-12), given as an object or as JSON text. */
  readonly schema?: Json | string;
  /** The answer is a text of this grammar: rules in GBNF, beginning with `root`. */
  readonly grammar?: string;
  /** The answer matches this regular expression from beginning to end. */
  readonly regex?: string;
}

/**
 * @param maxTokens  tokens of the answer: when they run short, it is led to its nearest end
 * @param endIds     ids that end the answer, beside the tokenizer's
 * @throws GrammarError  when the form is broken or cannot be enforced exactly
 * @throws RangeError    when there is more than one form
 */
export async function constraintOf(
  { schema, grammar, regex }: StructureOptions,
  tokenizer: TokenBytes,
  maxTokens: number,
  endIds: readonly number[],
): Promise<Constraint> {
  const given = Object.entries({ schema, grammar, regex }).filter(([, form]) => form !== undefined);
  if (given.length !== 1) {
    throw new RangeError(`generate(): expected one of schema, grammar, regex, got ${given.length} of them`);
  }
  const [name, form] = given[0];
  if (name !== 'schema' && typeof form !== 'string') {
    throw new TypeError(`generate(): ${name}: expected a text, got ${typeof form}`);
  }
  const { compileEbnf, compileRegex, compileSchema } = await import('../grammar/grammar.ts');
  const compiled =
    regex !== undefined
      ? compileRegex(regex, tokenizer)
      : grammar !== undefined
        ? compileEbnf(grammar, tokenizer)
        : compileSchema(schema as Json | string, tokenizer);
  return compiled.constraint({ maxTokens, endIds });
}
