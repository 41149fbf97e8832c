// What a view is: controls, and a picture drawn from numbers. Controls stand once; the picture is drawn twice, before
// and after, when edits are compared.

import type { PictureName, PictureParams, Pictures } from '../engine/protocol.ts';
import type { State, ViewName } from '../state.ts';

export interface Context {
  readonly state: State;
  /** Room for the picture, in CSS pixels. */
  readonly width: number;
  /** 'before' and 'after' when both are shown. */
  readonly side: 'before' | 'after' | '';
  set(change: Partial<State>): void;
  /** The picture's numbers under the edits in force; undefined while they are computed. */
  get<Name extends PictureName>(name: Name, params?: PictureParams): Pictures[Name] | undefined;
  /** The same without the edits. */
  whole<Name extends PictureName>(name: Name, params?: PictureParams): Pictures[Name] | undefined;
  /** Says that the visitor did what a stop of the tour asks for. */
  did(deed: string): void;
  /** Makes pictures of a kind anew. */
  again(name: PictureName): void;
  /** Draws the view anew, without another state. */
  redraw(): void;
}

export interface View {
  controls?(context: Context): Node[];
  picture(context: Context): Node[];
  /** Views that compare by themselves, or have no numbers of the model. */
  readonly isOwnCompare?: boolean;
}

export type ViewTable = Readonly<Record<ViewName | 'rope' | 'train', () => Promise<View>>>;

/** The chosen token of a picture of `size` tokens. */
export function chosenToken({ token }: State, size: number): number {
  return Math.min(token ?? size - 1, size - 1);
}
