import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { measure } from '../lines.mjs';

/** The floors of docs/architecture.md: what each folder of src/ may import besides itself. */
const GROUND = ['base', 'config.ts', 'ops.ts', 'ops-backward.ts'];
const MATERIALS = ['quant', 'format', 'tokenizer', 'chat', 'grammar'];
const USES = [...GROUND, ...MATERIALS, 'model', 'generate'];
const TOOLS = ['inspect', 'score', 'traces', 'diff', 'verify', 'eval', 'train', 'data'];
const PRODUCT = [...USES, ...TOOLS, 'run', 'smollm2.ts', 'capabilities.ts', 'download'];
const DOORS = [...PRODUCT, 'wasm', 'door.ts', 'server'];
const MAY_IMPORT: Record<string, string[]> = {
  base: GROUND,
  'config.ts': GROUND,
  'ops.ts': GROUND,
  'ops-backward.ts': GROUND,
  quant: GROUND,
  format: [...GROUND, ...MATERIALS],
  tokenizer: GROUND,
  chat: GROUND,
  grammar: GROUND,
  reference: [...GROUND, 'quant'],
  wasm: [...GROUND, 'quant'],
  model: GROUND,
  generate: USES,
  inspect: USES,
  score: USES,
  traces: USES,
  diff: [...USES, 'traces'],
  verify: [...USES, 'traces'],
  'compare.ts': ['traces', 'diff', 'verify'],
  'inspect.ts': ['inspect'],
  'tokenizer.ts': ['tokenizer'],
  'chat.ts': ['chat'],
  'sampler.ts': ['generate'],
  'quant.ts': ['quant'],
  'train.ts': ['train'],
  'data.ts': ['data'],
  eval: USES,
  train: USES,
  data: [...GROUND, 'tokenizer', 'eval'],
  run: [...USES, 'train', 'reference', 'wasm'],
  download: GROUND,
  'capabilities.ts': GROUND,
  'smollm2.ts': PRODUCT,
  'door.ts': PRODUCT,
  server: PRODUCT,
  'ai-sdk': [...GROUND, 'server'],
  node: DOORS,
  browser: DOORS,
  edge: DOORS,
  cli: [...DOORS, 'node', 'reference'],
};
/** What may name a platform: the doors and the shells, and the one file that tells runtimes apart. */
const ON_A_PLATFORM = ['node', 'browser', 'edge', 'cli', 'capabilities.ts'];
/** Files below the shells that may import a package, and which. */
const PACKAGES: Record<string, string | readonly string[]> = {
  'src/base/sha256.ts': '@noble/hashes/sha2.js',
  'src/data/extract/html-tree.ts': 'parse5',
  'src/server/app.ts': ['hono', 'hono/tiny'],
};

const root = new URL('..', import.meta.url).pathname;

function sources(folder: string, ending = '.ts'): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending) && !file.includes('node_modules'))
    .map((file) => posix.join(folder, file.split(sep).join('/')));
}

const files = sources('src').map((path) => {
  const text = readFileSync(join(root, path), 'utf8');
  const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]);
  return { path, text, imports, area: path.split('/')[1] };
});

/** 'model' for './model/x.ts' seen from src/run/load.ts, whatever the number of dots. */
function areaOf(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier).split('/')[1];
}

