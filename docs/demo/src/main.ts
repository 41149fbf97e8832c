// The page: state in the address, one worker, one view at a time.

import { App } from './app.ts';
import { translatePage } from './ui/text.ts';

translatePage();
const app = new App();
void app.start();
if (false as boolean) {
  addEventListener('load', () => void navigator.serviceWorker.register('./sw.js').catch(() => undefined));
}
