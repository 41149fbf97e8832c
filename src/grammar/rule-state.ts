// Running rules (ebnf.ts). Parts without recursion become one automaton each; what is left is a tree of sequences,
// choices and repetitions over them, with the rules that lead back to themselves.

import { GrammarError } from '../base/errors.ts';
import type { Expression } from './ebnf.ts';
import type { Regex } from './regex.ts';
import { treeDfa } from './regex-dfa.ts';
import { LexState, State } from './state.ts';
import { TextLexer, TextTable } from './text-lexer.ts';
import { identity } from './words.ts';

/** Most parts of an automaton before it is left as a tree. */
const MAX_TREE = 20_000;

/** A part of a grammar that is ready to run. */
export type Node =
  | { readonly kind: 'text'; readonly lexer: TextLexer }
  | { readonly kind: 'rule'; readonly rule: Rule }
  | { readonly kind: 'sequence'; readonly first: Node; readonly rest: Node }
  | { readonly kind: 'choice'; readonly items: readonly Node[] }
  | { readonly kind: 'repeat'; readonly item: Node; readonly min: number; readonly max: number }
  | { readonly kind: 'nothing' };

interface Rule {
  readonly name: string;
  body: Node;
  /** Fewest bytes; infinite until found. */
  fewest: number;
}

const NOTHING: Node = { kind: 'nothing' };

export class RuleCompiler {
  private readonly rules: ReadonlyMap<string, Expression>;
  private readonly hasByte: Uint8Array;
  private readonly recursive: ReadonlySet<string>;
  private readonly compiled = new Map<string, Rule>();

  constructor(rules: ReadonlyMap<string, Expression>, hasByte: Uint8Array) {
    this.rules = rules;
    this.hasByte = hasByte;
    this.recursive = recursiveRules(rules);
  }

  /** @throws GrammarError  for left recursion, empty repetition, and rules that never end */
  compile(): Node {
    const root = this.node({ kind: 'rule', name: 'root' });
    for (let changed = true; changed; ) {
      changed = false;
      for (const rule of this.compiled.values()) {
        const fewest = fewestBytes(rule.body);
        if (fewest < rule.fewest) {
          rule.fewest = fewest;
          changed = true;
        }
      }
    }
    for (const rule of this.compiled.values()) {
      if (rule.fewest === Number.POSITIVE_INFINITY)
        throw new GrammarError('expected a rule that can end', rule.name);
      this.checkLeft(rule.body, rule, new Set());
    }
    if (fewestBytes(root) === Number.POSITIVE_INFINITY)
      throw new GrammarError('expected a text to be possible', 'root');
    return root;
  }

  /** The most bytes that the shortest text of any rule takes. */
  get longestFewest(): number {
    return [...this.compiled.values()].reduce((most, { fewest }) => Math.max(most, fewest), 0);
  }

  private node(expression: Expression): Node {
    const tree = this.regular(expression);
    if (tree) {
      const lexer = new TextLexer(new TextTable(treeDfa(tree, false), 'raw', this.hasByte));
      if (lexer.isEmpty) throw new GrammarError('expected a text to be possible', 'root');
      return { kind: 'text', lexer };
    }
    if (expression.kind === 'rule') return this.ruleNode(expression.name);
    if (expression.kind === 'choice')
      return { kind: 'choice', items: expression.items.map((item) => this.node(item)) };
    if (expression.kind === 'repeat') return { ...expression, item: this.node(expression.item) };
    if (expression.kind === 'sequence') return this.sequence(expression.items);
    throw new GrammarError('expected a smaller set', 'root');
  }

  private ruleNode(name: string): Node {
    let rule = this.compiled.get(name);
    if (!rule) {
      rule = { name, body: NOTHING, fewest: Number.POSITIVE_INFINITY };
      this.compiled.set(name, rule);
      rule.body = this.node(this.rules.get(name) as Expression);
    }
    return { kind: 'rule', rule };
  }

  /** Neighbours without recursion are taken together, as one automaton. */
  private sequence(items: readonly Expression[]): Node {
    const parts: Node[] = [];
    let plain: Expression[] = [];
    const flush = () => {
      const together: Expression = { kind: 'sequence', items: plain };
      // One by one where they are too large together.
      if (plain.length > 0)
        parts.push(...(this.regular(together) ? [together] : plain).map((one) => this.node(one)));
      plain = [];
    };
    for (const item of items) {
      if (this.regular(item)) plain.push(item);
      else {
        flush();
        parts.push(this.node(item));
      }
    }
    flush();
    return parts.reduceRight<Node>(
      (rest, first) => (rest === NOTHING ? first : { kind: 'sequence', first, rest }),
      NOTHING,
    );
  }

