import { findNodeAtLocation, getNodeValue } from 'jsonc-parser';
import { parseConfig } from './parseConfig';

/** The runs folder that a config names, as it is written; undefined where it names none. */
export function namedRunsFolder(text: string): string | undefined {
  const { root } = parseConfig(text);
  const node = root && findNodeAtLocation(root, ['runsFolder']);
  const value: unknown = node && getNodeValue(node);
  return typeof value === 'string' ? value : undefined;
}
