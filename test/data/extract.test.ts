import { describe, expect, it } from 'vitest';
import { decodePage } from '../../src/data/extract/charset.ts';
import { extractText, MAX_PAGE_LENGTH } from '../../src/data/extract/extract.ts';
import { firstBelow, parsePiece } from '../../src/data/extract/html-tree.ts';
import { withinLimits } from '../../src/data/extract/limits.ts';
import { texOfMathml } from '../../src/data/extract/mathml.ts';

const MATHJAX = '<script src="https://cdn.example/mathjax/tex-chtml.js"></script>';
const LONG = 'The bridge carries eleven lorries at once, and nobody has ever tried a twelfth.';

function texOf(markup: string): string {
  return texOfMathml(firstBelow(parsePiece(`<math>${markup}</math>`), ({ tagName }) => tagName === 'math')!);
}

describe('formulas', () => {
  it.each([
    [
      'KaTeX: the annotation, and not its two renderings',
      String.raw`<p>Take <span class="katex"><span class="katex-mathml"><math><semantics><mi>q</mi><annotation encoding="application/x-tex">\frac{q}{3}</annotation></semantics></math></span><span class="katex-html" aria-hidden="true"><span>q</span><span>3</span></span></span> now.`,
      String.raw`Take $\frac{q}{3}$ now.`,
    ],
    [
      'KaTeX without its HTML rendering, in display',
      String.raw`<p>So<p><span class="katex-display"><span class="katex"><math display="block"><semantics><mi>q</mi><annotation encoding="application/x-tex">\int q</annotation></semantics></math></span></span>`,
      String.raw`So${'\n\n'}$$\int q$$`,
    ],
    [
      'MathJax 2: the script, and not its preview or picture',
      '<p>Let <span class="MathJax_Preview">x</span><span class="MathJax_SVG"><svg></svg></span><script type="math/tex">x_0</script> be.',
      'Let $x_0$ be.',
    ],
    [
      'kramdown: CDATA around the source',
      '<p><script type="math/tex">% <![CDATA[\na < b %]]></script>',
      '$a < b$',
    ],
    [
      'MathJax 2 whose scripts were stripped: the MathML it carries',
      '<p>For <span class="MathJax" data-mathml="&lt;math&gt;&lt;msup&gt;&lt;mi&gt;k&lt;/mi&gt;&lt;mn&gt;3&lt;/mn&gt;&lt;/msup&gt;&lt;/math&gt;"><nobr>k3</nobr></span> we',
      'For $k^{3}$ we',
    ],
    [
      'MathJax 3 in display: its assistive MathML',
      '<p>Then</p><mjx-container display="true"><mjx-math aria-hidden="true">b</mjx-math><mjx-assistive-mml><math><msqrt><mi>b</mi></msqrt></math></mjx-assistive-mml></mjx-container>',
      'Then\n\n$$\\sqrt{b}$$',
    ],
    [
      'MathML with alttext, wrapper taken off',
      String.raw`<p><math alttext="{\displaystyle {a}+c_{b}}"><mi>a</mi></math>`,
      '$' + '{a}+c_{b}$',
    ],
    [
      'two groups are no wrapper',
      String.raw`<p><math alttext="{\displaystyle a}+{b}"><mi>a</mi></math>`,
      String.raw`\${\displaystyle a}+{b}$`.replace('\\$', '$'),
    ],
    [
      'Wikipedia: hidden MathML beside an image',
      String.raw`<p>So <span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display:none"><math><semantics><mi>m</mi><annotation encoding="application/x-tex">{\displaystyle m}</annotation></semantics></math></span><img class="mwe-math-fallback-image-inline" alt="{\displaystyle m}" src="m.svg"></span>.`,
      'So $m$.',
    ],
    [
      'Wikipedia with the image alone',
      String.raw`<p><span class="mwe-math-element"><img class="mwe-math-fallback-image-inline" alt="{\displaystyle m_1}"></span>`,
      '$m_1$',
    ],
    [
      'WordPress images',
      '<p><img class="latex" src="/latex.php?latex=y%5E2" alt="y^2"> and <img src="http://s0.example/latex.php?latex=%5Calpha+%2B1&bg=fff">',
      '$y^2$ and $\\alpha +1$',
    ],
    [
      'codecogs images, without how to draw',
      String.raw`<p><img src="https://latex.codecogs.com/png.latex?\dpi{120}\inline%20\frac{k}{2}">`,
      '$\\frac{k}{2}$',
    ],
    ['a photograph is no formula', '<p>A cat: <img src="cat.png" alt="x^2"> here', 'A cat: here'],
    [
      'Stack Exchange containers keep their delimiters',
      '<p>With <span class="math-container">$$p\n+ q$$</span> in it',
      'With $$p + q$$ in it',
    ],
  ])('%s', (_, html, text) => expect(extractText(html)).toBe(text));
});

