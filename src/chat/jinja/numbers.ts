// Arithmetic of a template with Python's rules: / gives a float, // and % round down, texts and lists are joined
// by + and repeated by *.

import type { Budget } from '../budget.ts';
import { percentFormat } from './format.ts';
import { Float, fail, numberOf, Tuple, typeName, type Value } from './values.ts';

/** @throws Error  where Python has a TypeError or ZeroDivisionError, or a whole number leaves 2^53 */
export function arithmetic(sign: string, left: Value, right: Value, budget: Budget): Value {
  if (sign === '%' && typeof left === 'string') return percentFormat(left, right, budget);
  const [x, y] = [numberOf(left), numberOf(right)];
  if (x !== undefined && y !== undefined) {
    const isFloat = left instanceof Float || right instanceof Float;
    return numeric(sign, x, y, isFloat);
  }
  if (sign === '+') {
    if (typeof left === 'string' && typeof right === 'string') {
      budget.checkLength(left.length + right.length);
      return left + right;
    }
    if (Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
    if (left instanceof Tuple && right instanceof Tuple) return new Tuple([...left.items, ...right.items]);
  }
  if (sign === '*') return repeated(left, right, budget) ?? repeated(right, left, budget) ?? refuse();
  return refuse();

  function refuse(): never {
    return fail(`unsupported operand type(s) for ${sign}: '${typeName(left)}' and '${typeName(right)}'`);
  }
}

function numeric(sign: string, x: number, y: number, isFloat: boolean): Value {
  if (['/', '//', '%'].includes(sign) && y === 0) fail('division by zero');
  switch (sign) {
    case '+':
      return boxed(x + y, isFloat);
    case '-':
      return boxed(x - y, isFloat);
    case '*':
      return boxed(x * y, isFloat);
    case '/':
      return new Float(x / y);
    case '//':
      return boxed(Math.floor(x / y), isFloat);
    case '%': {
      const rest = x % y;
      return boxed(rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest, isFloat);
    }
    default:
      return power(x, y, isFloat);
  }
}

/** Whole powers of whole numbers only: others would need the platform's own logarithm. */
function power(x: number, y: number, isFloat: boolean): Value {
  if (isFloat || y < 0) fail('powers of whole numbers with whole exponents from 0');
  let product = 1;
  for (let i = 0; i < y && Math.abs(product) <= Number.MAX_SAFE_INTEGER && Math.abs(x) > 1; i++) product *= x;
  if (Math.abs(x) <= 1 && y > 0) product = x === -1 && y % 2 === 0 ? 1 : x;
  return boxed(product, false);
}

export function boxed(value: number, isFloat: boolean): Value {
  if (isFloat) return new Float(value);
  return Number.isSafeInteger(value) ? value + 0 : fail('whole numbers up to 2^53');
}

function repeated(sequence: Value, count: Value, budget: Budget): Value | undefined {
  if (typeof count !== 'number' && typeof count !== 'boolean') return undefined;
  const times = Math.max(0, Number(count));
  if (typeof sequence === 'string') {
    budget.checkLength(sequence.length * times);
    return sequence.repeat(times);
  }
  const items = sequence instanceof Tuple ? sequence.items : sequence;
  if (!Array.isArray(items)) return undefined;
  budget.checkLength(2 * items.length * times);
  const all = Array.from({ length: items.length * times }, (_, i) => items[i % items.length] as Value);
  return sequence instanceof Tuple ? new Tuple(all) : all;
}
