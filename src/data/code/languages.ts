// The fifteen languages of Stack-Edu (SmolLM2 paper, 3.4 and table of appendix D), the names of their files, and the
// paper's amounts.

export interface CodeLanguage {
  readonly name: string;
  /** Without the dot, in small letters. */
  readonly extensions: readonly string[];
  /** Billions of tokens: in StarCoder2Data, and of those in Stack-Edu. */
  readonly paper: readonly [before: number, after: number];
}

export const LANGUAGES: readonly CodeLanguage[] = [
  { name: 'Python', extensions: ['py', 'pyi'], paper: [50.6, 21.8] },
  { name: 'C++', extensions: ['cpp', 'cc', 'cxx', 'hpp', 'hh', 'hxx'], paper: [69.7, 16] },
  { name: 'Markdown', extensions: ['md', 'markdown'], paper: [80.4, 14] },
  { name: 'C', extensions: ['c', 'h'], paper: [38.4, 11.1] },
  { name: 'JavaScript', extensions: ['js', 'mjs', 'cjs', 'jsx'], paper: [45.3, 11.1] },
  { name: 'Java', extensions: ['java'], paper: [45.6, 42.1] },
  { name: 'SQL', extensions: ['sql'], paper: [13.7, 9.62] },
  { name: 'PHP', extensions: ['php'], paper: [44.9, 9.07] },
  { name: 'C#', extensions: ['cs'], paper: [33.4, 8.87] },
  { name: 'TypeScript', extensions: ['ts', 'tsx', 'mts', 'cts'], paper: [12.2, 3.03] },
  { name: 'Shell', extensions: ['sh', 'bash', 'zsh'], paper: [4.17, 3.13] },
  { name: 'Swift', extensions: ['swift'], paper: [3.71, 1.83] },
  { name: 'Go', extensions: ['go'], paper: [3.67, 1.8] },
  { name: 'Rust', extensions: ['rs'], paper: [3.39, 1.75] },
  { name: 'Ruby', extensions: ['rb'], paper: [5.76, 1.61] },
];

const BY_EXTENSION = new Map(
  LANGUAGES.flatMap(({ name, extensions }) => extensions.map((extension) => [extension, name] as const)),
);

/** The language of a file by its name, undefined for others. A header of C++ that ends in .h counts as C. */
export function languageOf(path: string): string | undefined {
  const extension = /[^/\\]\.([^./\\]+)$/.exec(path)?.[1];
  return extension === undefined ? undefined : BY_EXTENSION.get(extension.toLowerCase());
}
