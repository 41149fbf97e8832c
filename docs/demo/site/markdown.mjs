// Markdown to HTML: markdown-it, code coloured by shiki for both themes, TeX to MathML by temml, links led to the
// site's own pages.

import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import markdownIt from 'markdown-it';
import { createHighlighter } from 'shiki';
import temml from 'temml';
import { root } from './tree.mjs';

const LANGUAGES = ['ts', 'js', 'sh', 'json', 'yaml', 'html', 'diff', 'python'];

export async function renderer({ pages, sources, runnable }) {
  const shiki = await createHighlighter({ themes: ['github-light-high-contrast', 'github-dark-high-contrast'], langs: LANGUAGES });
  const urls = new Map(pages.map(({ file, url }) => [file, url]));
  const markdown = markdownIt({ html: true, linkify: false, typographer: false });
  markdown.use(maths);

  const colour = (code, language) =>
    shiki
      .codeToHtml(code, {
        lang: LANGUAGES.includes(language) ? language : 'text',
        themes: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
        defaultColor: false,
      })
      .replace(/<pre class="[^"]*" style="[^"]*" tabindex="0">/, '<pre class="shiki" tabindex="0">');

  markdown.renderer.rules.fence = (tokens, index, _, env) => {
    const { content, info, map } = tokens[index];
    const [language = '', kind = ''] = info.trim().split(/\s+/);
    const code = colour(content, language);
    if (language !== 'ts') return code;
    const place = `${env.page.file}:${(map?.[0] ?? 0) + 1}`;
    const script = runnable(place, content, kind === 'slow');
    const button = script
      ? `<button type="button" data-run="${script}">▶ Run</button>`
      : `<span>Runs in Node: <code>npm run example ${place}</code></span>`;
    return `<div class="block">${code}<div class="row">${button}</div></div>`;
  };
  markdown.renderer.rules.code_block = (tokens, index, _, env) => {
    const { content } = tokens[index];
    const code = `<pre tabindex="0"><code>${markdown.utils.escapeHtml(content)}</code></pre>`;
    const exercises = [...content.matchAll(/^npm run exercise ([\w-]+)/gm)].map(
      ([, name]) => `<a class="button" href="${relative(dirname(env.page.url), `learn/exercise-${name}.html`)}">✎ Write it here: ${name}</a>`,
    );
    return exercises.length > 0 ? `<p class="row">${exercises.join('')}</p><p>Or in the terminal:</p>${code}` : code;
  };
  markdown.renderer.rules.table_open = () => '<div class="table" tabindex="0" role="region" aria-label="Table"><table>';
  markdown.renderer.rules.table_close = () => '</table></div>';
  // An empty head says nothing, and a screen reader would read it.
  markdown.core.ruler.push('heads', (state) => headings(state));
  markdown.core.ruler.push('links', (state) => links(state, urls, sources));
  return {
    colour,
    render(page) {
      const env = { page, contents: [] };
      const text = page.text.replace(/<!--widget (\S+)-->/g, (_, place) => widget(page, place));
      const html = markdown
        .render(text.replace(/<!--[\s\S]*?-->/g, ''), env)
        .replaceAll(/<thead>\s*<tr>\s*(?:<th[^>]*><\/th>\s*)+<\/tr>\s*<\/thead>/g, '')
        .replaceAll(/<th([^>]*)><\/th>/g, '<td$1></td>');
      return { html, contents: env.contents };
    },
  };
}

/** A view of the explorer inside a page; where pages are read as Markdown its comment is not seen. One line, as the
 * comment is: blocks are named by theirs. */
function widget(page, place) {
  const url = `${relative(dirname(page.url), 'index.html')}`;
  return (
    `<iframe class="widget" loading="lazy" title="Explorer: ${place.split('?')[0]}" src="${url}?inside#${place}"></iframe>` +
    `<p class="muted"><a href="${url}#${place}">The same in the whole explorer</a></p>`
  );
}

export function slugOf(text) {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s-]/gu, '')
    .trim()
    .replace(/\s+/g, '-');
}

function headings(state) {
  const seen = new Map();
  for (const [index, token] of state.tokens.entries()) {
    if (token.type !== 'heading_open') continue;
    const text = state.tokens[index + 1].children.map(({ content }) => content).join('');
    const slug = slugOf(text);
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    const id = count === 0 ? slug : `${slug}-${count}`;
    token.attrSet('id', id);
    if (token.tag === 'h2' || token.tag === 'h3') state.env.contents.push({ id, text, level: token.tag });
  }
}

/** Links between documents lead to pages; links to sources, to a page that shows the file. */
function links(state, urls, sources) {
  const { page } = state.env;
  const walk = (tokens) => {
    for (const token of tokens) {
      if (token.children) walk(token.children);
      const name = token.type === 'link_open' ? 'href' : token.type === 'image' ? 'src' : undefined;
      const target = name && token.attrGet(name);
      if (!target || /^([a-z]+:|#)/i.test(target)) continue;
      const [path, hash = ''] = target.split('#');
      const file = normalize(join(dirname(page.file), decodeURIComponent(path))).replace(/\/$/, '');
      token.attrSet(name, leadTo(page, file, hash, urls, sources, name));
    }
  };
  walk(state.tokens);
}

function leadTo(page, file, hash, urls, sources, name) {
  const here = dirname(page.url);
  const url = urls.get(file) ?? urls.get(join(file, 'README.md'));
  if (url) return `${relative(here, url)}${hash && `#${hash}`}`;
  const path = join(root, file);
  if (!existsSync(path)) throw new Error(`${page.file}: expected a link to a file, got ${file}`);
  if (name === 'src') {
    sources.images.add(file);
    return relative(here, `files/${file}`);
  }
  if (statSync(path).isDirectory()) {
    sources.folders.add(file);
    return relative(here, `source/${file}/index.html`);
  }
  sources.files.add(file);
  return `${relative(here, `source/${file}.html`)}${/^L\d+/.test(hash) ? `#${hash}` : ''}`;
}

/** `$…$` and `$$…$$` in chapters of the course become MathML. */
function maths(markdown) {
  markdown.inline.ruler.before('escape', 'maths', (state, silent) => {
    if (!state.env.page?.file.startsWith('course/') || state.src[state.pos] !== '$') return false;
    const isBlock = state.src[state.pos + 1] === '$';
    const mark = isBlock ? '$$' : '$';
    const end = state.src.indexOf(mark, state.pos + mark.length);
    if (end < 0) return false;
    if (!silent) {
      const token = state.push('html_inline', '', 0);
      token.content = temml.renderToString(state.src.slice(state.pos + mark.length, end), { displayMode: isBlock });
    }
    state.pos = end + mark.length;
    return true;
  });
}
