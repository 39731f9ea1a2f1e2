import path from 'node:path';
import type { Config, Problem } from '../contract/generated';
import { parseRecord } from '../contract/parse';
import { bad, type Check, good, judgeDisk } from '../present/doctor';
import { installCommand } from '../present/shell';
import { examineDisk } from './doctor';
import { ConfigError, LaunchError } from './errors';
import { checkModels } from './modelChecks';
import { listPythons, type PythonSearch } from './python';
import { type ConfigPlace, resolveConfig } from './resolve';
import { installTrainer } from './trainerPackage';
import { type Env, runPython, trainerEnvironment } from './trainerProcess';

export interface PreflightOptions extends ConfigPlace {
  readonly search: Omit<PythonSearch, 'workspace' | 'env'>;
  readonly env: Env;
  readonly trainerSource: string;
  readonly cache?: string | undefined;
  /** Also load what the config names, and look at it as a run does at its start. */
  readonly models: boolean;
  readonly signal?: AbortSignal | undefined;
  /** What is being done, in words. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

export interface Preflight {
  readonly checks: readonly Check[];
  /** As resolved; null when it cannot be used. */
  readonly config: Config | null;
  readonly problems: readonly Problem[];
  /** Of `problems` those that only the models showed: no look at the config alone says them again. */
  readonly notes: readonly Problem[];
}

/**
 * Nothing of theirs is imported: a second must do, and torch alone takes longer. It runs isolated, so that nothing which lies around
 * is imported either; what a user has installed for all of one's Pythons counts as installed, except in a virtual environment.
 */
const VERSIONS = [
  'import importlib.metadata as m, json, site, sys', 'if sys.prefix == sys.base_prefix: sys.path.append(site.getusersitepackages())', 'found = {}',
  'for name in ("torch", "transformers", "safetensors", "pydantic"):',
  '    try: found[name] = m.version(name)', '    except m.PackageNotFoundError: pass',
  'print(json.dumps({"python": "%d.%d.%d" % sys.version_info[:3], "packages": found}))',
].join('\n');
const NEEDED = ['torch', 'transformers', 'safetensors', 'pydantic'];
const PATIENCE = 20_000;

interface Installed {
  readonly path: string;
  readonly python: string;
  readonly packages: Readonly<Record<string, string>>;
}

/**
 * What can be said of a run before it exists: Python and its packages, the config and every file that it names, the disk; and with
 * `models`, where nothing else keeps a run from starting, all that a run looks at once they are loaded. Rejects with ConfigError
 * only when there is no config, with LaunchError when nothing can be asked.
 */
export async function preflight(options: PreflightOptions): Promise<Preflight> {
  const { config, workspace, usualRunsFolder, runsFolder, search, env, trainerSource, cache } = options;
  const place = { config, workspace, usualRunsFolder, runsFolder };
  const trainerDir = await installTrainer(trainerSource, cache);
  const pythons = await listPythons({ ...search, workspace, env });
  if (pythons.length === 0) throw new LaunchError('no python', 'No Python was found.', 'Name one with the setting "minillm.pythonPath" or the variable MINILLM_PYTHON.');
  const named = search.setting !== undefined && search.setting.trim() !== '';
  const candidates = (named ? pythons.slice(0, 1) : pythons).map((one) => one.path);
  const installed = await firstFit(candidates, trainerEnvironment(trainerDir, env));
  const resolution = await resolveConfig({ ...place, python: installed.path, trainerDir, env });
  if (resolution.config === null && resolution.problems.length === 0) throw new ConfigError(config, []);
  const folder = path.resolve(workspace, runsFolder ?? resolution.config?.runsFolder ?? usualRunsFolder ?? 'runs');
  const checks = [...pythonChecks(installed), judgeDisk(await examineDisk(folder))];
  if (!options.models || resolution.config === null || checks.some(({ health }) => health === 'bad')) return { checks, ...resolution, notes: [] };
  const { signal, onProgress } = options;
  onProgress?.('looking at the models');
  const loaded = await checkModels({ ...place, python: installed.path, trainerDir, env, signal, onProgress });
  const known = new Set(resolution.problems.map(({ text }) => text));
  const rows = loaded.checks.map((row): Check => ({ ...row, fix: undefined }));
  const notes = loaded.problems.filter(({ text }) => !known.has(text));
  return { checks: [...checks, ...rows], config: loaded.config, problems: loaded.problems, notes };
}

/** The first interpreter that has everything, else the first. */
async function firstFit(paths: readonly string[], env: NodeJS.ProcessEnv): Promise<Installed> {
  let first: Installed | undefined;
  for (const file of paths) {
    const installed = await installedIn(file, env);
    if (NEEDED.every((name) => installed.packages[name] !== undefined)) return installed;
    first ??= installed;
  }
  return first ?? { path: '', python: '', packages: {} };
}

async function installedIn(file: string, env: NodeJS.ProcessEnv): Promise<Installed> {
  const parsed = parseRecord((await runPython(file, ['-I', '-c', VERSIONS], env, PATIENCE)).stdout);
  const { python, packages } = (parsed.ok ? parsed.value : {}) as Partial<Installed>;
  return { path: file, python: python ?? '', packages: packages ?? {} };
}

function pythonChecks({ path: file, python, packages }: Installed): Check[] {
  if (python === '') return [bad('Python', `${file} does not run.`, 'Choose another Python.')];
  const missing = NEEDED.filter((name) => packages[name] === undefined);
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`).join(', ');
  return [
    good('Python', `${python}, ${file}`),
    missing.length === 0 ? good('Packages', versions) : bad('Packages', `Missing: ${missing.join(', ')}.`, `Install them: ${installCommand(file, missing)}`),
  ];
}
