// Tool calls as SmolLM2 was taught to write them: `<tool_call>[{"name": …, "arguments": {…}}, …]</tool_call>`. A
// grammar for answers that must be calls, a constraint for those that may be, and a reader of calls as they come.

import { GrammarError } from '../base/errors.ts';
import {
  type ConstraintOptions,
  compileSchema,
  type Grammar,
  type GrammarConstraint,
  type TokenBytes,
} from './grammar.ts';
import { isObject, type Json } from './json.ts';

export interface Tool {
  /** Letters, digits, `_` and `-`, at most 64. */
  readonly name: string;
  /** JSON schema of the arguments, an object's; none when absent. */
  readonly parameters?: Json;
}

export const CALL_BEGIN = '<tool_call>';
export const CALL_END = '</tool_call>';

/** Most calls of one answer. */
const MAX_CALLS = 8;

/**
 * The grammar of an answer that is calls of these tools, one at least.
 *
 * @param maxCalls  1 where calls must not be parallel
 * @param begun     the opening tag is written already
 * @throws GrammarError  for names that are wrong or double, and parameters that cannot be enforced
 */
export function compileTools(
  tools: readonly Tool[],
  tokenizer: TokenBytes,
  { maxCalls = MAX_CALLS, begun = false }: { readonly maxCalls?: number; readonly begun?: boolean } = {},
): Grammar {
  if (tools.length === 0) throw new RangeError('tools: expected one at least, got none');
  const names = new Set<string>();
  const calls = tools.map(({ name, parameters = { type: 'object', properties: {} } }, i) => {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name) || names.has(name)) {
      throw new GrammarError(
        `expected names of 1 to 64 letters, digits, _ or -, each once, got ${name}`,
        `tools/${i}`,
      );
    }
    names.add(name);
    // References inside the parameters are meant within them.
    const schema =
      isObject(parameters) && !Object.hasOwn(parameters, '$id')
        ? { $id: `tool:///${i}`, ...parameters }
        : parameters;
    const properties = { name: { const: name }, arguments: { type: 'object', allOf: [schema] } };
    return { type: 'object', properties, required: ['name', 'arguments'], additionalProperties: false };
  });
  const schema = { type: 'array', items: { anyOf: calls }, minItems: 1, maxItems: maxCalls };
  return compileSchema(schema, tokenizer, { before: begun ? '' : CALL_BEGIN, after: CALL_END });
}

interface ClosingToken {
  readonly id: number;
  readonly text: string;
}

/** Tokens that can complete the opening tag, by vocabulary: finding them takes as long as a pass. */
const closingTokens = new WeakMap<TokenBytes, readonly ClosingToken[]>();

function closingTokensOf(tokenizer: TokenBytes): readonly ClosingToken[] {
  const known = closingTokens.get(tokenizer);
  if (known) return known;
  const closing: ClosingToken[] = [];
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const text = latin1(tokenizer.tokenBytes(id));
    if (text.includes('>') && !tokenizer.isSpecial(id)) closing.push({ id, text });
  }
  closingTokens.set(tokenizer, closing);
  return closing;
}

/** Free text until the opening tag has been written, across whatever tokens; from there on calls of the tools. */
export class ToolTrigger {
  private readonly grammar: Grammar;
  private readonly tokenizer: TokenBytes;
  private readonly options: ConstraintOptions;
  private readonly closing: readonly ClosingToken[];
  private call: GrammarConstraint | undefined;
  private tail = '';
  private numTokens = 0;

  /** @param grammar  of `compileTools` with `begun` */
  constructor(grammar: Grammar, tokenizer: TokenBytes, options: ConstraintOptions = {}) {
    this.grammar = grammar;
    this.tokenizer = tokenizer;
    this.options = options;
    this.closing = closingTokensOf(tokenizer);
  }

  /** Whether the opening tag has been written. */
  get isCall(): boolean {
    return this.call !== undefined;
  }

  /** Sets the scores of ids that may not come next to -Infinity. @param scores [vocabSize] */
  mask(scores: Float64Array | Float32Array): void {
    if (this.call) {
      this.call.mask(scores);
      return;
    }
    // A token that completes the tag and goes on must go on with a call.
    for (const { id, text } of this.closing) {
      const rest = afterTag(this.tail + text);
      if (rest && !this.grammar.matcher().acceptBytes(bytesOf(rest))) scores[id] = Number.NEGATIVE_INFINITY;
    }
  }