describe('delimiters', () => {
  const text = (body: string, head = '') => extractText(`<head>${head}</head><p>${body}</p>`);

  it.each([
    [String.raw`both kinds \(a+b\) and \[a-b\] here`, 'both kinds $a+b$ and $$a-b$$ here'],
    ['[tex]a[/tex], [itex] b [/itex]', '$$a$$, $b$'],
    [
      String.raw`\begin{align*} x &amp;= \(no\) \\ &amp;= $y$ \end{align*} and \(z\)`,
      String.raw`\begin{align*} x &= \(no\) \\ &= $y$ \end{align*} and $z$`,
    ],
    [String.raw`never closed \(a + b and 5`, String.raw`never closed \(a + b and 5`],
    [String.raw`an escaped \$5 and \$6 stay`, String.raw`an escaped \$5 and \$6 stay`],
    ['a bag for $5 and a box for $ 7 each', 'a bag for $5 and a box for $ 7 each'],
    ['$ x^2 $ is a formula anywhere', '$x^2$ is a formula anywhere'],
    ['in <code>$HOME and $PATH_1</code> nothing', 'in `$HOME and $PATH_1` nothing'],
  ])('%s', (body, wanted) => expect(text(body)).toBe(wanted));

  it('a lone $ is one where a typesetter is loaded, and prices are not', () => {
    expect(text('say $n$ or \\(m\\)', MATHJAX)).toBe('say $n$ or $m$');
    expect(text('from $5 to $9 now', MATHJAX)).toBe('from $5 to $9 now');
  });

  it.each([
    [
      "MathJax.Hub.Config({tex2jax: {inlineMath: [['!!','!!'], ['\\\\(','\\\\)']], displayMath: [['\\\\[','\\\\]']]}})",
      '!!',
      '!!',
      '$k$',
    ],
    [
      "window.MathJax = { tex: { displayMath: [['<<', '>>'], ['$$', '$$']] } };",
      '&lt;&lt;',
      '&gt;&gt;',
      '$$k$$',
    ],
    ['renderMathInElement(b, {delimiters: [{left: "%%", right: "%%", display: false}]})', '%%', '%%', '$k$'],
  ])("the page's own: %s", (script, open, close, wanted) => {
    expect(text(`so ${open}k${close} it is`, `<script>${script}</script>`)).toBe(`so ${wanted} it is`);
  });

  // What OpenWebMath's extraction gets wrong, each tried against its code.
  it.each([
    ['\\[ \\] is display and \\( \\) is not', String.raw`\[a\] \(b\)`, '$$a$$ $b$'],
    ['display scripts are found', '<script type="math/tex; mode=display">a</script>', '$$a$$'],
    [
      'a display annotation stays display',
      '<math display="block"><semantics><mi>a</mi><annotation encoding="application/x-tex">a</annotation></semantics></math>',
      '$$a$$',
    ],
    [
      'a formula with the letters align has delimiters',
      String.raw`<script type="math/tex">\text{misaligned}</script>`,
      String.raw`$\text{misaligned}$`,
    ],
    [
      'a $ inside a formula stays',
      String.raw`<script type="math/tex">\text{for $x$ only}</script>`,
      String.raw`$\text{for $x$ only}$`,
    ],
  ])('%s', (_, html, wanted) => expect(extractText(`<p>${html}`)).toBe(wanted));
});

