// Functions that every template has, and the calls of its own macros.

import type { Budget } from '../budget.ts';
import { Arguments, type Named } from './bind.ts';
import type { Expression, Macro } from './nodes.ts';
import { Scope } from './scope.ts';
import { str } from './text.ts';
import {
  Callable,
  type Dict,
  fail,
  intOf,
  iterate,
  keyOf,
  Namespace,
  Range,
  Tuple,
  Undefined,
  type Value,
} from './values.ts';

/** `range`, `dict`, `namespace`, `joiner`. */
export function globals(budget: Budget): Map<string, Value> {
  const functions = [
    new Callable('range', (args, named) => {
      if (named.size > 0 || args.length < 1 || args.length > 3) fail('range: 1 to 3 arguments');
      const [first, second, step = 1] = args.map((arg) => intOf(arg, 'range'));
      const [start, stop] = second === undefined ? [0, first] : [first, second];
      budget.checkRange(start, stop, step);
      return new Range(start, stop, step);
    }),
    new Callable('dict', dict),
    new Callable('namespace', (args, named) => {
      const namespace = new Namespace();
      for (const [name, value] of dict(args, named)) namespace.members.set(String(name), value);
      return namespace;
    }),
    new Callable('joiner', (args, named) => {
      const separator = new Arguments('joiner', ['sep'], args, named).text('sep', ', ');
      let isUsed = false;
      return new Callable('a joiner', () => {
        if (isUsed) return separator;
        isUsed = true;
        return '';
      });
    }),
    ...['cycler', 'lipsum'].map(
      (name) => new Callable(name, () => fail(`the function ${name}, which is not supported`)),
    ),
  ];
  return new Map(functions.map((one) => [one.name, one]));
}

function dict(args: readonly Value[], named: Named): Dict {
  const made: Dict = new Map();
  if (args.length > 1) fail('dict: at most 1 argument by place');
  for (const arg of args) {
    if (arg instanceof Map) for (const [key, value] of arg) made.set(key, value);
    else {
      for (const pair of iterate(arg)) {
        const [key, value, ...more] = iterate(pair);
        if (value === undefined || more.length > 0) fail('dict: pairs');
        made.set(keyOf(key), value as Value);
      }
    }
  }
  for (const [key, value] of named) made.set(key, value);
  return made;
}

/** What `callMacro` needs of the interpreter. */
interface Evaluator {
  readonly budget: Budget;
  evaluate(node: Expression, scope: Scope): Value;
  text(body: Macro['body'], scope: Scope): string;
}

/** Calls a macro: its body sees the scope in which it was written, and its arguments. */
export function callMacro(
  evaluator: Evaluator,
  macro: Macro,
  outer: Scope,
  args: readonly Value[],
  named: Named,
): string {
  const { name, params, defaults, body, reads } = macro;
  const scope = new Scope(outer);
  const rest = new Map(named);
  for (const [i, param] of params.entries()) {
    const given = args[i] ?? (i < args.length ? args[i] : rest.get(param));
    if (i < args.length && rest.has(param)) fail(`macro ${name}: the argument ${param} twice`);
    rest.delete(param);
    const byDefault = defaults[i - (params.length - defaults.length)];
    if (given !== undefined) scope.set(param, given);
    else scope.set(param, byDefault ? evaluator.evaluate(byDefault, scope) : new Undefined(param));
  }
  const caller = rest.get('caller');
  if (reads.has('caller') && !params.includes('caller')) {
    rest.delete('caller');
    scope.set('caller', caller ?? new Undefined('No caller defined'));
  }
  if (reads.has('kwargs')) scope.set('kwargs', new Map(rest));
  else if (rest.size > 0) fail(`macro ${name} takes no keyword argument ${[...rest.keys()][0]}`);
  if (reads.has('varargs')) scope.set('varargs', new Tuple(args.slice(params.length)));
  else if (args.length > params.length)
    fail(`macro ${name} takes not more than ${params.length} argument(s)`);
  return evaluator.text(body, scope);
}

/** A function of the surroundings, with texts in and out. */
export function textFunction(name: string, answer: (text: string) => string): Callable {
  return new Callable(name, (args) => {
    if (args.length !== 1) fail(`${name}: one argument, got ${args.length}`);
    return answer(str(args[0]));
  });
}
