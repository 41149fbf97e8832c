// A JSON schema read into a graph: keywords checked, references resolved, nothing decided yet. What cannot be read is
// refused here with its JSON pointer; what cannot be enforced, when it is reached (alternatives.ts).

import { GrammarError } from '../base/errors.ts';
import { kindOf } from '../base/options.ts';
import {
  below,
  faultOf,
  isObject,
  type Json,
  type JsonObject,
  type JsonType,
  type NumberKeywords,
  type StringKeywords,
} from './json.ts';
import { KeywordReader } from './keyword-reader.ts';
import { References } from './references.ts';

/** One schema of a document. All keywords that are absent are undefined. */
export interface Schema {
  readonly id: number;
  readonly pointer: string;
  /** `true` and `false` as schemas. */
  readonly always: boolean | undefined;
  /** Allowed types; `integer` stands beside them. */
  readonly types: ReadonlySet<JsonType | 'integer'> | undefined;
  readonly values: readonly Json[] | undefined;
  readonly ref: Schema | undefined;
  readonly allOf: readonly Schema[];
  readonly anyOf: readonly Schema[] | undefined;
  readonly oneOf: readonly Schema[] | undefined;
  readonly not: Schema | undefined;
  readonly ifThenElse: readonly [Schema, Schema | undefined, Schema | undefined] | undefined;
  readonly number: NumberKeywords;
  readonly string: StringKeywords;
  readonly array: ArrayKeywords;
  readonly object: ObjectKeywords;
}

export interface ArrayKeywords {
  readonly prefix: readonly Schema[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems: boolean;
  readonly contains?: Schema;
  readonly minContains: number;
  readonly maxContains?: number;
  readonly unevaluated?: Schema;
}

export interface ObjectKeywords {
  readonly properties: ReadonlyMap<string, Schema>;
  readonly patterns: ReadonlyMap<string, Schema>;
  readonly additional?: Schema;
  readonly unevaluated?: Schema;
  readonly names?: Schema;
  readonly required: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  /** What must hold when a property is there. */
  readonly dependencies: ReadonlyMap<string, Schema>;
}

/** Limits on a schema as a document. */
const MAX_NODES = 20_000;
const MAX_DEPTH = 128;

/** Keywords that would have to be enforced and are not. */
const REFUSED = [
  '$dynamicRef',
  '$recursiveRef',
  '$dynamicAnchor',
  '$recursiveAnchor',
  'extends',
  'disallow',
  'divisibleBy',
];

const EMPTY: Omit<Schema, 'id' | 'pointer' | 'always'> = {
  types: undefined,
  values: undefined,
  ref: undefined,
  allOf: [],
  anyOf: undefined,
  oneOf: undefined,
  not: undefined,
  ifThenElse: undefined,
  number: {},
  string: {},
  array: { prefix: [], uniqueItems: false, minContains: 1 },
  object: { properties: new Map(), patterns: new Map(), required: [], dependencies: new Map() },
};

export class SchemaReader {
  /** All schemas by their number. */
  readonly schemas: Schema[] = [];
  private readonly byPointer = new Map<string, Schema>();
  private readonly constants = new Map<string, Schema>();
  private readonly unresolved: {
    readonly schema: { ref: Schema | undefined; readonly pointer: string };
    readonly ref: Json;
  }[] = [];
  private readonly references: References;
  private readonly root: Json;
  private readonly isDraft7: boolean;

  /** @throws GrammarError  when the document is too large or too deep */
  constructor(root: Json) {
    this.root = root;
    checkSize(root);
    this.references = new References(root);
    this.isDraft7 = isObject(root) && /draft-0[3467]/.test(String(root.$schema));
  }

  /** @throws GrammarError  with pointer and keyword of what is wrong or not supported */
  read(): Schema {
    const root = this.at(this.root, '#');
    // One after another, not each inside the other: a chain of references may be long.
    for (let next = this.unresolved.pop(); next; next = this.unresolved.pop()) {
      const target = this.references.resolve(next.ref, next.schema.pointer);
      next.schema.ref = this.at(target.json, target.pointer);
    }
    return root;
  }

  /** The schema that allows exactly `value`. */
  constant(value: Json, pointer: string): Schema {
    const key = JSON.stringify(value);
    const known = this.constants.get(key);
    if (known) return known;
    const schema = this.add({ ...EMPTY, always: undefined, pointer, values: [value] });
    this.constants.set(key, schema);
    return schema;
  }

  /** A schema made up while others are worked out. */
  make(pointer: string, parts: Partial<Schema>): Schema {
    return this.add({ ...EMPTY, always: undefined, ...parts, pointer });
  }

  private add(parts: Omit<Schema, 'id'>): Schema {
    const schema = { ...parts, id: this.schemas.length };
    this.schemas.push(schema);
    if (this.schemas.length > 2 * MAX_NODES)
      throw new GrammarError('expected a smaller schema', parts.pointer);
    return schema;
  }