  /** Takes the id that was drawn. */
  accept(id: number): void {
    this.numTokens++;
    if (this.call) {
      this.call.accept(id);
      return;
    }
    if (this.tokenizer.isSpecial(id)) return;
    const text = this.tail + latin1(this.tokenizer.tokenBytes(id));
    const rest = afterTag(text);
    this.tail = text.slice(1 - CALL_BEGIN.length);
    if (rest === undefined) return;
    const { maxTokens } = this.options;
    const left = maxTokens === undefined ? undefined : Math.max(0, maxTokens - this.numTokens);
    this.call = this.grammar.constraint({ ...this.options, maxTokens: left });
    if (rest !== '') this.call.matcher.acceptBytes(bytesOf(rest));
  }
}

function afterTag(text: string): string | undefined {
  const at = text.indexOf(CALL_BEGIN);
  return at < 0 ? undefined : text.slice(at + CALL_BEGIN.length);
}

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** What a piece of an answer adds: text outside calls, a call's name, a piece of its arguments as they are written. */
export type ToolEvent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'name'; readonly index: number; readonly name: string }
  | { readonly kind: 'arguments'; readonly index: number; readonly text: string };

/** Reads an answer of the grammar above as it comes. Pieces of `arguments` join to the JSON that was written. */
export class ToolCallReader {
  private index = -1;
  /** Not read yet: what may be a part of the tag, or of a call's head. */
  private held = '';
  private place: 'text' | 'head' | 'arguments' | 'end' = 'text';
  private depth = 0;
  private isString = false;
  private isEscaped = false;

  push(piece: string): ToolEvent[] {
    this.held += piece;
    const events: ToolEvent[] = [];
    while (this.step(events));
    return events;
  }

  /** What was held back at the end of the answer. */
  end(): ToolEvent[] {
    const rest = this.place === 'text' ? this.held : '';
    this.held = '';
    return rest === '' ? [] : [{ kind: 'text', text: rest }];
  }

  /** @returns whether something was read and there may be more */
  private step(events: ToolEvent[]): boolean {
    if (this.place === 'text') return this.readText(events);
    if (this.place === 'head') return this.readHead(events);
    return this.place === 'arguments' && this.readArguments(events);
  }

  private readText(events: ToolEvent[]): boolean {
    const at = this.held.indexOf(CALL_BEGIN);
    // The beginning of a tag is held back.
    const numHeld = Math.min(CALL_BEGIN.length - 1, this.held.length);
    const begun = Array.from({ length: numHeld }, (_, i) => numHeld - i).find((n) => {
      return this.held.endsWith(CALL_BEGIN.slice(0, n));
    });
    const end = at < 0 ? this.held.length - (begun ?? 0) : at;
    if (end > 0) events.push({ kind: 'text', text: this.held.slice(0, end) });
    this.held = at < 0 ? this.held.slice(end) : this.held.slice(at + CALL_BEGIN.length);
    if (at >= 0) this.place = 'head';
    return at >= 0;
  }

  private readHead(events: ToolEvent[]): boolean {
    if (/^\s*\}?\s*\]/.test(this.held)) {
      this.place = 'end';
      return false;
    }
    // The brace that closes the call before stands in front.
    const pattern = /^\s*\}?\s*[[,]\s*\{\s*"name"\s*:\s*("[^"]*")\s*,\s*"arguments"\s*:\s*(?=\{)/;
    const head = pattern.exec(this.held);
    if (!head) return false;
    events.push({ kind: 'name', index: ++this.index, name: JSON.parse(head[1]) as string });
    this.held = this.held.slice(head[0].length);
    this.place = 'arguments';
    this.depth = 0;
    return true;
  }

  private readArguments(events: ToolEvent[]): boolean {
    let at = 0;
    for (; at < this.held.length; at++) {
      const character = this.held[at];
      if (this.isString) {
        if (this.isEscaped) this.isEscaped = false;
        else if (character === '\\') this.isEscaped = true;
        else if (character === '"') this.isString = false;
      } else if (character === '"') this.isString = true;
      else if (character === '{' || character === '[') this.depth++;
      else if ((character === '}' || character === ']') && --this.depth === 0) break;
    }
    const isWhole = at < this.held.length;
    const text = this.held.slice(0, isWhole ? at + 1 : at);
    if (text !== '') events.push({ kind: 'arguments', index: this.index, text });
    this.held = this.held.slice(text.length);
    if (!isWhole) return false;
    this.place = 'head';
    return true;
  }
}
