// llama.cpp compiled to WASM, in Chromium; see wllama.page.js.

import { pageEngine } from './browser.mjs';

export const { open, prefill, decode, footprint, close } = pageEngine('wllama');
