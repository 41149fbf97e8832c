// Evaluates a parsed template with Python's answers. Every expression is counted by the budget, and the size of
// what an operation makes is looked at before it is made.

import type { Budget } from '../budget.ts';
import type { Named } from './bind.ts';
import type { Filter, FilterContext } from './filter.ts';
import { FILTER_ALIASES, FILTERS, REFUSED_FILTERS } from './filters.ts';
import { callMacro, globals } from './functions.ts';
import { item, member, setMember, slice } from './members.ts';
import type { Args, Block, Expression, FilterCall, Statement, Target } from './nodes.ts';
import { arithmetic } from './numbers.ts';
import { Scope } from './scope.ts';
import { sizeOf } from './size.ts';
import { TESTS } from './tests.ts';
import { str } from './text.ts';
import {
  Callable,
  compare,
  contains,
  Float,
  fail,
  isEqual,
  isTrue,
  iterate,
  keyOf,
  Loop,
  numberOf,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

/** How a block ended: at its end, or by a statement that leaves the loop around it. */
type Ending = 'break' | 'continue' | undefined;

/** What has been written so far. */
class Output {
  text = '';
}

export class Interpreter implements FilterContext {
  readonly budget: Budget;
  private readonly root: Scope;

  constructor(variables: ReadonlyMap<string, Value>, budget: Budget) {
    this.budget = budget;
    this.root = new Scope(new Scope(new Scope(undefined, globals(budget)), variables));
  }

  /** @throws Error  where Python fails too, and at what is not supported, by name */
  render(template: Block): string {
    return this.text(template, this.root);
  }

  /** What a block writes. */
  text(block: Block, scope: Scope): string {
    const out = new Output();
    this.run(block, scope, out);
    return out.text;
  }

  private run(block: Block, scope: Scope, out: Output): Ending {
    for (const statement of block) {
      this.budget.enter();
      const ending = this.statement(statement, scope, out);
      this.budget.leave();
      if (ending) return ending;
    }
    return undefined;
  }

  private write(out: Output, text: string): void {
    this.budget.spendWork(text.length);
    this.budget.checkLength(out.text.length + text.length);
    out.text += text;
  }

  private statement(node: Statement, scope: Scope, out: Output): Ending {
    switch (node.type) {
      case 'late':
        for (const name of node.names) scope.hide(name);
        return undefined;
      case 'text':
        this.write(out, node.text);
        return undefined;
      case 'output':
        this.write(out, this.written(node.value, scope));
        return undefined;
      case 'if': {
        const taken = node.branches.find(([test]) => isTrue(this.evaluate(test, scope)));
        return this.run(taken ? taken[1] : node.no, scope, out);
      }
      case 'for':
        this.loop(node, this.evaluate(node.items, scope), scope, out, 0);
        return undefined;
      case 'set':
        this.assign(node.target, this.evaluate(node.value, scope), scope);
        return undefined;
      case 'set block': {
        const text = this.filtered(this.text(node.body, new Scope(scope)), node.filters, scope);
        this.assign(node.target, text, scope);
        return undefined;
      }
      case 'with': {
        const inner = new Scope(scope);
        for (const [target, value] of node.pairs) this.assign(target, this.evaluate(value, scope), inner);
        return this.run(node.body, inner, out);
      }
      case 'macro': {
        const { macro } = node;
        const call: Callable['call'] = (args, named) => callMacro(this, macro, scope, args, named);
        scope.set(macro.name, new Callable(macro.name, call));
        return undefined;
      }
      case 'call': {
        const { caller, call } = node;
        const callable = new Callable('caller', (args, named) => callMacro(this, caller, scope, args, named));
        if (call.type !== 'call') return undefined;
        this.write(out, str(this.call(call.callee, call.args, scope, callable)));
        return undefined;
      }
      case 'filter':
        this.write(out, str(this.filtered(this.text(node.body, new Scope(scope)), node.filters, scope)));
        return undefined;
      case 'generation':
        this.write(out, callMacro(this, node.caller, scope, [], new Map()));
        return undefined;
      default:
        return node.type;
    }
  }

  /** `safe` marks a text for HTML; where it is the last thing before the output it changes nothing. */
  private written(node: Expression, scope: Scope): string {
    if (node.type === 'filter' && node.filter.name === 'safe') return this.written(node.input, scope);
    return str(this.evaluate(node, scope));
  }

  private loop(
    node: Statement & { type: 'for' },
    items: Value,
    scope: Scope,
    out: Output,
    depth: number,
  ): void {
    const kept: Value[] = [];
    for (const value of iterate(items)) {
      this.budget.spendRounds(1);
      if (node.test) {
        const inner = new Scope(scope);
        this.assign(node.target, value, inner);
        if (!isTrue(this.evaluate(node.test, inner))) continue;
      }
      kept.push(value);
    }
    const again = (more: Value) => {
      const nested = new Output();
      this.budget.enter();
      this.loop(node, more, scope, nested, depth + 1);
      this.budget.leave();
      return nested.text;
    };
    const loop = new Loop(kept, depth, node.isRecursive ? again : undefined);
    for (; loop.index0 < kept.length; loop.index0++) {
      const inner = new Scope(scope);
      inner.set('loop', loop);
      this.assign(node.target, kept[loop.index0], inner);
      if (this.run(node.body, inner, out) === 'break') break;
    }
    if (kept.length === 0) this.run(node.no, new Scope(scope), out);
  }

  private assign(target: Target, value: Value, scope: Scope): void {
    if (target.type === 'name') scope.set(target.name, value);
    else if (target.type === 'member') setMember(scope.get(target.namespace), target.name, value);
    else {
      const items = [...iterate(value)];
      if (items.length !== target.items.length) {
        fail(`${target.items.length} values to unpack, got ${items.length}`);
      }
      for (const [i, one] of target.items.entries()) this.assign(one, items[i], scope);
    }
  }

  evaluate(node: Expression, scope: Scope): Value {
    this.budget.enter();
    const value = this.expression(node, scope);
    this.budget.checkLength(sizeOf(value, this.budget).length);
    this.budget.leave();
    return value;
  }

  private expression(node: Expression, scope: Scope): Value {
    const all = (nodes: readonly Expression[]) => nodes.map((one) => this.evaluate(one, scope));
    switch (node.type) {
      case 'constant':
        return node.value;
      case 'name':
        return scope.get(node.name);
      case 'list':
        return all(node.items);
      case 'tuple':
        return new Tuple(all(node.items));
      case 'dict':
        return new Map(
          node.pairs.map(([key, value]) => [keyOf(this.evaluate(key, scope)), this.evaluate(value, scope)]),
        );
      case 'attribute':
        return member(this.evaluate(node.object, scope), node.name, this.budget);
      case 'item':
        return this.item_(node.object, node.index, scope);
      case 'call':
        return this.call(node.callee, node.args, scope);
      case 'filter':
        return this.filtered(this.evaluate(node.input, scope), [node.filter], scope);
      case 'test': {
        const input = this.evaluate(node.input, scope);
        const { positional, named } = this.args(node.test.args, scope);
        return this.callTest(node.test.name, input, positional, named);
      }
      case 'concat': {
        const parts = all(node.parts).map(str);
        this.budget.checkLength(parts.reduce((sum, part) => sum + part.length, 0));
        return parts.join('');
      }
      case 'and':
      case 'or': {
        const left = this.evaluate(node.left, scope);
        return isTrue(left) === (node.type === 'or') ? left : this.evaluate(node.right, scope);
      }
      case 'choice':
        if (isTrue(this.evaluate(node.test, scope))) return this.evaluate(node.yes, scope);
        return node.no ? this.evaluate(node.no, scope) : new Undefined('the else of an if expression');
      case 'compare':
        return this.comparison(node, scope);
      default:
        return this.operation(node, scope);
    }
  }

  private operation(node: Expression, scope: Scope): Value {
    if (node.type === 'binary') {
      const [left, right] = [this.evaluate(node.left, scope), this.evaluate(node.right, scope)];
      for (const side of [left, right]) this.budget.spendWork(sizeOf(side, this.budget).length);
      for (const side of [left, right]) if (side instanceof Undefined) fail(`'${side.what}' is undefined`);
      return arithmetic(node.sign, left, right, this.budget);
    }
    if (node.type !== 'unary') return fail(`${node.type} where a value is expected`);
    const operand = this.evaluate(node.operand, scope);
    if (node.sign === 'not') return !isTrue(operand);
    const number =
      numberOf(operand) ?? fail(`bad operand type for unary ${node.sign}: '${typeName(operand)}'`);
    const signed = node.sign === '-' ? -number : number;
    return operand instanceof Float ? new Float(signed) : signed + 0;
  }

  private comparison(node: Expression & { type: 'compare' }, scope: Scope): Value {
    let left = this.evaluate(node.first, scope);
    for (const [sign, next] of node.rest) {
      const right = this.evaluate(next, scope);
      for (const side of [left, right]) this.budget.spendWork(sizeOf(side, this.budget).length);
      if (!compared(sign, left, right)) return false;
      left = right;
    }
    return true;
  }

  private item_(object: Expression, index: Expression, scope: Scope): Value {
    const container = this.evaluate(object, scope);
    if (index.type !== 'slice') return this.item(container, this.evaluate(index, scope));
    this.budget.spendWork(sizeOf(container, this.budget).members);
    const parts = index.parts.map((part) => (part ? this.evaluate(part, scope) : null));
    return slice(container, parts);
  }

  item(object: Value, key: Value): Value {
    if (typeof object === 'string') this.budget.spendWork(object.length);
    return item(object, key, this.budget);
  }

  private args(args: Args, scope: Scope): { positional: Value[]; named: Map<string, Value> } {
    const positional = args.positional.map((arg) => this.evaluate(arg, scope));
    const named = new Map(args.named.map(([name, value]) => [name, this.evaluate(value, scope)]));
    if (args.spread) positional.push(...iterate(this.evaluate(args.spread, scope)));
    if (args.namedSpread) {
      const more = this.evaluate(args.namedSpread, scope);
      if (!(more instanceof Map)) fail(`a dict behind **, not ${typeName(more)}`);
      for (const [name, value] of more as Map<string, Value>) named.set(name, value);
    }
    return { positional, named };
  }

  private call(callee: Expression, args: Args, scope: Scope, caller?: Callable): Value {
    const called = this.evaluate(callee, scope);
    const { positional, named } = this.args(args, scope);
    if (caller) named.set('caller', caller);
    for (const value of [...positional, ...named.values()]) {
      this.budget.spendWork(sizeOf(value, this.budget).members);
    }
    if (called instanceof Loop) return (called.recurse ?? fail('a recursive loop'))(positional[0]);
    if (called instanceof Undefined) fail(`'${called.what}' is undefined`);
    if (!(called instanceof Callable)) return fail(`'${typeName(called)}' object is not callable`);
    return called.call(positional, named);
  }

  private filtered(input: Value, filters: readonly FilterCall[], scope: Scope): Value {
    let value = input;
    for (const filter of filters) {
      const { positional, named } = this.args(filter.args, scope);
      value = this.callFilter(filter.name, value, positional, named);
    }
    return value;
  }

  callFilter(name: string, input: Value, args: readonly Value[], named: Named): Value {
    const known = Object.hasOwn(FILTER_ALIASES, name) ? FILTER_ALIASES[name] : name;
    if (!Object.hasOwn(FILTERS, known)) {
      const isJinja = REFUSED_FILTERS.includes(name);
      fail(isJinja ? `the filter ${name}, which is not supported here` : `No filter named '${name}'`);
    }
    const filter: Filter = FILTERS[known];
    this.budget.enter();
    this.budget.spendWork(sizeOf(input, this.budget).length);
    const value = filter(this, input, args, named);
    const { length } = sizeOf(value, this.budget);
    this.budget.spendWork(length);
    this.budget.checkLength(length);
    this.budget.leave();
    return value;
  }

  callTest(name: string, input: Value, args: readonly Value[], named: Named): boolean {
    if (!Object.hasOwn(TESTS, name)) fail(`No test named '${name}'`);
    this.budget.spendWork(sizeOf(input, this.budget).members);
    for (const arg of args) this.budget.spendWork(sizeOf(arg, this.budget).members);
    return TESTS[name](input, args, named, this.budget);
  }
}

function compared(sign: string, left: Value, right: Value): boolean {
  switch (sign) {
    case '==':
      return isEqual(left, right);
    case '!=':
      return !isEqual(left, right);
    case 'in':
      return contains(right, left);
    case 'not in':
      return !contains(right, left);
    default: {
      const order = compare(left, right);
      if (sign === '<') return order < 0;
      if (sign === '>') return order > 0;
      return sign === '<=' ? order <= 0 : order >= 0;
    }
  }
}
