import type { EditorContext } from '../context';
import type { PythonEnvironments } from '../python/environments';
import { PythonStatus } from '../python/status';
import type { RunsFolders } from '../runs/folders';
import type { ForkDrafts } from '../runs/forkDrafts';
import type { RunRegistry } from '../runs/registry';
import { registerCheckConfig } from './check';
import { ConfigCodeLens } from './codeLens';
import { ConfigDiagnostics } from './diagnostics';
import { ConfigPresence } from './files';
import { ConfigMends } from './mends';
import { registerNewConfig } from './newConfig';

interface ConfigDeps {
  readonly runs: RunRegistry;
  readonly folders: RunsFolders;
  readonly python: PythonEnvironments;
  readonly drafts: ForkDrafts;
}

/** Everything that happens in a `*.minillm.jsonc` beyond what its schema gives. */
export function registerConfig(context: EditorContext, deps: ConfigDeps): ConfigDiagnostics {
  context.register(new ConfigCodeLens(deps.runs, deps.drafts));
  context.register(new PythonStatus(deps.python));
  context.register(new ConfigPresence(context));
  registerNewConfig(context);
  const diagnostics = context.register(new ConfigDiagnostics(context, deps));
  context.register(new ConfigMends(diagnostics));
  registerCheckConfig(context, deps, diagnostics);
  return diagnostics;
}
