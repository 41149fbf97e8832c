// Statements of a template: {% if %}, {% for %}, {% set %} and the others, around the expressions.

import { ExpressionParser } from './expressions.ts';
import { tokenize } from './lexer.ts';
import { Names } from './names.ts';
import type { Block, Expression, FilterCall, Macro, Statement, Target } from './nodes.ts';
import { fail } from './values.ts';

const RESERVED = ['true', 'false', 'none', 'True', 'False', 'None'];

/** Statements of Jinja that chat templates have no use for: they read other files, or are HTML's. */
const REFUSED = 'include import from extends block autoescape trans do debug'.split(' ');

const NO_PARAMS = { params: [], defaults: [] };

/** @throws Error  with the line at which the template stops being one */
export function parse(template: string): Block {
  return new Parser(tokenize(template)).template();
}

class Parser extends ExpressionParser {
  private loops = 0;
  private readonly scopes: { names: Names; late: string[] }[] = [];

  template(): Block {
    const body = this.scope(this.names, () => this.block([]));
    if (!this.is('end')) this.fail('expected the end');
    for (const { names, late } of this.scopes) late.push(...names.late());
    return body;
  }

  private within<T>(names: Names, parse: () => T): T {
    const outer = this.names;
    this.names = names;
    const parsed = parse();
    this.names = outer;
    return parsed;
  }

  /** A block with a scope of its own. */
  private scope(names: Names, parse: () => Block): Block {
    const late: string[] = [];
    this.scopes.push({ names, late });
    return [{ type: 'late', names: late }, ...this.within(names, parse)];
  }

  private inner(own: readonly string[] = []): Names {
    return new Names(this.names, own);
  }

  /** Statements up to one of the words that end this block; the word is the current one then. */
  private block(ends: readonly string[]): Block {
    const body: Statement[] = [];
    for (;;) {
      if (this.is('end')) {
        if (ends.length > 0) this.fail(`expected ${ends.join(' or ')}`);
        return body;
      }
      if (this.is('data')) body.push({ type: 'text', text: this.next().text });
      else if (this.is('begin-output')) {
        this.next();
        body.push({ type: 'output', value: this.tuple() });
        this.expect('end-output');
      } else {
        this.expect('begin-block');
        if (this.current.type === 'name' && ends.includes(this.current.text)) return body;
        body.push(this.nested(() => this.statement()));
      }
    }
  }

  /** The body of a statement whose head is done, up to its end word, and the end of that tag. */
  private body(end: string, names = this.inner()): Block {
    this.expect('end-block');
    const body = this.scope(names, () => this.block([end]));
    this.next();
    this.expect('end-block');
    return body;
  }

  private statement(): Statement {
    const name = this.expect('name');
    switch (name) {
      case 'if':
        return this.ifStatement();
      case 'for':
        return this.forStatement();
      case 'set':
        return this.setStatement();
      case 'with':
        return this.withStatement();
      case 'macro': {
        const macro = this.macro(this.expect('name'));
        this.names.set(macro.name);
        return { type: 'macro', macro };
      }
      case 'call':
        return this.callStatement();
      case 'filter': {
        const filters = this.filters();
        return { type: 'filter', filters, body: this.body('endfilter') };
      }
      case 'generation':
        return {
          type: 'generation',
          caller: this.macroBody('caller', NO_PARAMS, this.inner(), 'endgeneration'),
        };
      case 'break':
      case 'continue':
        if (this.loops === 0) this.fail(`expected ${name} inside a loop`);
        this.expect('end-block');
        return { type: name };
      default:
        if (REFUSED.includes(name)) fail(`the statement ${name}, which is not supported`);
        return this.fail(`expected a statement that is known before this place, not ${name}`);
    }
  }

  private ifStatement(): Statement {
    const branches: [Expression, Block][] = [];
    let no: Block = [];
    this.names.branches++;
    for (let word = 'if'; word !== 'endif'; ) {
      if (word === 'else') {
        this.expect('end-block');
        no = this.block(['endif']);
      } else {
        const test = this.tuple({ choice: false });
        this.expect('end-block');
        branches.push([test, this.block(['elif', 'else', 'endif'])]);
      }
      word = this.next().text;
    }
    this.names.branches--;
    this.expect('end-block');
    return { type: 'if', branches, no };
  }