describe('texOfMathml', () => {
  it.each([
    ['<mi>x</mi><mo>≤</mo><mi>π</mi><mi>r</mi>', String.raw`x\leq\pi r`],
    [
      '<munderover><mo>∑</mo><mrow><mi>k</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><mi>k</mi>',
      String.raw`\sum_{k=1}^{n}k`,
    ],
    [
      '<munder><mi>lim</mi><mrow><mi>x</mi><mo>→</mo><mn>0</mn></mrow></munder><mi>sin</mi><mo>\u2061</mo><mi>x</mi>',
      String.raw`\lim_{x\rightarrow0}\sin x`,
    ],
    ['<mroot><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>3</mn></mroot>', String.raw`\sqrt[3]{a+b}`],
    ['<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>', 'x_{i}^{2}'],
    ['<msup><mrow><mi>a</mi><mi>b</mi></mrow><mn>2</mn></msup>', '{ab}^{2}'],
    ['<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow><mn>2</mn></msup>', '(a)^{2}'],
    ['<msup><mi>f</mi><mo>′</mo></msup>', "f'"],
    [
      '<mover accent="true"><mi>v</mi><mo>→</mo></mover><mover><mi>y</mi><mo>¯</mo></mover>',
      String.raw`\vec{v}\overline{y}`,
    ],
    ['<munder><mi>a</mi><mo>⏟</mo></munder>', String.raw`\underbrace{a}`],
    ['<mover><mo>=</mo><mtext>def</mtext></mover>', String.raw`\overset{\text{def}}{=}`],
    ['<mfrac linethickness="0"><mi>n</mi><mi>k</mi></mfrac>', String.raw`{n \atop k}`],
    [
      '<mrow><mo>(</mo><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd><mn>0</mn></mtd><mtd><mn>1</mn></mtd></mtr></mtable><mo>)</mo></mrow>',
      String.raw`\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}`,
    ],
    [
      '<mrow><mo>{</mo><mtable><mtr><mtd><mi>a</mi></mtd></mtr><mtr><mtd><mi>b</mi></mtd></mtr></mtable></mrow>',
      String.raw`\begin{cases} a \\ b \end{cases}`,
    ],
    ['<mfenced open="[" close=")"><mi>a</mi><mi>b</mi></mfenced>', String.raw`\left[a,b\right)`],
    [
      '<mmultiscripts><mi>F</mi><mn>1</mn><none/><mprescripts/><mn>2</mn><none/></mmultiscripts>',
      '{}_{2}F_{1}',
    ],
    [
      '<mi mathvariant="double-struck">R</mi><mi>adj</mi><mi mathvariant="bold">v</mi>',
      String.raw`\mathbb{R}\mathrm{adj}\mathbf{v}`,
    ],
    ['<mtext>50% of {it}</mtext>', String.raw`\text{50\% of \{it\}}`],
    ['<mi>a</mi><mspace width="2em"/><mi>b</mi><mphantom><mi>c</mi></mphantom>', String.raw`a\qquad b`],
  ])('%s', (markup, tex) => expect(texOf(markup)).toBe(tex));
});

describe('blocks', () => {
  it.each([
    [
      'headings, paragraphs, line breaks',
      '<h2>Two\n things</h2>one<p>two<br>three',
      '## Two things\n\none\n\ntwo\nthree',
    ],
    [
      'lists in lists, and a start',
      '<ol start="3"><li>three<ul><li>a<li>b<br>c</ul><li><p>four</p><p>more</p></ol>',
      '3. three\n  - a\n  - b\n    c\n4. four\n  more',
    ],
    ['an empty item leaves no marker', '<ul><li><li>b</ul>after', '- b\n\nafter'],
    ['two lists are two', '<ul><li>a</ul><ul><li>b</ul>', '- a\n\n- b'],
    ['quotes', '<blockquote><p>a</p><p>b</p></blockquote>c', '> a\n>\n> b\n\nc'],
    [
      'code keeps its lines, and longer fences around fences',
      '<pre>\n  a = 1\n\n```\n</pre>',
      '````\n  a = 1\n\n```\n````',
    ],
    ['code in code marks', '<p>see <code>a`b</code>', 'see ``a`b``'],
    ['exponents', '<p>x<sup>2</sup>, y<sub>i<sup>3</sup></sub>', 'x^2, y_{i^3}'],
    [
      'a data table with a caption and a formula',
      '<table><caption>Rates</caption><tr><th>n<th>rate<tr><td><p>1</p><td>\\(x|y\\)</table>',
      'Rates\n\n| n | rate |\n|---|---|\n| 1 | $x|y$ |',
    ],
    ['a table of one column lays out', '<table><tr><td>a<tr><td>b</table>', 'a\n\nb'],
  ])('%s', (_, html, text) => expect(extractText(html)).toBe(text));
});