describe('the floors', () => {
  it('every import points down or stays in its folder', () => {
    const wrong = files.flatMap(({ path, imports, area }) => {
      const allowed = MAY_IMPORT[area];
      if (!allowed) return [`${path}: folder ${area} is on no floor`];
      return imports
        .filter((specifier) => specifier.startsWith('.'))
        .filter((specifier) => ![area, ...allowed].includes(areaOf(path, specifier)))
        .map((specifier) => `${path} imports ${specifier}`);
    });
    expect(wrong).toEqual([]);
  });

  it('no file imports itself through others', () => {
    const graph = new Map(
      files.map(({ path, imports }) => [
        path,
        imports.filter((s) => s.startsWith('.')).map((s) => posix.join(posix.dirname(path), s)),
      ]),
    );
    const finished = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: string[]) => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      if (finished.has(path) || trail.includes(path)) return;
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      finished.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it('nothing below the doors and shells names a platform', () => {
    const platform = /'node:|\bprocess\.|\bBuffer\b|\bwindow\.|\bdocument\.|\bDeno\.|\bBun\./;
    const wrong = files
      .filter(({ area }) => !ON_A_PLATFORM.includes(area))
      .filter(({ text }) => platform.test(stripComments(text)));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('a package is imported by doors and shells only, and by the files named here', () => {
    const wrong = files
      .filter(({ area }) => !['node', 'browser', 'edge', 'cli'].includes(area))
      .flatMap(({ path, imports }) =>
        imports
          .filter((s) => !s.startsWith('.') && !s.startsWith('#') && ![PACKAGES[path]].flat().includes(s))
          .map((s) => `${path}: ${s}`),
      );
    expect(wrong).toEqual([]);
  });

  it('the course enters the package by its doors, and only course/node names a platform', () => {
    const wrong = sources('course').flatMap((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]);
      const isOnNode = path.startsWith('course/node/') || path === 'course/paris.ts';
      return imports
        .filter((s) =>
          s.startsWith('.')
            ? !posix.join(posix.dirname(path), s).startsWith('course/')
            : !/^smollm2\b/.test(s),
        )
        .filter((s) => !(isOnNode && s.startsWith('node:')))
        .map((s) => `${path} imports ${s}`);
    });
    expect(wrong).toEqual([]);
  });

  it('no host exp, log, sin, cos or pow is called where a number can reach a logit', () => {
    const computing = ['base', 'config.ts', 'model', 'reference', 'wasm', 'quant'];
    const forbidden =
      /Math\.(exp|expm1|log|log1p|log2|log10|sin|cos|tan|pow|tanh|sinh|cosh|cbrt|hypot)\b|\*\*(?!\/)/;
    const lines = files
      .filter(({ area }) => computing.includes(area))
      .flatMap(({ path, text }) =>
        stripComments(text)
          .split('\n')
          .map((line) => `${path}: ${line.trim()}`),
      );
    // Powers of two are exact in every engine: 2 ** -20, 2 ** (e - 25).
    expect(lines.filter((line) => forbidden.test(line.replace(/\b2 \*\* /g, '')))).toEqual([]);
  });
});

describe('the house', () => {
  it('no source file is longer than 400 lines, no line of it longer than 120 columns', () => {
    const long = [
      ...files,
      ...sources('assembly').map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })),
    ]
      .map(({ path, text }) => ({
        path,
        numLines: text.split('\n').length - 1,
        widest: Math.max(...text.split('\n').map((line) => line.length)),
      }))
      .filter(({ numLines, widest }) => numLines > 400 || widest > 120);
    expect(long).toEqual([]);
  });

  it('no function is longer than 60 lines, and every room is within its budget', { tags: ['slow'] }, () => {
    const { long, rooms } = measure();
    expect(rooms.filter(({ fits }) => !fits)).toEqual([]);
    expect(long.map(({ path, line, name, lines }) => `${path}:${line} ${name}: ${lines} lines`)).toEqual([]);
  });

  it('has no drawers: utils, helpers, common, misc, lib', () => {
    const drawers = files.filter(({ path }) =>
      /(^|\/)(utils?|helpers?|common|misc|lib)(\/|\.ts$)/.test(path),
    );
    expect(drawers.map(({ path }) => path)).toEqual([]);
  });

  it('the bench variants are never imported by src', () => {
    expect(
      files
        .filter(({ text }) => text.includes('bench/'))
        .filter(({ imports }) => imports.some((s) => s.includes('bench/'))),
    ).toEqual([]);
  });
});

/** The text without comments, so that prose may speak of what code may not call. */
function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}
