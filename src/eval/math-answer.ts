// The answer of a worked mathematics problem, in a form that two spellings of one answer share: extraction
// and normalisation as Qwen2.5-Math's parser does them (`\boxed{…}` first, "answer is …", else the last
// number).

/**
 * The last `\boxed{…}` with balanced braces, or the text after "answer is", or the last number; normalised.
 */
export function mathAnswer(text: string): string {
  return normalised(extracted(text));
}

function extracted(text: string): string {
  const box = text.lastIndexOf('boxed');
  if (box >= 0) return boxContents(text.slice(box + 'boxed'.length));
  const said = text.split(/(?:he answer is|final answer is)/);
  if (said.length > 1) {
    const end = /^(.*?)(?:\.\s|\.$|\n|$)/s.exec(said.at(-1)!.trim());
    return (end?.[1] ?? '').replace(/^\s*:/, '').trim();
  }
  return (
    text
      .replaceAll(',', '')
      .match(/-?\d*\.?\d+/g)
      ?.at(-1) ?? ''
  );
}

/** What stands in the first pair of braces; without braces, up to the first dollar sign. */
function boxContents(text: string): string {
  if (text[0] !== '{') return text.split('$')[0].trim();
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{') depth++;
    if (text[i] === '}' && --depth === 0) return text.slice(1, i);
  }
  return text.slice(1);
}

const UNITS =
  'degrees?|cm|centimeters?|meters?|miles?|seconds?|minutes?|hours?|days?|weeks?|months?|years?|feet|foot|' +
  'inch(?:es)?|per|yards?|square|units?|cents?|dollars?|mph|points?|gallons?|people|ways';

/** Separates the rows of a matrix while other backslashes go. */
const ROW = '\u0001';

/**
 * `1,234` without its comma: groups of three behind at most three, and nothing beside them that makes a list of it.
 * Between brackets a comma always separates: (1,200) is an interval.
 */
function withoutThousands(text: string): string {
  if (/[([]/.test(text.replace(/\\[()[\]]/g, ''))) return text;
  const isList = /,(?!\d{3}(?!\d))|(?<!\d),|(?<!\d)\d{4,},/.test(text);
  return isList ? text : text.replace(/(?<=\d),(?=\d{3}(?!\d))/g, '');
}

/** One spelling for equal answers: LaTeX dressing, units, blanks, fractions and roots without braces. */
function normalised(answer: string): string {
  let text = withoutThousands(answer.trim().replaceAll('\\!', '').replaceAll('{,}', ','))
    .replaceAll('\\\\', ROW)
    .replaceAll('\n', ' ')
    .replace(/^\$|\$$/g, '')
    .replace(/\.$/, '')
    .replace(/\\begin\{array\}\{[^{}]*\}/g, '\\begin{pmatrix}')
    .replace(/\\end\{array\}/g, '\\end{pmatrix}')
    .replaceAll('bmatrix', 'pmatrix')
    .replace(/\\[td]frac/g, '\\frac')
    .replace(/\\neq/g, '\\ne')
    .replace(/\\leq/g, '\\le')
    .replace(/\\geq/g, '\\ge')
    .replace(/\\left|\\right/g, '')
    .replaceAll('\\{', '{')
    .replaceAll('\\}', '}');
  text = text.replace(/\\text\{[^{}]*\}$/, '').trim() || text;
  text = text.replace(new RegExp(`(^|[\\d\\s}])(?:${UNITS})(?=$|\\W)`, 'g'), '$1');
  text = text
    .replace(/\^\{?\\circ\}?/g, '')
    .replace(/\\?[$%]|\\\(|\\\)/g, '')
    .replace(/\\(?:text|mathrm|mathbf|mbox)\{([^{}]*)\}/g, '$1')
    .replace(/^(?:[a-zA-Z]\s*=|x\\in|.*\\in\s)/, '')
    .replace(/\\(?:,|;|:|quad|qquad| )/g, '')
    .replaceAll('infinity', '\\infty')
    .replaceAll('+\\infty', '\\infty')
    .replace(/(?<![\d])\.(\d)/g, '0.$1')
    .replace(/(?<=\d)\.0+(?!\d)/g, '')
    .replace(/\s+/g, '')
    .replaceAll(ROW, '\\\\');
  return fractionsAndRoots(text);
}

/** `\frac12` → `\frac{1}{2}`, `\sqrt3` → `\sqrt{3}`, `a/b` → `\frac{a}{b}`. */
function fractionsAndRoots(text: string): string {
  const braced = text
    .replace(/\\sqrt(?!\{|\[)(\w)/g, '\\sqrt{$1}')
    .replace(/\\frac(\w)(\w)/g, '\\frac{$1}{$2}')
    .replace(/\\frac(\w)(?=\{)/g, '\\frac{$1}')
    .replace(/(\\frac\{[^{}]*\})(\w)/g, '$1{$2}');
  return braced.replace(/^(-?\d+)\/(-?\d+)$/, '\\frac{$1}{$2}').replace(/^0\.5$/, '\\frac{1}{2}');
}
