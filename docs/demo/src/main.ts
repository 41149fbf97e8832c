// The page: state in the address, one worker, one view at a time.

import { App } from './app.ts';
import { keepOffline } from './offline.ts';
import { translatePage } from './ui/text.ts';
import { sayIfNotNewest } from './versions.ts';

// In a page of the course only the prompt, the view and its controls are shown.
if (new URLSearchParams(location.search).has('inside')) document.documentElement.dataset.inside = '';
translatePage();
const app = new App();
void app.start();
if (!('inside' in document.documentElement.dataset)) {
  void sayIfNotNewest(new URL('./', location.href));
  keepOffline('./sw.js', app.warm);
}