  /** The expression with all rules in it written out; undefined when it leads back to itself or gets too large. */
  private regular(expression: Expression): Regex | undefined {
    let size = 0;
    const expand = (one: Expression): Regex | undefined => {
      if (++size > MAX_TREE) return undefined;
      if (one.kind === 'set') return one;
      if (one.kind === 'rule')
        return this.recursive.has(one.name) ? undefined : expand(this.rules.get(one.name) as Expression);
      if (one.kind === 'repeat') {
        const item = expand(one.item);
        return item && { ...one, item };
      }
      const items = one.items.map(expand);
      return items.every((item) => item !== undefined)
        ? { kind: one.kind, items: items as Regex[] }
        : undefined;
    };
    return expand(expression);
  }

  /** Refuses a rule that can come back to itself before anything is written. */
  private checkLeft(node: Node, start: Rule, seen: Set<Rule>): void {
    if (node.kind === 'rule') {
      if (node.rule === start) {
        throw new GrammarError(
          'expected no left recursion; write the repeated part with * or to the right',
          start.name,
        );
      }
      if (seen.has(node.rule)) return;
      seen.add(node.rule);
      this.checkLeft(node.rule.body, start, seen);
    } else if (node.kind === 'sequence') {
      this.checkLeft(node.first, start, seen);
      if (fewestBytes(node.first) === 0) this.checkLeft(node.rest, start, seen);
    } else if (node.kind === 'choice') {
      for (const item of node.items) this.checkLeft(item, start, seen);
    } else if (node.kind === 'repeat') {
      if (fewestBytes(node.item) === 0)
        throw new GrammarError('expected no repetition of what may be empty', start.name);
      this.checkLeft(node.item, start, seen);
    }
  }
}

/** Rules that can lead back to themselves, and those that lead to them. */
function recursiveRules(rules: ReadonlyMap<string, Expression>): ReadonlySet<string> {
  const called = new Map<string, Set<string>>();
  for (const [name, body] of rules) {
    const names = new Set<string>();
    const collect = (one: Expression): void => {
      if (one.kind === 'rule') names.add(one.name);
      else if (one.kind === 'repeat') collect(one.item);
      else if (one.kind !== 'set') one.items.forEach(collect);
    };
    collect(body);
    called.set(name, names);
  }
  // What is left when rules without open calls are taken away, again and again, is or reaches a loop.
  const left = new Set(rules.keys());
  for (let changed = true; changed; ) {
    changed = false;
    for (const name of left) {
      if ([...(called.get(name) as Set<string>)].every((other) => !left.has(other))) {
        left.delete(name);
        changed = true;
      }
    }
  }
  return left;
}

function fewestBytes(node: Node): number {
  if (node.kind === 'text') return node.lexer.isEmpty ? Number.POSITIVE_INFINITY : node.lexer.bytesLeft(0, 0);
  if (node.kind === 'rule') return node.rule.fewest;
  if (node.kind === 'sequence') return fewestBytes(node.first) + fewestBytes(node.rest);
  if (node.kind === 'choice') return Math.min(...node.items.map(fewestBytes));
  return node.kind === 'repeat' && node.min > 0 ? node.min * fewestBytes(node.item) : 0;
}

const repeatRests = new WeakMap<Node, Node>();

/** What is left of a repetition after one item. */
function restOf(node: Extract<Node, { kind: 'repeat' }>): Node {
  if (node.min === 0 && node.max === Number.POSITIVE_INFINITY) return node;
  if (node.max === 1) return NOTHING;
  let rest = repeatRests.get(node);
  if (!rest) {
    rest = { ...node, min: Math.max(0, node.min - 1), max: node.max - 1 };
    repeatRests.set(node, rest);
  }
  return rest;
}

/** Before a part of a grammar. */
export class RuleState extends State {
  private readonly node: Node;
  readonly cont: State;

  constructor(node: Node, cont: State) {
    super();
    this.node = node;
    this.cont = cont;
  }

  step(byte: number, out: State[]): void {
    const { node, cont } = this;
    if (node.kind === 'text') new LexState(node.lexer, 0, 0, cont).step(byte, out);
    else if (node.kind === 'rule') new RuleState(node.rule.body, cont).step(byte, out);
    else if (node.kind === 'sequence')
      new RuleState(node.first, new RuleState(node.rest, cont)).step(byte, out);
    else if (node.kind === 'choice') for (const item of node.items) new RuleState(item, cont).step(byte, out);
    else if (node.kind === 'repeat') {
      if (node.max > 0) new RuleState(node.item, new RuleState(restOf(node), cont)).step(byte, out);
      if (node.min === 0) cont.step(byte, out);
    } else cont.step(byte, out);
  }

  get remaining(): number {
    return fewestBytes(this.node) + this.cont.remaining;
  }

  override get isEnd(): boolean {
    return fewestBytes(this.node) === 0 && this.cont.isEnd;
  }

  override get key(): string {
    return `r${identity(this.node)}`;
  }

  override withCont(cont: State): State {
    return new RuleState(this.node, cont);
  }
}
