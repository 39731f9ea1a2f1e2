import type { EditorContext } from '../context';
import { PythonEnvironments } from './environments';
import { registerSelectPython } from './select';
import { registerSetUpPython } from './setUp';
import { followSetting, offerCommand } from './terminal';

export function registerPython(context: EditorContext): PythonEnvironments {
  const python = context.register(new PythonEnvironments(context));
  registerSelectPython(context, python);
  registerSetUpPython(context, python);
  followSetting(context, python);
  context.background('Putting minillm on the PATH of terminals', offerCommand(context, python));
  return python;
}