describe('furniture', () => {
  it.each([
    ['<div class="post-menu">Share</div>'],
    ['<div id="siteFooter">Some address</div>'],
    ['<section class="wp-comments"><p>First!</p></section>'],
    ['<article class="comment-body"><p>First!</p></article>'],
    ['<form><p>Write to us</p><input></form>'],
    ['<ul><li><a href="/1">one</a><li><a href="/2">two</a></ul>'],
    ['<p><a href="/next">Next page</a></p>'],
    ['<div style="color: red; DISPLAY: none">secret</div>'],
    ['<p aria-hidden="true">secret</p>'],
    ['<div role="dialog">Take this offer</div>'],
  ])('%s goes', (furniture) => expect(extractText(`<p>${LONG}</p>${furniture}`)).toBe(LONG));

  it.each([
    ['<div class="content-with-sidebar"><p>', 'a name that says what is beside it'],
    ['<div class="sidebar"><main><p>', 'the main part is in it'],
    ['<form action="/"><p>', 'one form around the page'],
    ['<div class="comment-free-zone"><p>', 'a word with another meaning'],
    ['<main><header><p>', 'the header of an article'],
  ])('%s stays: %s', (begin) => {
    const text = Array.from({ length: 8 }, () => LONG).join(' ');
    expect(extractText(`${begin}${text}`)).toBe(text);
  });

  it('marks of references go, other exponents with links stay', () => {
    expect(
      extractText(
        '<p>so<sup><a href="#n">[2]</a></sup> it is<sup><a href="/x">th</a></sup> and more words</p>',
      ),
    ).toBe('so it is^{th} and more words');
  });
});

describe('decodePage', () => {
  const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

  it.each([
    [
      'utf-8 by its mark, whatever it declares',
      '\xef\xbb\xbf<meta charset=latin1>\xc3\xa9',
      '',
      '<meta charset=latin1>é',
      'utf-8',
    ],
    [
      'the header before the page',
      '<meta charset=utf-8>\xe9',
      'text/html; charset="ISO-8859-1"',
      '<meta charset=utf-8>é',
      'windows-1252',
    ],
    [
      'http-equiv',
      '<meta http-equiv=content-type content="text/html; charset=koi8-r">\xc1',
      '',
      null,
      'koi8-r',
    ],
    [
      'a comment declares nothing',
      '<!-- <meta charset=koi8-r> -->\xe9',
      '',
      '<!-- <meta charset=koi8-r> -->é',
      'windows-1252',
    ],
    [
      'an unknown name counts for nothing',
      '<meta charset=nonsense>\xc3\xa9',
      '',
      '<meta charset=nonsense>é',
      'utf-8',
    ],
    [
      'utf-16 in a page that can be read is utf-8',
      '<meta charset=utf-16>\xc3\xa9',
      '',
      '<meta charset=utf-16>é',
      'utf-8',
    ],
    [
      'neither says: windows-1252 with its own marks',
      'a \x80 b \x93c\x94 \x81',
      '',
      'a € b “c” \u0081',
      'windows-1252',
    ],
    ['utf-16 by its mark', '\xff\xfea\x00', '', 'a', 'utf-16le'],
  ])('%s', (_, text, header, html, encoding) => {
    const decoded = decodePage(bytes(text), header);
    expect(decoded.encoding).toBe(encoding);
    if (html !== null) expect(decoded.html).toBe(html);
  });
});

describe('hostile pages', () => {
  it('exponents, quotes and lists have an end', { tags: ['slow'] }, () => {
    expect(extractText(`${'<sup>'.repeat(50_000)}x`)).toBe('^{^{^{^x}}}');
    expect(extractText(`${'<blockquote>'.repeat(3000)}x`)).toBe(`${'> '.repeat(8)}x`);
    expect(extractText(`${'<ul><li>'.repeat(2000)}x`)).toBe(`${'  '.repeat(7)}- x`);
    expect(extractText(`<math>${'<msup>'.repeat(3000)}<mi>x</mi>`).length).toBeLessThan(2000);
  });

  it('delimiters that are never closed are looked for once', { tags: ['slow'] }, () => {
    const open = String.raw`\( \[ [tex] [itex] `.repeat(20_000).trim();
    expect(extractText(open)).toBe(open);
  });

  it('a page beyond the limit is refused unread', () => {
    expect(() => extractText('x'.repeat(MAX_PAGE_LENGTH + 1))).toThrow(RangeError);
  });

  it('an ordinary page passes the limits unchanged', () => {
    const html = `<div a="1 > 0" b='>' c=d><p>${LONG}</div>`;
    expect(withinLimits(html)).toBe(html);
  });
});
