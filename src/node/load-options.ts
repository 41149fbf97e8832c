// The options of `load` in Node, Deno and Bun, and what each of them may be.

import { type Rules, text } from '../base/options.ts';
import type { OpenOptions } from '../format/open.ts';
import type { LoadOptions } from '../run/load.ts';
import { DOWNLOAD_RULES, LOAD_RULES, OPEN_RULES } from '../run/load-options.ts';

export interface NodeLoadOptions extends LoadOptions, OpenOptions {
  /** Folder of a LoRA adapter (PEFT's files): computed beside the weights, which may be quantised. */
  readonly adapter?: string;
  /** Stops the search and the download of weights. */
  readonly signal?: AbortSignal;
  /** Called as a file arrives; not at all when it was on the machine. */
  readonly onDownload?: (bytesDone: number, bytesTotal: number | undefined) => void;
}

/** What each option of `load` may be. */
export const NODE_LOAD_RULES: Rules<NodeLoadOptions> = {
  ...LOAD_RULES,
  ...OPEN_RULES,
  ...DOWNLOAD_RULES,
  adapter: text,
};
