// Where each head of a layer looks: one map per head on a canvas, row = token that looks, column = token looked at.
// A click on a map switches its head off for the next answer.

import { make } from './elements.ts';
import type { Head } from './protocol.ts';

export interface AttentionView {
  readonly layer: number;
  readonly numLayers: number;
  /** [size, size] of each head. */
  readonly maps: readonly Float32Array[];
  readonly size: number;
  readonly texts: readonly string[];
  readonly switchedOff: readonly Head[];
  readonly chooseLayer: (layer: number) => void;
  readonly toggle: (head: Head) => void;
}

export function drawAttention(into: HTMLElement, view: AttentionView): void {
  const { layer, numLayers, maps, switchedOff, chooseLayer, toggle } = view;
  const slider = make('input', { type: 'range', min: '0', max: String(numLayers - 1), value: String(layer) });
  slider.id = 'layer';
  slider.addEventListener('change', () => chooseLayer(Number(slider.value)));
  const figures = maps.map((map, head) => {
    const isOff = switchedOff.some((other) => other.layer === layer && other.head === head);
    const canvas = make('canvas', { width: view.size, height: view.size });
    paint(canvas, map, view.size);
    const readout = make('span', { className: 'hint' });
    canvas.addEventListener('pointermove', (event) => (readout.textContent = read(canvas, event, view, map)));
    const button = make('button', { type: 'button' }, isOff ? 'switch on' : 'switch off');
    button.setAttribute('aria-pressed', String(isOff));
    button.setAttribute('aria-label', `${isOff ? 'switch on' : 'switch off'} head ${head} of layer ${layer}`);
    button.addEventListener('click', () => toggle({ layer, head }));
    const caption = make('figcaption', {}, `head ${head}`, button);
    return make('figure', { className: isOff ? 'off' : '' }, canvas, caption, readout);
  });
  const off = switchedOff.map((head) => `${head.layer}.${head.head}`).join(', ');
  into.replaceChildren(
    make('label', { className: 'row' }, `Layer ${layer} (0 to ${numLayers - 1})`, slider),
    make(
      'p',
      { className: 'hint' },
      off === ''
        ? 'Each row is a token, and shows how its attention is spread over the tokens before it. Switch a head off ' +
            'and answer again to see what it was for.'
        : `Switched off: ${off}. Press “Answer again” to see what changes.`,
    ),
    make('div', { className: 'heads' }, ...figures),
  );
}

/** Ink by the square root of the weight, so that small ones are seen too. */
function paint(canvas: HTMLCanvasElement, map: Float32Array, size: number): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  const image = context.createImageData(size, size);
  for (let i = 0; i < map.length; i++) {
    image.data.set([20, 110, 220, Math.round(255 * Math.sqrt(map[i]))], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

function read(
  canvas: HTMLCanvasElement,
  { offsetX, offsetY }: PointerEvent,
  { size, texts }: AttentionView,
  map: Float32Array,
): string {
  const column = Math.min(size - 1, Math.max(0, Math.floor((offsetX / canvas.clientWidth) * size)));
  const row = Math.min(size - 1, Math.max(0, Math.floor((offsetY / canvas.clientHeight) * size)));
  return `${texts[row]} → ${texts[column]}: ${map[row * size + column].toFixed(2)}`;
}
