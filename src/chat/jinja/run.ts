// A Jinja template parsed once and rendered many times: the one door of this folder. Answers are Python's
// (jinja2 3.1 with the settings of transformers); what is not supported is refused by name.

import type { Budget } from '../budget.ts';
import { textFunction } from './functions.ts';
import { Interpreter } from './interpreter.ts';
import { parse } from './parser.ts';
import { toValue, type Value } from './values.ts';

/** @param values JSON values and functions of one text by name */
export type Render = (values: Readonly<Record<string, unknown>>, budget: Budget) => string;

/** @throws Error  when the template is not valid; rendering throws where Python fails or something is missing */
export function compile(template: string): Render {
  const program = parse(template);
  return (values, budget) => {
    const variables = new Map<string, Value>();
    for (const [name, value] of Object.entries(values)) {
      const isFunction = typeof value === 'function';
      variables.set(
        name,
        isFunction ? textFunction(name, value as (text: string) => string) : toValue(value, budget),
      );
    }
    return new Interpreter(variables, budget).render(program);
  };
}