  private at(json: Json | undefined, pointer: string): Schema {
    const known = this.byPointer.get(pointer);
    if (known) return known;
    if (typeof json === 'boolean') return this.add({ ...EMPTY, always: json, pointer });
    if (!isObject(json)) throw new GrammarError(`expected a schema, got ${kindOf(json)}`, pointer);
    for (const keyword of REFUSED) {
      if (Object.hasOwn(json, keyword)) {
        throw faultOf(keyword, pointer, `${keyword} is not supported`);
      }
    }
    // Registered before its parts are read: a reference may lead back here.
    const schema = this.add({ ...EMPTY, always: undefined, pointer }) as {
      -readonly [K in keyof Schema]: Schema[K];
    };
    this.byPointer.set(pointer, schema);
    const keywords = new KeywordReader(json, pointer);
    schema.types = keywords.types();
    schema.values = keywords.values();
    schema.number = keywords.number();
    schema.string = keywords.string();
    schema.array = this.array(json, pointer, keywords);
    schema.object = this.object(json, pointer, keywords);
    const list = (keyword: string) => this.list(json[keyword], below(pointer, keyword), keyword);
    schema.allOf = list('allOf') ?? [];
    schema.anyOf = list('anyOf');
    schema.oneOf = list('oneOf');
    schema.not = this.optional(json, pointer, 'not');
    const condition = this.optional(json, pointer, 'if');
    if (condition) {
      schema.ifThenElse = [
        condition,
        this.optional(json, pointer, 'then'),
        this.optional(json, pointer, 'else'),
      ];
    }
    if (json.$ref !== undefined) {
      this.unresolved.push({ schema, ref: json.$ref });
    }
    return schema;
  }

  private optional(json: JsonObject, pointer: string, keyword: string): Schema | undefined {
    return json[keyword] === undefined ? undefined : this.at(json[keyword], below(pointer, keyword));
  }

  private list(json: Json | undefined, pointer: string, keyword: string): Schema[] | undefined {
    if (json === undefined) return undefined;
    if (!Array.isArray(json) || json.length === 0) {
      throw new GrammarError(`expected a list of schemas, got ${kindOf(json)}`, pointer, keyword);
    }
    return json.map((item: Json, i: number) => this.at(item, below(pointer, i)));
  }

  private members(json: JsonObject, pointer: string, keyword: string): JsonObject {
    const { [keyword]: members = {} } = json;
    if (isObject(members)) return members;
    throw faultOf(keyword, pointer, `expected an object, got ${kindOf(members)}`);
  }

  private map(json: JsonObject, pointer: string, keyword: string): Map<string, Schema> {
    const members = this.members(json, pointer, keyword);
    const read = Object.keys(members).map((name) => {
      return [name, this.at(members[name], below(pointer, keyword, name))] as const;
    });
    return new Map(read);
  }

  private array(json: JsonObject, pointer: string, keywords: KeywordReader): ArrayKeywords {
    const isTuple = Array.isArray(json.items);
    const tuple = isTuple ? 'items' : 'prefixItems';
    const isEmptyTuple = Array.isArray(json[tuple]) && json[tuple].length === 0;
    return {
      prefix: isEmptyTuple ? [] : (this.list(json[tuple], below(pointer, tuple), tuple) ?? []),
      items: this.optional(json, pointer, isTuple ? 'additionalItems' : 'items'),
      minItems: keywords.count('minItems'),
      maxItems: keywords.count('maxItems'),
      uniqueItems: keywords.boolean('uniqueItems') ?? false,
      contains: this.optional(json, pointer, 'contains'),
      // Before 2019 these two meant nothing.
      minContains: (this.isDraft7 ? undefined : keywords.count('minContains')) ?? 1,
      maxContains: this.isDraft7 ? undefined : keywords.count('maxContains'),
      unevaluated: this.optional(json, pointer, 'unevaluatedItems'),
    };
  }

  private object(json: JsonObject, pointer: string, keywords: KeywordReader): ObjectKeywords {
    const dependencies = this.map(json, pointer, 'dependentSchemas');
    for (const keyword of ['dependentRequired', 'dependencies']) {
      for (const [name, rule] of Object.entries(this.members(json, pointer, keyword))) {
        const at = below(pointer, keyword, name);
        const schema = Array.isArray(rule)
          ? this.make(at, {
              object: { ...EMPTY.object, required: new KeywordReader({ rule }, at).names('rule') },
            })
          : this.at(rule, at);
        const before = dependencies.get(name);
        dependencies.set(name, before ? this.make(at, { allOf: [before, schema] }) : schema);
      }
    }
    return {
      properties: this.map(json, pointer, 'properties'),
      patterns: this.map(json, pointer, 'patternProperties'),
      additional: this.optional(json, pointer, 'additionalProperties'),
      unevaluated: this.optional(json, pointer, 'unevaluatedProperties'),
      names: this.optional(json, pointer, 'propertyNames'),
      required: keywords.names('required'),
      minProperties: keywords.count('minProperties'),
      maxProperties: keywords.count('maxProperties'),
      dependencies,
    };
  }
}

/** Refuses documents that are too large or too deep, before anything recursive touches them. */
function checkSize(root: Json): void {
  let numNodes = 0;
  const queue: { json: Json; pointer: string; depth: number }[] = [{ json: root, pointer: '#', depth: 0 }];
  for (let next = queue.pop(); next; next = queue.pop()) {
    const { json, pointer, depth } = next;
    if (typeof json !== 'object' || json === null) {
      if (typeof json === 'number' && !Number.isFinite(json)) {
        throw new GrammarError('expected JSON, got a number that is not finite', pointer);
      }
      if (!['boolean', 'number', 'string'].includes(typeof json) && json !== null) {
        throw new GrammarError(`expected JSON, got ${typeof json}`, pointer);
      }
      continue;
    }
    if (depth > MAX_DEPTH) {
      throw new GrammarError(`expected a schema at most ${MAX_DEPTH} levels deep`, pointer.slice(0, 200));
    }
    const keys = Object.keys(json);
    numNodes += keys.length;
    if (numNodes > 10 * MAX_NODES) {
      throw new GrammarError(`expected a schema of at most ${10 * MAX_NODES} members`, pointer.slice(0, 200));
    }
    for (const key of keys) {
      const inner = (json as JsonObject)[key];
      queue.push({
        json: inner,
        pointer: pointer.length < 1000 ? below(pointer, key) : pointer,
        depth: depth + 1,
      });
    }
  }
}
