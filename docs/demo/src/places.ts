// Where one is: the rooms, and the views of the laboratory as tabs or the stops of the tour as a list.

import type { App } from './app.ts';
import { ROOMS, VIEWS } from './state.ts';
import { STOPS } from './tour.ts';
import { byId, h } from './ui/dom.ts';
import { type TextKey, t } from './ui/text.ts';

export class Places {
  private readonly app: App;
  private drawn = '';

  constructor(app: App) {
    this.app = app;
  }

  draw(): void {
    const { room, view, stop } = this.app.state;
    const now = `${room}/${view}/${stop}`;
    if (now === this.drawn) return;
    const hadFocus = byId('places').contains(document.activeElement);
    this.drawn = now;
    document.body.dataset.room = room;
    byId('rooms').replaceChildren(
      ...ROOMS.map((one) =>
        h(
          'a',
          {
            href: one === 'tour' ? '#tour/1' : `#${one}`,
            'aria-current': one === room && 'page',
            onclick: (event: Event) => this.enter(event, one),
          },
          t(`room.${one}`),
        ),
      ),
    );
    const list = room === 'lab' ? this.tabs() : room === 'tour' ? this.stops() : h('div');
    byId('places').replaceChildren(list);
    const chosen = byId('places').querySelector<HTMLElement>('[aria-selected=true], [aria-current=step]');
    if (hadFocus) chosen?.focus();
    // Only the strip scrolls, not the page.
    if (chosen && list.scrollWidth > list.clientWidth)
      list.scrollLeft = chosen.offsetLeft - list.clientWidth / 3;
    const pane = byId('view');
    if (room === 'lab') {
      pane.setAttribute('role', 'tabpanel');
      pane.setAttribute('aria-labelledby', `tab-${view}`);
    } else {
      pane.removeAttribute('role');
      pane.setAttribute('aria-labelledby', 'view-name');
    }
  }

  private enter(event: Event, room: (typeof ROOMS)[number]): void {
    event.preventDefault();
    if (room === 'tour') this.app.enterStop(this.app.state.stop);
    else this.app.set({ room });
  }

  private tabs(): HTMLElement {
    const { view } = this.app.state;
    const tabs = VIEWS.map((name, index) =>
      h(
        'button',
        {
          type: 'button',
          role: 'tab',
          id: `tab-${name}`,
          'aria-controls': 'view',
          'aria-selected': String(name === view),
          tabindex: name === view ? 0 : -1,
          onclick: () => this.app.set({ view: name }),
          onkeydown: (event: Event) => this.turn(event as KeyboardEvent, index),
        },
        t(`view.${name}`),
      ),
    );
    return h('div', { role: 'tablist', class: 'list', 'aria-label': t('page.views') }, ...tabs);
  }

  private turn(event: KeyboardEvent, index: number): void {
    const forward = event.key === 'ArrowDown' || event.key === 'ArrowRight';
    const back = event.key === 'ArrowUp' || event.key === 'ArrowLeft';
    if (!forward && !back) return;
    event.preventDefault();
    this.app.set({ view: VIEWS[(index + (forward ? 1 : VIEWS.length - 1)) % VIEWS.length] });
  }

  private stops(): HTMLElement {
    const { stop } = this.app.state;
    const items = STOPS.map(({ name }, index) =>
      h(
        'li',
        {},
        h(
          'button',
          {
            type: 'button',
            'aria-current': index === stop && 'step',
            onclick: () => this.app.enterStop(index),
          },
          `${index + 1} `,
          t(`stop.${name}` as TextKey),
        ),
      ),
    );
    return h('ol', { class: 'list', 'aria-label': t('page.stops') }, ...items);
  }
}
