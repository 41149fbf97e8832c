// Expressions of a template, by the grammar of Jinja2 3.1: `or` binds least, then `and`, `not`, comparisons,
// + -, ~, * / // %, **, signs, and what stands behind a value: .name [index] (arguments) | filter, is test.

import type { Token, Word } from './lexer.ts';
import { Names } from './names.ts';
import type { Args, Expression, FilterCall } from './nodes.ts';
import { Float, fail } from './values.ts';

/** Expressions inside each other; the limit keeps the call stack far from its end. */
const MAX_NESTING = 100;

const COMPARISONS = ['==', '!=', '>=', '<=', '>', '<'];
const CONSTANTS: Readonly<Record<string, boolean | null>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};

export class ExpressionParser {
  /** Names read since the innermost macro began. */
  protected reads = new Set<string>();
  /** Names of the scope that is being read. */
  protected names = new Names(undefined);
  protected nesting = 0;
  private readonly tokens: readonly (Token | Word)[];
  private at = 0;

  constructor(tokens: readonly (Token | Word)[]) {
    this.tokens = tokens;
  }

  protected get current(): Token | Word {
    return this.tokens[this.at];
  }

  protected next(): Token | Word {
    return this.tokens[this.at++];
  }

  protected peek(): Token | Word | undefined {
    return this.tokens[this.at + 1];
  }

  protected is(type: (Token | Word)['type'], text?: string): boolean {
    return this.current.type === type && (text === undefined || this.current.text === text);
  }

  protected skip(type: (Token | Word)['type'], text: string): boolean {
    const found = this.is(type, text);
    if (found) this.at++;
    return found;
  }

  protected expect(type: (Token | Word)['type'], text?: string): string {
    if (!this.is(type, text)) this.fail(`expected ${text ?? type}`);
    return this.next().text;
  }

  protected fail(message: string): never {
    const { type, text, line } = this.current;
    return fail(
      `line ${line}: ${message}, got ${type === 'end' ? 'the end' : JSON.stringify(text.slice(0, 40))}`,
    );
  }

  protected nested<T>(parse: () => T): T {
    if (++this.nesting > MAX_NESTING) this.fail(`expected at most ${MAX_NESTING} parts inside each other`);
    const result = parse();
    this.nesting--;
    return result;
  }

  expression(): Expression {
    return this.nested(() => this.choice());
  }

  /** One expression, or several with commas between them. */
  tuple(options: { choice?: boolean; ends?: string; parenthesized?: boolean } = {}): Expression {
    const items: Expression[] = [];
    let isTuple = false;
    while (!this.isTupleEnd(options.ends)) {
      items.push(options.choice === false ? this.nested(() => this.or()) : this.expression());
      if (!this.skip('sign', ',')) break;
      isTuple = true;
    }
    if (!isTuple && items.length === 1) return items[0];
    if (!isTuple && options.parenthesized !== true) this.fail('expected an expression');
    return { type: 'tuple', items };
  }

  private isTupleEnd(ends: string | undefined): boolean {
    if (['end-output', 'end-block', 'end'].includes(this.current.type) || this.is('sign', ')')) return true;
    return ends !== undefined && this.is('name', ends);
  }

  private choice(): Expression {
    let value = this.or();
    while (this.skip('name', 'if')) {
      const test = this.or();
      const no = this.skip('name', 'else') ? this.nested(() => this.choice()) : undefined;
      value = { type: 'choice', test, yes: value, no };
    }
    return value;
  }

  private or(): Expression {
    let left = this.and();
    while (this.skip('name', 'or')) left = { type: 'or', left, right: this.and() };
    return left;
  }

  private and(): Expression {
    let left = this.not();
    while (this.skip('name', 'and')) left = { type: 'and', left, right: this.not() };
    return left;
  }

  private not(): Expression {
    if (!this.skip('name', 'not')) return this.comparison();
    return { type: 'unary', sign: 'not', operand: this.nested(() => this.not()) };
  }

  private comparison(): Expression {
    const first = this.sum();
    const rest: [string, Expression][] = [];
    for (;;) {
      if (this.current.type === 'sign' && COMPARISONS.includes(this.current.text)) {
        rest.push([this.next().text, this.sum()]);
      } else if (this.skip('name', 'in')) {
        rest.push(['in', this.sum()]);
      } else if (this.is('name', 'not') && this.peek()?.type === 'name' && this.peek()?.text === 'in') {
        this.at += 2;
        rest.push(['not in', this.sum()]);
      } else {
        return rest.length === 0 ? first : { type: 'compare', first, rest };
      }
    }
  }

  private sum(): Expression {
    return this.binary(['+', '-'], () => this.concat());
  }

  private concat(): Expression {
    const parts = [this.product()];
    while (this.skip('sign', '~')) parts.push(this.product());
    return parts.length === 1 ? parts[0] : { type: 'concat', parts };
  }

  private product(): Expression {
    return this.binary(['*', '/', '//', '%'], () => this.binary(['**'], () => this.unary(true)));
  }

  private binary(signs: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    while (this.current.type === 'sign' && signs.includes(this.current.text)) {
      left = { type: 'binary', sign: this.next().text, left, right: operand() };
    }
    return left;
  }

  private unary(takesFilters: boolean): Expression {
    const isSigned = this.is('sign', '-') || this.is('sign', '+');
    let value: Expression = isSigned
      ? { type: 'unary', sign: this.next().text, operand: this.nested(() => this.unary(false)) }
      : this.primary();
    value = this.postfix(value);
    return takesFilters ? this.filtered(value) : value;
  }

