/* A fork counts its steps from 0, and goes on where it left another run: on one axis it begins there. */
import type { Run } from '../contract/generated';
import { stepOf } from './branch';

/** Of a record that an older launcher wrote, the parent may be missing. */
type Known = Pick<Run, 'id'> & Partial<Pick<Run, 'parent'>>;

/** How many steps later than the first run the other began, where one was forked from the other, or both from the same; else 0. */
export function forkOffset(first: Known, other: Known): number {
  const mine = first.parent ?? undefined;
  const its = other.parent ?? undefined;
  const left = (of: typeof its): number => (of === undefined ? 0 : stepOf(of.checkpoint) || 0);
  if (its?.run === first.id) return left(its);
  if (mine?.run === other.id) return -left(mine);
  return mine !== undefined && mine.run === its?.run ? left(its) - left(mine) : 0;
}
