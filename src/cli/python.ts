import path from 'node:path';
import type { PythonSearch } from '../launch/python';
import type { Call } from './command';
import { shipped } from './shipped';

/** Environments that this product made: this folder's own, and the extension's, which names it in the launcher that it writes. */
export function productEnvironments(): string[] {
  const extensions = process.env['MINILLM_ENVIRONMENT'];
  return [shipped('.venv'), ...(extensions !== undefined && path.isAbsolute(extensions) ? [extensions] : [])];
}

/** Where a command with the option --python looks for an interpreter. */
export function pythonOf(call: Call): Omit<PythonSearch, 'workspace' | 'env'> {
  return { setting: call.text('python'), settingSource: 'the option --python', productEnvironments: productEnvironments() };
}
