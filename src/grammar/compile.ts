// From alternatives (parts) to what the automaton runs on (shapes): every place of a document that a schema can lead
// to becomes one ValueNode, found by the schemas that hold there.

import { GrammarError } from '../base/errors.ts';
import { Alternatives } from './alternatives.ts';
import { arrayShape } from './compile-array.ts';
import { objectShapes } from './compile-object.ts';
import { ANY_TEXT, type Dfa } from './dfa.ts';
import { type Json, TYPES } from './json.ts';
import { MAX_DEPTH, type Spacing, ValueNode } from './json-value.ts';
import { yes } from './keyword-parts.ts';
import { Languages } from './languages.ts';
import { numberDfa, spellNumber } from './number-language.ts';
import type { Literals, NumberPart, Part, StringPart } from './parts.ts';
import { type Schema, SchemaReader } from './schema.ts';
import type { Bounds, SchemaPlaces } from './schema-places.ts';
import { type Spelling, TextLexer, TextTable } from './text-lexer.ts';
import { spellString, wordTree } from './words.ts';

export const DEFAULT_BOUNDS: Bounds = { maxString: 2048, maxItems: 256, maxExtra: 64 };

/** Most places of a document, and most of all numbers kept beside them, before a schema is refused. */
const MAX_NODES = 20_000;

/** Tables of languages by vocabulary: their masks are kept for all grammars together. */
const sharedTables = new WeakMap<Uint8Array, Map<string, TextTable>>();
const MAX_SHARED = 512;

export class SchemaCompiler implements SchemaPlaces {
  readonly spacing: Spacing;
  readonly bounds: Bounds;
  readonly hasByte: Uint8Array;
  readonly languages = new Languages();
  readonly alternatives: Alternatives;
  /** Spelled constants of the nodes whose values must differ. */
  readonly wordBytes = new Map<ValueNode, readonly Uint8Array[]>();
  private readonly reader: SchemaReader;
  private readonly root: Schema;
  private readonly nodes = new Map<string, ValueNode>();
  private readonly waiting: {
    readonly node: ValueNode;
    readonly literals: Literals;
    readonly unique: boolean;
  }[] = [];
  private readonly utf8 = new TextEncoder();

  constructor(schema: Json, hasByte: Uint8Array, spacing: Spacing, bounds: Bounds) {
    this.hasByte = hasByte;
    this.spacing = spacing;
    this.bounds = bounds;
    this.reader = new SchemaReader(schema);
    this.root = this.reader.read();
    this.alternatives = new Alternatives(this.reader, this.languages);
  }

  /** @throws GrammarError  when the schema cannot be enforced exactly, or allows nothing */
  compile(): ValueNode {
    const first = this.node([yes(this.root)], false);
    for (let next = this.waiting.pop(); next; next = this.waiting.pop()) this.fill(next);
    const nodes = [...this.nodes.values()].reverse();
    for (let changed = true; changed; ) {
      changed = false;
      for (const node of nodes) if (node.measure()) changed = true;
    }
    if (first.fewest === Number.POSITIVE_INFINITY) {
      throw new GrammarError('expected a schema that some value can satisfy, got one that none does', '#');
    }
    if (!first.fits(0)) throw new GrammarError(`expected values at most ${MAX_DEPTH} levels deep`, '#');
    return first;
  }

  /** The most bytes that the shortest value of any place takes. */
  get longestFewest(): number {
    const finite = [...this.nodes.values()].map(({ fewest }) => fewest).filter(Number.isFinite);
    return finite.reduce((most, fewest) => Math.max(most, fewest), 0);
  }

  /** The place where these schemas hold. `unique`: values differ from their neighbours, so each has one spelling. */
  node(literals: Literals, unique: boolean): ValueNode {
    const key = `${unique ? 'u' : ''}${literals.join()}`;
    let node = this.nodes.get(key);
    if (!node) {
      if (this.nodes.size >= MAX_NODES)
        throw new GrammarError(`expected at most ${MAX_NODES} places in a document`, '#');
      node = new ValueNode();
      this.nodes.set(key, node);
      this.waiting.push({ node, literals, unique });
    }
    return node;
  }

  /** Where in the schema these literals come from, for errors. */
  pointerOf(literals: Literals): string {
    const last = literals[literals.length - 1];
    return last === undefined ? '#' : this.reader.schemas[Math.abs(last) - 1].pointer;
  }