  private forStatement(): Statement {
    const target = this.target({ ends: 'in' });
    this.expect('name', 'in');
    const items = this.tuple({ choice: false, ends: 'recursive' });
    const test = this.skip('name', 'if') ? this.within(this.inner(), () => this.expression()) : undefined;
    const isRecursive = this.skip('name', 'recursive');
    this.expect('end-block');
    this.loops++;
    const body = this.scope(this.inner(namesOf(target)), () => this.block(['endfor', 'else']));
    this.loops--;
    const hasElse = this.next().text === 'else';
    const no = hasElse ? this.body('endfor') : [];
    if (!hasElse) this.expect('end-block');
    return { type: 'for', target, items, test, body, no, isRecursive };
  }

  private setStatement(): Statement {
    const target = this.target({ members: true });
    if (this.skip('sign', '=')) {
      const value = this.tuple();
      this.set(target);
      this.expect('end-block');
      return { type: 'set', target, value };
    }
    this.set(target);
    const filters = this.skip('sign', '|') ? this.filters() : [];
    return { type: 'set block', target, filters, body: this.body('endset') };
  }

  private set(target: Target): void {
    for (const name of namesOf(target)) this.names.set(name);
  }

  private withStatement(): Statement {
    const pairs: [Target, Expression][] = [];
    while (!this.is('end-block')) {
      if (pairs.length > 0) this.expect('sign', ',');
      const target = this.target({});
      this.expect('sign', '=');
      pairs.push([target, this.expression()]);
    }
    const own = pairs.flatMap(([target]) => namesOf(target));
    return { type: 'with', pairs, body: this.body('endwith', this.inner(own)) };
  }

  private callStatement(): Statement {
    const names = this.inner();
    const head = this.is('sign', '(') ? this.params(names) : NO_PARAMS;
    const call = this.expression();
    if (call.type !== 'call') this.fail('expected a call');
    return { type: 'call', call, caller: this.macroBody('caller', head, names, 'endcall') };
  }

  private macro(name: string): Macro {
    const names = this.inner();
    return this.macroBody(name, this.params(names), names, 'endmacro');
  }

  private macroBody(
    name: string,
    head: Pick<Macro, 'params' | 'defaults'>,
    names: Names,
    end: string,
  ): Macro {
    const [outerReads, outerLoops] = [this.reads, this.loops];
    this.reads = new Set();
    this.loops = 0;
    const body = this.body(end, names);
    const reads = this.reads;
    this.reads = new Set([...outerReads, ...reads]);
    this.loops = outerLoops;
    return { name, ...head, body, reads };
  }

  private params(names: Names): Pick<Macro, 'params' | 'defaults'> {
    this.expect('sign', '(');
    const params: string[] = [];
    const defaults: Expression[] = [];
    while (!this.is('sign', ')')) {
      if (params.length > 0) this.expect('sign', ',');
      const param = this.expect('name');
      names.read(param);
      params.push(param);
      if (this.skip('sign', '=')) defaults.push(this.within(names, () => this.expression()));
      else if (defaults.length > 0) this.fail('expected a default');
    }
    this.expect('sign', ')');
    return { params, defaults };
  }

  /** One or more filters, the first without its `|`. */
  private filters(): FilterCall[] {
    const filters = [this.filter()];
    while (this.skip('sign', '|')) filters.push(this.filter());
    return filters;
  }

  /** What is set: a name, several with commas, or a member of a namespace. */
  private target(options: { ends?: string; members?: boolean }): Target {
    const items = [this.oneTarget(options)];
    let isTuple = false;
    while (this.skip('sign', ',')) {
      isTuple = true;
      const isEnd = this.is('sign', '=') || this.is('end-block') || this.is('sign', ')');
      if (isEnd || (options.ends !== undefined && this.is('name', options.ends))) break;
      items.push(this.oneTarget(options));
    }
    return isTuple ? { type: 'tuple', items } : items[0];
  }

  private oneTarget(options: { members?: boolean }): Target {
    if (this.skip('sign', '(')) {
      const inner = this.nested(() => this.target(options));
      this.expect('sign', ')');
      return inner;
    }
    const name = this.expect('name');
    if (RESERVED.includes(name)) this.fail(`expected a name that can be set before this place, not ${name}`);
    if (options.members === true && this.skip('sign', '.')) {
      this.names.read(name);
      return { type: 'member', namespace: name, name: this.expect('name') };
    }
    return { type: 'name', name };
  }
}

/** Names that a target sets: a member of a namespace sets none. */
function namesOf(target: Target): string[] {
  if (target.type === 'tuple') return target.items.flatMap(namesOf);
  return target.type === 'name' ? [target.name] : [];
}
