/* Which steps are in view. */

export type StepRange = readonly [from: number, to: number];

/** A wanted range as far as there is something to see; null is the whole run, and undefined that nothing is to change. */
export function clampZoom(wanted: StepRange, whole: StepRange): StepRange | null | undefined {
  const [from, to] = [Math.max(wanted[0], whole[0]), Math.min(wanted[1], whole[1])];
  if (from <= whole[0] && to >= whole[1]) return null;
  return to - from < 1 ? undefined : [from, to];
}

/** What is left of a zoom: none where nothing lies within, as when the run that reached so far is no longer laid over the charts. */
export function zoomWithin(zoom: StepRange | null, whole: StepRange | null): StepRange | null {
  return zoom !== null && whole !== null && (zoom[0] > whole[1] || zoom[1] < whole[0]) ? null : zoom;
}
