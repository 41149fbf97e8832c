// From the part of an object to its shapes: the value under every declared name, the kinds of additional names, and
// one shape for each way in which a property that must exist can.

import { ANY_TEXT, type Dfa, intersect, isEmpty, lengthBetween, subtract, union } from './dfa.ts';
import { faultOf } from './json.ts';
import { type ExtraShape, ObjectShape, type PropertyShape } from './object-state.ts';
import { ANY_STRING, joinLiterals, type Literals, type ObjectPart, type StringPart } from './parts.ts';
import type { SchemaPlaces } from './schema-places.ts';
import { anyUnused } from './state.ts';
import { TextLexer, TextTable } from './text-lexer.ts';
import { spellString, WordNode } from './words.ts';

/** Most patterns of names that are told apart: each may double the kinds of names. */
const MAX_PATTERNS = 8;

/** A kind of additional names: those matching exactly `matched` of the object's patterns. */
interface NameClass {
  readonly dfa: Dfa;
  readonly matched: readonly string[];
}

/** A choice of how the properties that must exist do. */
interface Choice {
  readonly named: ReadonlyMap<string, Literals>;
  /** Kinds of names of which the first additional one must be, with what holds for it. */
  readonly witness: { readonly classes: readonly NameClass[]; readonly literals: Literals } | undefined;
}

export function objectShapes(part: ObjectPart, compiler: SchemaPlaces, pointer: string): ObjectShape[] {
  const classes = nameClasses(part, compiler, pointer);
  return choices(part, classes, compiler).map((choice) =>
    objectShape(part, classes, choice, compiler, pointer),
  );
}

function nameClasses(part: ObjectPart, compiler: SchemaPlaces, pointer: string): readonly NameClass[] {
  const sources = [
    ...part.patterns.map(({ source }) => source),
    ...part.others.flatMap(({ patterns }) => patterns),
    ...part.exists.flatMap(({ patterns, source }) =>
      source === undefined ? patterns : [...patterns, source],
    ),
  ];
  const patterns = [...new Set(sources)];
  if (patterns.length > MAX_PATTERNS) {
    const message = `expected at most ${MAX_PATTERNS} patterns of names at one place, got ${patterns.length}`;
    throw faultOf('patternProperties', pointer, message);
  }
  let classes: NameClass[] = [{ dfa: nameLanguage(part, compiler), matched: [] }];
  for (const source of patterns) {
    const language = compiler.languages.dfa(`/${source}`);
    classes = classes
      .flatMap(({ dfa, matched }) => [
        { dfa: intersect(dfa, language), matched: [...matched, source] },
        { dfa: subtract(dfa, language), matched },
      ])
      .filter(({ dfa }) => !isEmpty(dfa));
  }
  return classes;
}

/** Names that propertyNames allows. */
function nameLanguage(part: ObjectPart, compiler: SchemaPlaces): Dfa {
  if (part.names.length === 0) return ANY_TEXT;
  const parts = compiler.alternatives.of(part.names, 'string') as readonly StringPart[];
  const languages = parts.map((one) => {
    const dfa = compiler.languages.ofPart({ ...one, min: 0 });
    return withLength(dfa, one);
  });
  const none: Dfa = { starts: [0], next: new Int32Array(0), accepts: new Uint8Array(0) };
  return languages.length === 0 ? none : languages.reduce((a, b) => union(a, b));
}

function withLength(dfa: Dfa, { min, max }: StringPart): Dfa {
  if (min === 0 && max === Number.POSITIVE_INFINITY) return dfa;
  const most = Math.min(max, 1000);
  return intersect(dfa, lengthBetween(min, most));
}

