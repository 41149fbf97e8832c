export interface MeasuredFunction {
  readonly path: string;
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}
export function measure(): {
  readonly rooms: { room: string; lines: number; budget: number; fits: boolean }[];
  readonly long: MeasuredFunction[];
};
