// Numbers in pages: `<!--=name-->value<!--/-->`, which Markdown shows as the value.

const MARK = /<!--=([\w.-]+)-->[\s\S]*?<!--\/-->|\{\{([\w.-]+)\}\}/g;

/** The page with every mark filled. @throws RangeError for a name that nothing measured */
export function filled(page: string, shown: Readonly<Record<string, string>>): string {
  return page.replace(MARK, (_, mark?: string, braces?: string) => {
    const name = mark ?? braces ?? '';
    if (!(name in shown)) throw new RangeError(`numbers: expected a measured name, got ${name}`);
    return `<!--=${name}-->${shown[name]}<!--/-->`;
  });
}

/** The page's prose without marks, code, links and headings' anchors: where a number must not be typed by hand. */
export function proseOf(page: string): string {
  return page
    .replace(/```[\s\S]*?```/g, '')
    .replace(/!\[.*?\]\(.*?\)/g, '') // the description of a picture is made with it
    .replace(MARK, '')
    .replace(/`[^`\n]*`/g, '')
    .replace(/\]\([^)]*\)/g, ']');
}

/** Numbers of three or more significant digits in prose. */
export function typedNumbers(page: string): string[] {
  const numbers = proseOf(page).match(/(?<![\w.])\d(?:[\d,.]*\d)?/g) ?? [];
  return numbers.filter((number) => number.replace(/\D/g, '').replace(/^0+|0+$/g, '').length >= 3);
}

const QUOTE = /<!--quote (\S+) (.+?)-->\n```ts\n[\s\S]*?```/g;

/** The page with every quoted function as it stands in the source. @param read the text of a file of the project */
export function quoted(page: string, read: (file: string) => string): string {
  return page.replace(QUOTE, (_, file: string, start: string) => {
    const lines = read(file).split('\n');
    const begin = lines.findIndex((line) => line.startsWith(start));
    if (begin < 0) throw new RangeError(`${file}: expected a line that begins with ${start}, got none`);
    const end = lines.indexOf('}', begin);
    return `<!--quote ${file} ${start}-->\n\`\`\`ts\n${lines.slice(begin, end + 1).join('\n')}\n\`\`\``;
  });
}
