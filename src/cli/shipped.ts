import path from 'node:path';

/** What lies beside the bundle's folder: `dist/cli.js` has `trainer/` next to `dist/`. */
export function shipped(name: string): string {
  return path.resolve(__dirname, '..', name);
}
