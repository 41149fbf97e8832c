// Lines of every room of src/ and of the kernels against their budgets, and the functions that are too long. Exit code 1
// over a budget.
//
//   npm run lines

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('./', import.meta.url));

/** Longest function, in lines from its first to its last. */
export const FUNCTION_LINES = 60;

/**
 * What a reader goes through from `generate()` to a multiply-add, room by room, and how many lines each may have. A room
 * that outgrows its budget has two subjects, or says something twice.
 */
export const BUDGETS = {
  'src/ops.ts': 200,
  'src/config.ts': 120,
  'src/base': 900,
  'src/model': 790,
  'src/reference': 850,
  'src/generate': 1380,
  'src/run': 1580,
  'src/wasm': 1770,
  assembly: 3250,
};

/** The files of these rooms that only training goes through, together: no answer needs them. */
const TRAINING = /(^|\/)(training|slope)/;
const TRAINING_BUDGET = 2940;

/** Kernels with binaries of their own that are no part of a model: signatures of documents, products of comparisons. */
const APART = /^assembly\/(minhash|sha1|xxhash|products)\.ts$/;

/** TypeScript files below a file or folder. */
export function filesBelow(path) {
  if (path.endsWith('.ts')) return [path];
  return readdirSync(root + path, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.includes('node_modules'))
    .map((file) => `${path}/${file.replaceAll('\\', '/')}`)
    .sort();
}

const text = (path) => readFileSync(root + path, 'utf8');
const linesOf = (path) => text(path).split('\n').length - 1;

/** Functions of a file with the lines that each takes. */
export function functionsOf(path) {
  const source = ts.createSourceFile(path, text(path), ts.ScriptTarget.Latest, true);
  const found = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body) {
      const first = source.getLineAndCharacterOfPosition(node.getStart()).line;
      const last = source.getLineAndCharacterOfPosition(node.end).line;
      const name = node.name?.getText() ?? node.parent?.name?.getText() ?? '(a function)';
      found.push({ path, name, line: first + 1, lines: last - first + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Every room with its lines, and every function over the limit. */
export function measure() {
  const lines = (paths) => paths.reduce((sum, path) => sum + linesOf(path), 0);
  const fitted = (room, lines, budget) => ({ room, lines, budget, fits: lines <= budget });
  const spine = Object.entries(BUDGETS).map(([room, budget]) => {
    return fitted(
      room,
      lines(filesBelow(room).filter((path) => !TRAINING.test(path) && !APART.test(path))),
      budget,
    );
  });
  const training = Object.keys(BUDGETS)
    .flatMap(filesBelow)
    .filter((path) => TRAINING.test(path));
  const rooms = [...spine, fitted('training on engines', lines(training), TRAINING_BUDGET)];
  const long = [...filesBelow('src'), ...filesBelow('assembly')]
    .flatMap(functionsOf)
    .filter(({ lines }) => lines > FUNCTION_LINES);
  return { rooms, long };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { rooms, long } = measure();
  const spine = rooms.slice(0, -1);
  const sum = (key) => spine.reduce((total, room) => total + room[key], 0);
  console.table([...rooms, { room: 'the spine', lines: sum('lines'), budget: sum('budget') }]);
  for (const { path, line, name, lines } of long) {
    console.log(`${path}:${line} ${name}: ${lines} lines, expected at most ${FUNCTION_LINES}`);
  }
  if (long.length > 0 || rooms.some(({ fits }) => !fits)) process.exitCode = 1;
}
