// Elements of HTML and SVG in one line each.

type Child = Node | string | number | false | null | undefined | readonly Child[];
type Props = Readonly<Record<string, unknown>>;

/** `h('button', { class: 'x', onclick: f }, 'text')`; `on…` is a listener, the rest are attributes. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  return filled(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  props: Props = {},
  ...children: Child[]
): SVGElementTagNameMap[Tag] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children);
}

function filled<E extends Element>(element: E, props: Props, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === undefined || value === null) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value as EventListener);
    else if (name === 'value' && element instanceof HTMLInputElement) element.value = String(value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === false || child === null || child === undefined) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

export function byId<E extends HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`page: expected an element #${id}, got none`);
  return found as E;
}

/** What a model wrote: never translated, and its direction is its own. */
export function model(text: string): HTMLElement {
  return h('bdi', { class: 'model', translate: 'no', 'data-model': true }, visible(text));
}

/** A longer text that a model wrote, to be read. */
export function prose(text: string): HTMLElement {
  return h('bdi', { class: 'prose', translate: 'no', 'data-model': true }, text);
}

/** Blanks and line ends made visible. */
export function visible(text: string): string {
  return text.replaceAll(' ', '␣').replaceAll('\n', '⏎').replaceAll('\t', '⇥') || '∅';
}

let numbered = 0;
export function freshId(prefix: string): string {
  numbered++;
  return `${prefix}-${numbered}`;
}
