// From the tree of a regular expression to its automaton: a graph with empty edges first (Thompson 1968), then sets
// of its states (Rabin and Scott 1959). `^` and `$` are empty edges that are open only at the ends of the text.

import { GrammarError } from '../base/errors.ts';
import { type Dfa, explore, intersect, MAX_CODE_POINT, subtract } from './dfa.ts';
import { parseRegex, type Ranges, type Regex } from './regex.ts';

/** Most states of the graph, and most edges followed while its automaton is made: a second's work at most. */
const MAX_GRAPH = 60_000;
const MAX_WORK = 10_000_000;

type Edge =
  | { readonly kind: 'empty' | 'begin' | 'end'; readonly to: number }
  | { readonly kind: 'set'; readonly ranges: Ranges; readonly to: number };

interface Graph {
  readonly edges: Edge[][];
}

/**
 * The automaton of a pattern.
 *
 * @param search  whether the pattern may match anywhere in the text (JSON schema's `pattern`), or must be all of it
 * @throws GrammarError  when the pattern is broken, unsupported or too large
 */
export function regexDfa(pattern: string, search: boolean): Dfa {
  return treeDfa(parseRegex(pattern), search);
}

export function treeDfa(tree: Regex, search: boolean): Dfa {
  const { body, looks } = splitLooks(tree, search);
  let dfa = plainDfa(body, search);
  for (const { item, negative } of looks) {
    // A look-ahead at the very beginning says how the text begins.
    const ahead = plainDfa({ kind: 'sequence', items: [{ kind: 'begin' }, item] }, true);
    dfa = negative ? subtract(dfa, ahead) : intersect(dfa, ahead);
  }
  return dfa;
}

/** Takes the look-aheads that stand at the beginning off; any other is refused when the graph is built. */
function splitLooks(tree: Regex, search: boolean) {
  const looks: Extract<Regex, { kind: 'look' }>[] = [];
  const items = tree.kind === 'sequence' ? tree.items : [tree];
  let at = 0;
  while (at < items.length && items[at].kind === 'begin') at++;
  if (at === 0 && search) return { body: tree, looks };
  while (items[at]?.kind === 'look') looks.push(items[at++] as (typeof looks)[number]);
  if (looks.length === 0) return { body: tree, looks };
  return { body: { kind: 'sequence', items: [{ kind: 'begin' }, ...items.slice(at)] } as Regex, looks };
}

function plainDfa(tree: Regex, search: boolean): Dfa {
  const graph: Graph = { edges: [] };
  const first = addState(graph);
  const last = addState(graph);
  const everything: Ranges = [[0, MAX_CODE_POINT]];
  if (search) {
    graph.edges[first].push({ kind: 'set', ranges: everything, to: first });
    graph.edges[last].push({ kind: 'set', ranges: everything, to: last });
  }
  const begin = addState(graph);
  graph.edges[first].push({ kind: 'empty', to: begin });
  build(graph, tree, begin, last);
  return determinise(graph, first, last);
}

function addState(graph: Graph): number {
  if (graph.edges.length >= MAX_GRAPH) {
    throw new GrammarError(
      `expected a pattern that unfolds to at most ${MAX_GRAPH} states; repeat less`,
      '#',
    );
  }
  return graph.edges.push([]) - 1;
}

/** Adds the paths of `tree` from state `from` to state `to`. */
function build(graph: Graph, tree: Regex, from: number, to: number): void {
  const connect = (a: number, b: number) => graph.edges[a].push({ kind: 'empty', to: b });
  if (tree.kind === 'set') {
    if (tree.ranges.length > 0) graph.edges[from].push({ kind: 'set', ranges: tree.ranges, to });
  } else if (tree.kind === 'begin' || tree.kind === 'end') {
    graph.edges[from].push({ kind: tree.kind, to });
  } else if (tree.kind === 'choice') {
    for (const item of tree.items) build(graph, item, from, to);
  } else if (tree.kind === 'sequence') {
    let at = from;
    tree.items.forEach((item) => {
      const after = addState(graph);
      build(graph, item, at, after);
      at = after;
    });
    connect(at, to);
  } else if (tree.kind === 'repeat') {
    buildRepeat(graph, tree, from, to);
  } else {
    throw new GrammarError('look-ahead is supported only at the beginning of a pattern, after ^', '#');
  }
}

function buildRepeat(
  graph: Graph,
  { item, min, max }: Extract<Regex, { kind: 'repeat' }>,
  from: number,
  to: number,
) {
  const connect = (a: number, b: number) => graph.edges[a].push({ kind: 'empty', to: b });
  let at = from;
  const once = () => {
    const after = addState(graph);
    build(graph, item, at, after);
    at = after;
  };
  for (let n = 0; n < min; n++) once();
  if (max === Number.POSITIVE_INFINITY) {
    const loop = addState(graph);
    connect(at, loop);
    at = loop;
    once();
    connect(at, loop);
    connect(loop, to);
    return;
  }
  for (let n = min; n < max; n++) {
    connect(at, to);
    once();
  }
  connect(at, to);
}

/** A set of graph states, rising; `atStart` opens the edges of `^`. */
interface StateSet {
  readonly states: readonly number[];
  readonly atStart: boolean;
}

function determinise(graph: Graph, first: number, last: number): Dfa {
  const sets = graph.edges.flatMap((edges) =>
    edges.flatMap((edge) => (edge.kind === 'set' ? [edge.ranges] : [])),
  );
  const starts = [
    ...new Set([0, ...sets.flatMap((ranges) => ranges.flatMap(([low, high]) => [low, high + 1]))]),
  ]
    .filter((start) => start <= MAX_CODE_POINT)
    .sort((x, y) => x - y);
  const classesOf = new Map<Ranges, Uint8Array>();
  const covers = (ranges: Ranges): Uint8Array => {
    const known = classesOf.get(ranges);
    if (known) return known;
    const bits = Uint8Array.from(starts, (start) =>
      Number(ranges.some(([low, high]) => low <= start && start <= high)),
    );
    classesOf.set(ranges, bits);
    return bits;
  };
  let work = 0;
  const closure = (seeds: readonly number[], atStart: boolean, atEnd: boolean): readonly number[] => {
    work += seeds.length;
    if (work > MAX_WORK)
      throw new GrammarError('expected a simpler pattern: its automaton grows too large', '#');
    const seen = new Set(seeds);
    const queue = [...seeds];
    for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
      for (const edge of graph.edges[state]) {
        work++;
        const open =
          edge.kind === 'empty' || (edge.kind === 'begin' && atStart) || (edge.kind === 'end' && atEnd);
        if (open && !seen.has(edge.to)) {
          seen.add(edge.to);
          queue.push(edge.to);
        }
      }
    }
    return [...seen].sort((x, y) => x - y);
  };
  return explore<StateSet>({
    starts,
    first: { states: closure([first], true, false), atStart: true },
    step: ({ states }, c) => {
      const reached: number[] = [];
      for (const state of states) {
        for (const edge of graph.edges[state]) {
          work++;
          if (edge.kind === 'set' && covers(edge.ranges)[c] === 1) reached.push(edge.to);
        }
      }
      return reached.length === 0 ? undefined : { states: closure(reached, false, false), atStart: false };
    },
    accepts: ({ states, atStart }) => closure(states, atStart, true).includes(last),
    key: ({ states, atStart }) => `${atStart}${states.join()}`,
  });
}
