// The form that an answer must have: none, JSON of a schema, a grammar, or calls of tools. What cannot be enforced
// exactly is refused here, before anything is computed.

import { GrammarError } from '../base/errors.ts';
import type { Constraint } from '../generate/sampler.ts';
import { compileEbnf, compileSchema, type Grammar } from '../grammar/grammar.ts';
import type { Json } from '../grammar/json.ts';
import { compileTools, ToolTrigger } from '../grammar/tools.ts';
import type { SmolLM2 } from '../smollm2.ts';
import type { DescribedTool } from './conversation.ts';
import { wrongValue } from './errors.ts';
import type { Fields } from './fields.ts';
import { LIMITS } from './limits.ts';
import type { Metrics } from './metrics.ts';

/** The form of one request's answers. */
export interface Form {
  /** What keeps one answer in the form; it serves that one only. */
  constraint(maxTokens: number): Constraint | undefined;
  /** Whether calls are read out of the text. */
  readonly hasCalls: boolean;
  /** Whether the answer is calls and nothing else. */
  readonly isOnlyCalls: boolean;
}

export const FREE: Form = { constraint: () => undefined, hasCalls: false, isOnlyCalls: false };

/** Compiled grammars of late, by their source: clients send the same schema again and again. */
const MAX_COMPILED = 64;

/** Where errors stand that are in the arguments of a tool. */
const IN_TOOL = /^#.items.anyOf.(\d+).*?allOf.0/;

export class FormReader {
  private readonly smol: SmolLM2;
  private readonly metrics: Metrics;
  private readonly endIds: readonly number[];
  private readonly compiled = new Map<string, Grammar>();

  constructor(smol: SmolLM2, metrics: Metrics) {
    this.smol = smol;
    this.metrics = metrics;
    this.endIds = [...smol.tokenizer.eosIds, ...smol.config.eosIds];
  }

  /** `response_format`, or llama.cpp's `json_schema` and `grammar`. */
  read(fields: Fields): Form {
    const given = ['response_format', 'json_schema', 'grammar'].filter((name) => fields.has(name));
    if (given.length > 1) throw wrongValue(given[1], `expected none beside ${given[0]}`);
    if (fields.has('json_schema')) return this.ofSchema(fields.raw('json_schema'), 'json_schema');
    const grammar = fields.text('grammar', LIMITS.schemaLength);
    if (grammar !== undefined) {
      return this.of('grammar', `grammar ${grammar}`, (tokenizer) => compileEbnf(grammar, tokenizer));
    }
    const format = fields.child('response_format');
    return format ? this.ofFormat(format) : FREE;
  }

  /** `{type: text | json_object | json_schema, …}`; responses have the schema beside its type. */
  ofFormat(format: Fields): Form {
    const type = format.oneOf('type', ['text', 'json_object', 'json_schema']);
    if (type === undefined) throw format.wrong('type', 'text, json_object or json_schema');
    if (type === 'text') return FREE;
    if (type === 'json_object')
      return this.ofSchema(format.raw('schema') ?? { type: 'object' }, format.at('schema'));
    const described = format.child('json_schema') ?? format;
    if (!described.has('schema')) throw described.wrong('schema', 'a JSON schema');
    return this.ofSchema(described.raw('schema'), described.at('schema'));
  }

  ofSchema(schema: unknown, param: string): Form {
    if (
      typeof schema !== 'boolean' &&
      (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    ) {
      throw wrongValue(param, `expected a JSON schema, got ${typeof schema}`, 'invalid_schema');
    }
    const source = JSON.stringify(schema);
    if (source.length > LIMITS.schemaLength) {
      const expected = `expected at most ${LIMITS.schemaLength} characters, got ${source.length}`;
      throw wrongValue(param, expected, 'invalid_schema');
    }
    return this.of(param, `schema ${source}`, (tokenizer) => compileSchema(schema as Json, tokenizer));
  }

  /** Calls of tools: some for certain, or where the model begins one. */
  ofTools(tools: readonly DescribedTool[], isCertain: boolean, isParallel: boolean): Form {
    const { tokenizer } = this.smol;
    const limit = isParallel ? {} : { maxCalls: 1 };
    const key = `tools ${isCertain} ${isParallel} ${JSON.stringify(tools)}`;
    const compile = () => compileTools(tools, tokenizer, { ...limit, begun: !isCertain });
    const grammar = this.compile('tools', key, compile, tools);
    const endIds = this.endIds;
    return {
      constraint: (maxTokens) =>
        isCertain
          ? grammar.constraint({ maxTokens, endIds })
          : new ToolTrigger(grammar, tokenizer, { maxTokens, endIds }),
      hasCalls: true,
      isOnlyCalls: isCertain,
    };
  }

  /** An answer in a form, or calls of tools: its first byte decides. */
  either(form: Form, tools: readonly DescribedTool[], isParallel: boolean): Form {
    const calls = this.ofTools(tools, true, isParallel);
    return {
      constraint: (maxTokens) => new Either([form, calls].flatMap((one) => one.constraint(maxTokens) ?? [])),
      hasCalls: true,
      isOnlyCalls: false,
    };
  }

  private of(param: string, key: string, compile: (tokenizer: SmolLM2['tokenizer']) => Grammar): Form {
    const grammar = this.compile(param, key, compile);
    const endIds = this.endIds;
    return {
      constraint: (maxTokens) => grammar.constraint({ maxTokens, endIds }),
      hasCalls: false,
      isOnlyCalls: false,
    };
  }

  private compile(
    param: string,
    key: string,
    compile: (tokenizer: SmolLM2['tokenizer']) => Grammar,
    tools: readonly DescribedTool[] = [],
  ): Grammar {
    const known = this.compiled.get(key);
    if (known) {
      this.compiled.delete(key);
      this.compiled.set(key, known);
      return known;
    }
    const startedAt = performance.now();
    try {
      const grammar = compile(this.smol.tokenizer);
      this.compiled.set(key, grammar);
      if (this.compiled.size > MAX_COMPILED)
        this.compiled.delete(this.compiled.keys().next().value as string);
      return grammar;
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error;
      const { message } = error;
      const tool = tools[Number(IN_TOOL.exec(message)?.[1])];
      throw wrongValue(tool?.at ?? param, tool ? message.replace(IN_TOOL, '#') : message, 'invalid_schema');
    } finally {
      this.metrics.countCompile(performance.now() - startedAt);
    }
  }
}

/** What one of several constraints allows, until only one has allowed all. */
class Either implements Constraint {
  private left: readonly Constraint[];

  constructor(constraints: readonly Constraint[]) {
    this.left = constraints;
  }

  mask(scores: Float64Array | Float32Array): void {
    const [first, ...others] = this.left;
    const copies = others.map((other) => {
      const copy = scores.slice();
      other.mask(copy);
      return copy;
    });
    first.mask(scores);
    for (const copy of copies) {
      for (let id = 0; id < scores.length; id++) scores[id] = Math.max(scores[id], copy[id]);
    }
  }

  accept(id: number): void {
    this.left = this.left.filter((one) => {
      try {
        one.accept(id);
        return true;
      } catch (error) {
        if (error instanceof RangeError) return false;
        throw error;
      }
    });
  }
}
