// The page: state in the address, one worker, one view at a time.

import { App } from './app.ts';
import { keepOffline } from './offline.ts';
import { translatePage } from './ui/text.ts';

translatePage();
void new App().start();
keepOffline('./sw.js');
