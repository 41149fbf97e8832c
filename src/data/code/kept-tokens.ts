// Tokens by language before and after a run, beside the paper's: which languages were mostly kept, and which not.

import { LANGUAGES } from './languages.ts';

export interface LanguageTokens {
  readonly language: string;
  readonly files: number;
  readonly filesKept: number;
  readonly tokens: number;
  readonly tokensKept: number;
}

/** Adds up documents; `token_count` where the stage of that name has been, else nothing is known of tokens. */
export class KeptTokens {
  private readonly counts = new Map<string, { -readonly [K in keyof LanguageTokens]: LanguageTokens[K] }>();

  add(metadata: Readonly<Record<string, unknown>>, isKept: boolean): void {
    if (typeof metadata.language !== 'string') return;
    const { language } = metadata;
    let row = this.counts.get(language);
    if (!row) {
      row = { language, files: 0, filesKept: 0, tokens: 0, tokensKept: 0 };
      this.counts.set(language, row);
    }
    const tokens = Number(metadata.token_count) || 0;
    row.files++;
    row.tokens += tokens;
    if (!isKept) return;
    row.filesKept++;
    row.tokensKept += tokens;
  }

  /** In the paper's order, others behind. */
  rows(): LanguageTokens[] {
    const order = (name: string) => {
      const at = LANGUAGES.findIndex((language) => language.name === name);
      return at < 0 ? LANGUAGES.length : at;
    };
    return [...this.counts.values()].sort(
      (a, b) => order(a.language) - order(b.language) || (a.language < b.language ? -1 : 1),
    );
  }
}

/** The rows as a table in Markdown; the paper's columns are billions of tokens. */
export function keptTokensText(rows: readonly LanguageTokens[]): string {
  const share = (part: number, whole: number) =>
    whole === 0 ? '–' : `${((100 * part) / whole).toFixed(0)} %`;
  const lines = rows.map(({ language, files, filesKept, tokens, tokensKept }) => {
    const paper = LANGUAGES.find(({ name }) => name === language)?.paper;
    const theirs = paper ? [`${paper[0]} B`, `${paper[1]} B`, share(paper[1], paper[0])] : ['–', '–', '–'];
    return [language, files, filesKept, tokens, tokensKept, share(tokensKept, tokens), ...theirs];
  });
  const head = [
    'language',
    'files',
    'kept',
    'tokens',
    'kept',
    'share',
    'StarCoder2Data',
    'Stack-Edu',
    'share',
  ];
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [row(head), `| ---${' | --:'.repeat(head.length - 1)} |`, ...lines.map(row), ''].join('\n');
}