  protected primary(): Expression {
    const { type, text } = this.current;
    if (type === 'name') {
      this.next();
      if (Object.hasOwn(CONSTANTS, text)) return { type: 'constant', value: CONSTANTS[text] };
      this.reads.add(text);
      this.names.read(text);
      return { type: 'name', name: text };
    }
    if (type === 'string') {
      let value = '';
      while (this.is('string')) value += this.next().text;
      return { type: 'constant', value };
    }
    if (type === 'int' || type === 'float') {
      const value = Number(this.next().text.replaceAll('_', ''));
      if (type === 'int' && !Number.isSafeInteger(value)) fail('whole numbers up to 2^53');
      return { type: 'constant', value: type === 'int' ? value : new Float(value) };
    }
    if (this.skip('sign', '(')) {
      const value = this.nested(() => this.tuple({ parenthesized: true }));
      this.expect('sign', ')');
      return value;
    }
    if (this.skip('sign', '[')) return { type: 'list', items: this.list(']', () => this.expression()) };
    if (this.skip('sign', '{')) {
      const pair = (): [Expression, Expression] => {
        const key = this.expression();
        this.expect('sign', ':');
        return [key, this.expression()];
      };
      return { type: 'dict', pairs: this.list('}', pair) };
    }
    return this.fail('expected a value');
  }

  /** Members with commas between them up to a closing sign; a comma may stand behind the last. */
  private list<T>(close: string, member: () => T): T[] {
    const members: T[] = [];
    while (!this.is('sign', close)) {
      if (members.length > 0) this.expect('sign', ',');
      if (this.is('sign', close)) break;
      members.push(member());
    }
    this.expect('sign', close);
    return members;
  }

  protected postfix(start: Expression): Expression {
    let value = start;
    for (;;) {
      if (this.is('sign', '.') || this.is('sign', '[')) value = this.subscript(value);
      else if (this.is('sign', '(')) value = { type: 'call', callee: value, args: this.args() };
      else return value;
    }
  }

  private filtered(start: Expression): Expression {
    let value = start;
    for (;;) {
      if (this.skip('sign', '|')) value = { type: 'filter', input: value, filter: this.filter() };
      else if (this.skip('name', 'is')) value = this.test(value);
      else if (this.is('sign', '(')) value = { type: 'call', callee: value, args: this.args() };
      else return value;
    }
  }

  private subscript(object: Expression): Expression {
    if (this.next().text === '.') {
      const { type, text } = this.next();
      if (type === 'name') return { type: 'attribute', object, name: text };
      if (type !== 'int') this.fail('expected a name behind the dot');
      return { type: 'item', object, index: { type: 'constant', value: Number(text) } };
    }
    const indices = this.list(']', () => this.slice());
    if (indices.length === 0) this.fail('expected an index');
    return {
      type: 'item',
      object,
      index: indices.length === 1 ? indices[0] : { type: 'tuple', items: indices },
    };
  }

  private slice(): Expression {
    const atEnd = () => this.is('sign', ']') || this.is('sign', ',') || this.is('sign', ':');
    const parts: (Expression | undefined)[] = [atEnd() ? undefined : this.expression()];
    if (!this.is('sign', ':')) return parts[0] ?? this.fail('expected an index');
    while (parts.length < 3 && this.skip('sign', ':')) parts.push(atEnd() ? undefined : this.expression());
    return { type: 'slice', parts };
  }

  /** A filter behind its `|`. */
  filter(): FilterCall {
    return { name: this.dottedName(), args: this.is('sign', '(') ? this.args() : NO_ARGS };
  }

  private test(input: Expression): Expression {
    const isNegated = this.skip('name', 'not');
    const name = this.dottedName();
    let args = NO_ARGS;
    if (this.is('sign', '(')) args = this.args();
    else if (this.startsArgument()) {
      args = { positional: [this.nested(() => this.postfix(this.primary()))], named: [] };
    }
    const test: Expression = { type: 'test', input, test: { name, args } };
    return isNegated ? { type: 'unary', sign: 'not', operand: test } : test;
  }

  /** Whether a test is followed by its one argument without brackets. */
  private startsArgument(): boolean {
    const { type, text } = this.current;
    if (type === 'name' && text === 'is') this.fail('expected one test, not a chain of them');
    if (type === 'name') return !['else', 'or', 'and'].includes(text);
    return ['string', 'int', 'float'].includes(type) || (type === 'sign' && '([{'.includes(text));
  }

  private dottedName(): string {
    let name = this.expect('name');
    while (this.skip('sign', '.')) name += `.${this.expect('name')}`;
    return name;
  }

  args(): Args {
    this.expect('sign', '(');
    const positional: Expression[] = [];
    const named: [string, Expression][] = [];
    const spreads: { spread?: Expression; namedSpread?: Expression } = {};
    this.list(')', () => {
      if (!spreads.spread && !spreads.namedSpread && this.skip('sign', '*'))
        spreads.spread = this.expression();
      else if (!spreads.namedSpread && this.skip('sign', '**')) spreads.namedSpread = this.expression();
      else if (this.current.type === 'name' && this.peek()?.type === 'sign' && this.peek()?.text === '=') {
        const name = this.next().text;
        this.next();
        named.push([name, this.expression()]);
      } else {
        if (named.length > 0 || spreads.spread || spreads.namedSpread) this.fail('expected a named argument');
        positional.push(this.expression());
      }
    });
    return { positional, named, ...spreads };
  }
}

export const NO_ARGS: Args = { positional: [], named: [] };
