// transformers.js, in Chromium; see transformers-js.page.js.

import { pageEngine } from './browser.mjs';

export const { open, prefill, decode, footprint, close } = pageEngine('transformers-js');