function choices(part: ObjectPart, classes: readonly NameClass[], compiler: SchemaPlaces): readonly Choice[] {
  const { alternatives } = compiler;
  let all: Choice[] = [{ named: new Map(), witness: undefined }];
  for (const { names, patterns, source, literals } of part.exists) {
    const matches = (name: string) =>
      !names.has(name) &&
      !patterns.some((pattern) => alternatives.matches(pattern, name)) &&
      (source === undefined || alternatives.matches(source, name));
    const declared = [...part.properties.keys()].filter(matches);
    const fitting = classes.filter(
      ({ matched }) =>
        !patterns.some((pattern) => matched.includes(pattern)) &&
        (source === undefined || matched.includes(source)),
    );
    all = all.flatMap((choice) => {
      const byName = declared.map((name) => {
        const named = new Map(choice.named);
        named.set(name, joinLiterals(named.get(name) ?? [], literals));
        return { ...choice, named };
      });
      // One additional property stands for one demand; a second could need another. Leaving such objects out is safe.
      const byWitness =
        choice.witness || fitting.length === 0
          ? []
          : [{ ...choice, witness: { classes: fitting, literals } }];
      return [...byName, ...byWitness];
    });
  }
  return all;
}

function objectShape(
  part: ObjectPart,
  classes: readonly NameClass[],
  { named, witness }: Choice,
  compiler: SchemaPlaces,
  pointer: string,
): ObjectShape {
  const { alternatives, hasByte } = compiler;
  const declared = new WordNode();
  let free = -1;
  const properties: PropertyShape[] = [];
  for (const [name, property] of part.properties) {
    const spelled = spellString(name, hasByte);
    declared.add(spelled.subarray(1, -1), 0);
    const literals = joinLiterals(alternatives.propertyLiterals(part, name), named.get(name) ?? []);
    const isNamed = part.names.length === 0 || isName(part, name, compiler);
    const possible = isNamed && alternatives.maybe(literals);
    const required = property.required || named.has(name);
    if (!possible && !required) continue;
    // A required property that cannot be makes the shape impossible: its node is one without a value.
    const value = possible
      ? compiler.node(literals, false)
      : compiler.node([alternatives.neverLiteral], false);
    const { chain, rank } = property.chain < 0 ? { chain: --free, rank: 0 } : property;
    properties.push({ spelled, value, required, chain, rank });
  }
  const extras = classes.flatMap((one) => extraShapes(part, one, witness, compiler));
  const usable = extras.filter(({ names }) => anyUnused(names, 0, 0, [declared]));
  if (part.min > 0 && usable.some(({ names }) => !names.hasTexts(part.min + part.properties.size))) {
    const message = 'minProperties beside names of a finite set is not supported';
    throw faultOf('minProperties', pointer, message);
  }
  const max =
    part.max < Number.POSITIVE_INFINITY
      ? part.max
      : properties.length + Math.max(compiler.bounds.maxExtra, part.min);
  const limits = { min: part.min, max, needsWitness: witness !== undefined };
  return new ObjectShape(properties, declared, usable, limits, compiler.spacing);
}

function isName(part: ObjectPart, name: string, { alternatives, languages }: SchemaPlaces): boolean {
  const parts = alternatives.of(part.names, 'string') as readonly StringPart[];
  return parts.some((one) => languages.holds(one, name));
}

/** Additional properties with names of one kind: as they come, and as the one that must exist. */
function extraShapes(
  part: ObjectPart,
  { dfa, matched }: NameClass,
  witness: Choice['witness'],
  compiler: SchemaPlaces,
): ExtraShape[] {
  const { alternatives, bounds, hasByte } = compiler;
  const hits = part.patterns.filter(({ source }) => matched.includes(source));
  const others = part.others.filter(({ patterns }) => !patterns.some((pattern) => matched.includes(pattern)));
  const literals = joinLiterals(...hits.map((hit) => hit.literals), ...others.map((other) => other.literals));
  const limits = { max: bounds.maxString };
  const names =
    dfa === ANY_TEXT
      ? compiler.lexer(ANY_STRING, true)
      : new TextLexer(new TextTable(dfa, 'canonical', hasByte), limits);
  if (names.isEmpty) return [];
  const shapes: ExtraShape[] = [];
  const add = (all: Literals, isWitness: boolean) => {
    if (alternatives.maybe(all)) shapes.push({ names, value: compiler.node(all, false), isWitness });
  };
  add(literals, false);
  if (witness?.classes.some((one) => one.matched.join('\n') === matched.join('\n'))) {
    add(joinLiterals(literals, witness.literals), true);
  }
  return shapes;
}
