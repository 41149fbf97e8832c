// What keeps a hostile page from taking time or memory in the square of its length. An HTML parser asks the stack of
// open elements at nearly every tag and compares each attribute with those before it; a page of unclosed <b> makes it
// open all of them again in every paragraph. Pages that people write are far from these limits and pass unchanged.

/** Elements that are open at once; further tags are left out, their text stays. Browsers stop at 512. */
const MAX_DEPTH = 5000;
/** Attributes of one tag; the rest is left out. */
const MAX_ATTRIBUTES = 500;
/** Elements of a page once it is parsed: five megabytes of markup hold less than 700,000. */
export const MAX_ELEMENTS = 1_000_000;

/** Tags that need no end: they do not make a page deep by themselves. */
const UNCOUNTED = new Set(
  (
    'area base br col embed hr img input link meta param source track wbr p li td th tr tbody thead tfoot dt dd ' +
    'option optgroup colgroup rt rp html head body script style'
  ).split(' '),
);

/** The page without what goes beyond the limits. */
export function withinLimits(html: string): string {
  const tag = /<(\/?)([a-zA-Z][a-zA-Z0-9:-]*)/g;
  const kept: string[] = [];
  let copied = 0;
  let depth = 0;
  let numSkipped = 0;
  for (let match = tag.exec(html); match; match = tag.exec(html)) {
    const { end, attributesEnd } = tagEnd(html, tag.lastIndex);
    const [, slash, name] = match;
    let isSkipped = false;
    if (!UNCOUNTED.has(name.toLowerCase())) {
      if (slash === '') isSkipped = depth >= MAX_DEPTH;
      else isSkipped = numSkipped > 0;
      if (isSkipped) numSkipped += slash === '' ? 1 : -1;
      else depth = Math.max(0, depth + (slash === '' ? 1 : -1));
    }
    if (isSkipped || attributesEnd < end) {
      kept.push(html.slice(copied, isSkipped ? match.index : attributesEnd));
      copied = isSkipped ? Math.min(end + 1, html.length) : end;
    }
    tag.lastIndex = end;
  }
  return kept.length === 0 ? html : kept.join('') + html.slice(copied);
}

/** The place of the `>` that ends the tag, and where its attributes become too many. */
function tagEnd(html: string, begin: number): { end: number; attributesEnd: number } {
  const attribute = /[^\s"'>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?|[>"'/=]/g;
  attribute.lastIndex = begin;
  let attributesEnd = html.length;
  for (let count = 0, match = attribute.exec(html); match; match = attribute.exec(html)) {
    if (match[0] === '>') return { end: match.index, attributesEnd: Math.min(attributesEnd, match.index) };
    if (++count === MAX_ATTRIBUTES) attributesEnd = attribute.lastIndex;
  }
  return { end: html.length, attributesEnd };
}
