// Structured output: a JSON schema, a regular expression or a grammar in, masks over a vocabulary out. This file is
// the entry `smollm2/grammar`; it needs a tokenizer and no model. The way of a schema: schema.ts reads it,
// alternatives.ts works out what may stand at each place, compile.ts makes shapes of that, state.ts and its
// neighbours run over them byte by byte, mask.ts asks them about every token at once.

import { GrammarError } from '../base/errors.ts';
import { DEFAULT_BOUNDS, SchemaCompiler } from './compile.ts';
import { type ConstraintOptions, GrammarConstraint } from './constraint.ts';
import { parseEbnf } from './ebnf.ts';
import type { Json } from './json.ts';
import type { Spacing, ValueNode } from './json-value.ts';
import { MaskBuilder } from './mask.ts';
import { Matcher } from './matcher.ts';
import { regexDfa } from './regex-dfa.ts';
import { RuleCompiler, RuleState } from './rule-state.ts';
import type { Bounds } from './schema-places.ts';
import { End, LexState, State, WordState } from './state.ts';
import { TextLexer, TextTable } from './text-lexer.ts';
import { type TokenBytes, TokenTrie } from './token-trie.ts';
import { identity, wordTree } from './words.ts';

export { GrammarError } from '../base/errors.ts';
export type { ConstraintOptions, GrammarConstraint } from './constraint.ts';
export type { Json } from './json.ts';
export { Matcher } from './matcher.ts';
export type { Bounds } from './schema-places.ts';
export type { TokenBytes } from './token-trie.ts';

export interface SchemaOptions {
  /**
   * White space in the JSON that is written: none; at most one space after `:` and `,` (default); or up to eight
   * bytes of any kind wherever JSON allows it.
   */
  readonly whitespace?: 'none' | 'single' | 'any';
  /** Texts around the document: parts of the answer. */
  readonly before?: string;
  readonly after?: string;
  /** Limits where the schema has none; by default 2,048 code points, 256 items, 64 additional properties. */
  readonly bounds?: Partial<Bounds>;
}

const SPACINGS: Readonly<Record<NonNullable<SchemaOptions['whitespace']>, Spacing>> = {
  none: { afterSeparator: 0, anywhere: 0 },
  single: { afterSeparator: 1, anywhere: 0 },
  any: { afterSeparator: 8, anywhere: 8 },
};

/** A compiled grammar: immutable, for any number of texts at once. */
export class Grammar {
  private readonly masks: MaskBuilder;
  private readonly first: State;
  private readonly growth: number;

  /** @param growth  by how many bytes one token can move the end of a text away */
  constructor(masks: MaskBuilder, first: State, growth: number) {
    this.masks = masks;
    this.first = first;
    this.growth = growth;
  }

  /** A new text under this grammar. */
  matcher(): Matcher {
    return new Matcher(this.masks, [this.first], this.growth);
  }

  /** The same for a generator: `generate(ids, { constraint: grammar.constraint() })`. */
  constraint(options: ConstraintOptions = {}): GrammarConstraint {
    return new GrammarConstraint(this.matcher(), options);
  }

  /** Fewest bytes of a text. */
  get fewestBytes(): number {
    return this.first.remaining;
  }
}

/** Before a JSON document. */
class ValueState extends State {
  private readonly value: ValueNode;
  readonly cont: State;

  constructor(value: ValueNode, cont: State) {
    super();
    this.value = value;
    this.cont = cont;
  }

  step(byte: number, out: State[]): void {
    this.value.begin(byte, this.cont, 0, out);
  }

  get remaining(): number {
    return this.value.fewest + this.cont.remaining;
  }

  override get key(): string {
    return `v${identity(this.value)}`;
  }
}

const builders = new WeakMap<TokenTrie, MaskBuilder>();

function masksOf(tokenizer: TokenBytes): MaskBuilder {
  const trie = TokenTrie.of(tokenizer);
  let masks = builders.get(trie);
  if (!masks) {
    masks = new MaskBuilder(trie);
    builders.set(trie, masks);
  }
  return masks;
}

/**
 * The grammar of the JSON documents that a schema (draft-04 to 2020-12) allows.
 *
 * @param schema  the schema, or its JSON text
 * @throws GrammarError  when the schema is broken, allows nothing, or says what cannot be enforced exactly; with the
 *   keyword and the JSON pointer
 */
export function compileSchema(
  schema: Json | string,
  tokenizer: TokenBytes,
  options: SchemaOptions = {},
): Grammar {
  const masks = masksOf(tokenizer);
  const spacing = SPACINGS[options.whitespace ?? 'single'];
  if (!spacing) throw new RangeError(`whitespace: expected none, single or any, got ${options.whitespace}`);
  const bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
  for (const [name, value] of Object.entries(bounds)) {
    if (!Number.isInteger(value) || value < 0)
      throw new RangeError(`${name}: expected a whole number, got ${value}`);
  }
  const json = typeof schema === 'string' ? parseJson(schema) : schema;
  const compiler = new SchemaCompiler(json, masks.trie.hasByte, spacing, bounds);
  const value = compiler.compile();
  // A token can open two values at most before it has to write one of them.
  const { before = '', after = '' } = options;
  const first = fixed(before, new ValueState(value, fixed(after, new End())));
  return new Grammar(masks, first, 2 * compiler.longestFewest + 16);
}

/** A text that stands there, and what comes after it. */
function fixed(text: string, cont: State): State {
  return text === '' ? cont : new WordState(wordTree([new TextEncoder().encode(text)]), () => cont);
}

/** Longest text of a schema: a megabyte of it takes tens of milliseconds to read. */
const MAX_SCHEMA = 2 ** 20;

function parseJson(text: string): Json {
  if (text.length > MAX_SCHEMA) {
    throw new GrammarError(`expected a schema of at most ${MAX_SCHEMA} characters, got ${text.length}`, '#');
  }
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new GrammarError(`expected a schema in JSON, got ${(error as Error).message}`, '#');
  }
}

/**
 * The grammar of the texts that a regular expression matches from beginning to end.
 *
 * @throws GrammarError  when the expression is broken, unsupported or too large
 */
export function compileRegex(pattern: string, tokenizer: TokenBytes): Grammar {
  const masks = masksOf(tokenizer);
  const lexer = new TextLexer(new TextTable(regexDfa(pattern, false), 'raw', masks.trie.hasByte));
  if (lexer.isEmpty)
    throw new GrammarError('expected a pattern that some text of this vocabulary matches', '#');
  return new Grammar(masks, new LexState(lexer, 0, 0, new End()), 4 * lexer.table.farthest);
}

/**
 * The grammar of rules in GBNF (ebnf.ts); a text is what `root` stands for.
 *
 * @throws GrammarError  with line and column, or the name of the rule
 */
export function compileEbnf(rules: string, tokenizer: TokenBytes): Grammar {
  const masks = masksOf(tokenizer);
  const compiler = new RuleCompiler(parseEbnf(rules), masks.trie.hasByte);
  const root = compiler.compile();
  return new Grammar(masks, new RuleState(root, new End()), 2 * compiler.longestFewest + 64);
}
