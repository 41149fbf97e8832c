// The course's pages: the list of chapters and exercises, and a page with an editor for each exercise.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import markdownIt from 'markdown-it';
import { runnerImport } from 'vite';
import { builtFile } from './blocks.mjs';
import { root } from './tree.mjs';

let exercises;

async function load() {
  if (!existsSync(join(root, 'course/index.ts'))) return [];
  const plugin = { name: 'built', resolveId: (id) => (/^smollm2/.test(id) ? builtFile(id) : undefined) };
  const { module } = await runnerImport(join(root, 'course/index.ts'), { configFile: false, root, logLevel: 'error', plugins: [plugin, fromBuilt()] });
  exercises = module.EXERCISES.map(({ name, title, chapter, folder, minutes, importance }) => ({
    name,
    title,
    chapter,
    folder,
    minutes,
    importance,
    stub: readFileSync(join(root, 'course', module.stubFile({ folder, name })), 'utf8'),
    solution: readFileSync(join(root, 'course', module.solutionFile({ folder, name })), 'utf8'),
  }));
  return exercises;
}

/** `../../src/x.ts` is answered from dist, as the benches do. */
export function fromBuilt() {
  return {
    name: 'from-built',
    enforce: 'pre',
    resolveId(id, importer) {
      const path = importer && id.startsWith('.') ? join(importer, '..', id) : id;
      if (!path.startsWith(join(root, 'src/'))) return undefined;
      const built = path.replace(join(root, 'src/'), join(root, 'dist/')).replace(/\.ts$/, '.js');
      return existsSync(built) ? built : undefined;
    },
  };
}

/** Pages with an editor; the stub stands in the page, the solution is folded and also in it. */
export async function exercisePages() {
  const list = await load();
  return list.map(({ name, title, chapter, folder, minutes, importance, stub, solution }) => ({
    file: `course/exercise/${name}`,
    section: 'Learn',
    title: `✎ ${title}`,
    url: `learn/exercise-${name}.html`,
    text: '',
    isMade: true,
    html:
      `<h1>${escaped(title)}</h1><p class="muted"><a href="${folder}.html">Chapter ${chapter}</a> · about ${minutes} minutes · <span title="importance, of three">${'●'.repeat(importance)}${'○'.repeat(3 - importance)}</span> · in the terminal: <code>npm run exercise ${name}</code></p>` +
      `<div class="task">${taskOf(stub)}</div>` +
      `<div class="exercise" data-exercise="${name}" data-pagefind-ignore>` +
      `<label for="code">Your code</label><textarea id="code" spellcheck="false" autocapitalize="off" autocomplete="off">${escaped(stub)}</textarea>` +
      `<template id="stub">${escaped(stub)}</template>` +
      '<div class="row"><button type="button" class="primary" id="grade" disabled>Grade (Ctrl-Enter)</button><button type="button" id="hint" hidden>A hint</button><button type="button" id="start-over">Start over</button><button type="button" id="save">Download</button></div>' +
      '<p class="muted">Tab writes two blanks; press Esc first to leave the editor with Tab.</p>' +
      '<div id="verdict" class="verdict" role="status">Nothing graded yet. Numbers decide, and it takes an instant.</div>' +
      `<details id="solution"><summary>The solution, whenever you want it</summary><pre tabindex="0"><code>${escaped(solution)}</code></pre></details></div>`,
  }));
}

/** What is to be written: the comment over the function, which a narrow editor cuts off, as HTML. */
function taskOf(stub) {
  const [, comment = ''] = /\/\*\*([\s\S]*?)\*\//.exec(stub) ?? [];
  const text = comment.replaceAll(/^ *\* ?/gm, '').trim();
  return markdownIt().render(text.replaceAll(/^@param (\S+) +/gm, '- `$1`: ').replaceAll(/^@returns +/gm, '- returns '));
}

/** The first page of Learn: chapters, exercises, and where to begin. */
export function learnIndex(found) {
  const chapters = found.filter(({ section }) => section === 'Learn');
  const start = chapters.length > 0 ? chapters.map(({ url, title }) => `<li><a href="${url.replace('learn/', '')}">${escaped(title)}</a></li>`) : ['<li><a href="../docs/walk.html">From generate() to a multiply-add<small>the walk, file by file</small></a></li>'];
  return {
    file: 'course/index',
    section: 'Learn',
    title: 'Learn',
    url: 'learn/index.html',
    text: '',
    isMade: true,
    get html() {
      const cards = (exercises ?? []).map(
        ({ name, title, minutes }) => `<li><a href="exercise-${name}.html">${escaped(title)}<small>${minutes} minutes · <span data-done="${name}">not done</span></small></a></li>`,
      );
      return (
        '<h1>From nothing to a language model</h1>' +
        '<p>Write the parts of a language model yourself. Each exercise is one function; numbers decide whether it is right, in an instant, and a known mistake is called by its name.</p>' +
        '<p>Begin with the <a href="../index.html#tour/1">tour</a>: eight minutes, twelve stops, one sentence.</p>' +
        `<h2 id="chapters">Read</h2><ul class="cards">${start.join('')}</ul>` +
        (cards.length > 0 ? `<h2 id="exercises">Write</h2><ul class="cards">${cards.join('')}</ul>` : '')
      );
    },
  };
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