  private fill({ node, literals, unique }: (typeof this.waiting)[number]): void {
    const pointer = this.pointerOf(literals);
    const words: Uint8Array[] = [];
    try {
      for (const type of TYPES) {
        for (const part of this.alternatives.of(literals, type))
          this.addPart(node, part, words, unique, pointer);
      }
    } catch (error) {
      // Automata do not know where in the schema they belong.
      if (!(error instanceof GrammarError) || error.pointer !== '#') throw error;
      throw new GrammarError(
        error.message.replace(/^#: /, ''),
        pointer,
        error.keyword ?? keywordOf(error.message),
      );
    }
    const written = words.filter((bytes) => bytes.every((byte) => this.hasByte[byte] === 1));
    const spelled = new Map(written.map((bytes) => [bytes.join(), bytes]));
    if (spelled.size > 0) node.words = wordTree([...spelled.values()]);
    if (unique) this.wordBytes.set(node, [...spelled.values()]);
  }

  private addPart(node: ValueNode, part: Part, words: Uint8Array[], unique: boolean, pointer: string): void {
    if (part.type === 'null' || part.type === 'boolean') {
      words.push(...part.values.map((value) => this.utf8.encode(String(value))));
    } else if (part.type === 'number') {
      const spell = unique ? spellNumber : String;
      if (part.values) words.push(...part.values.map((value) => this.utf8.encode(spell(value))));
      else addLexer(node.numbers, this.lexer(part, unique));
    } else if (part.type === 'string') {
      if (part.values) words.push(...part.values.map((value) => spellString(value, this.hasByte)));
      else if (this.canWrite('"')) addLexer(node.strings, this.lexer(part, unique));
    } else if (unique) {
      throw new GrammarError('uniqueItems over arrays or objects is not supported', pointer, 'uniqueItems');
    } else if (!this.canWrite(part.type === 'array' ? '[],' : '{}:,"')) {
      return; // a vocabulary for other texts
    } else if (part.type === 'array') {
      const shape = arrayShape(part, this, pointer);
      if (shape) node.arrays.push(shape);
    } else if (part.type === 'object') {
      node.objects.push(...objectShapes(part, this, pointer));
    }
  }

  private canWrite(characters: string): boolean {
    return Array.from(characters).every((character) => this.hasByte[character.charCodeAt(0)] === 1);
  }

  /** Strings or numbers; where texts must differ from others, in the one spelling of JSON.stringify. */
  lexer(part: StringPart | NumberPart, unique: boolean): TextLexer {
    if (part.type === 'number') {
      const exact = { ...part.rules, canonical: unique };
      return new TextLexer(this.table(`number${JSON.stringify(exact)}`, 'raw', () => numberDfa(exact)));
    }
    const isFree = part.yes.length + part.no.length === 0;
    const max = part.max < Number.POSITIVE_INFINITY ? part.max : Math.max(this.bounds.maxString, part.min);
    if (isFree)
      return new TextLexer(
        this.table('', unique ? 'canonical' : 'json', () => ANY_TEXT),
        { min: part.min, max },
      );
    const key = JSON.stringify([part.yes, part.no, part.min]);
    return new TextLexer(
      this.table(key, 'canonical', () => this.languages.ofPart(part)),
      { max },
    );
  }

  /** The table of a language, the same for all grammars of a vocabulary. */
  private table(key: string, spelling: Spelling, language: () => Dfa): TextTable {
    let shared = sharedTables.get(this.hasByte);
    if (!shared) {
      shared = new Map();
      sharedTables.set(this.hasByte, shared);
    }
    const name = `${spelling} ${key}`;
    let table = shared.get(name);
    if (!table) {
      table = new TextTable(language(), spelling, this.hasByte);
      if (shared.size >= MAX_SHARED) shared.delete(shared.keys().next().value as string);
      shared.set(name, table);
    }
    return table;
  }
}

function addLexer(lexers: TextLexer[], lexer: TextLexer): void {
  const isKnown = lexers.some(
    ({ table, min, max }) => table === lexer.table && min === lexer.min && max === lexer.max,
  );
  if (!lexer.isEmpty && !isKnown) lexers.push(lexer);
}

/** Which keyword an automaton came from, by the words of its refusal. */
function keywordOf(message: string): string | undefined {
  return /pattern|regular|look-/.test(message) ? 'pattern' : undefined;
}
