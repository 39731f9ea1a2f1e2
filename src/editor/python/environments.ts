import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { resolvePath } from '../../launch/expand';
import { choosePython, type PythonSearch, type ReadyPython } from '../../launch/python';
import { installTrainer } from '../../launch/trainerPackage';
import type { Env } from '../../launch/trainerProcess';
import { type EditorContext, setContextKey } from '../context';
import { Disposable } from '../disposable';
import { whyNotTrusted } from '../trust';
import { parseEnvFile } from './envFile';
import { PythonExtension } from './pythonExtension';

/** A choice that failed is tried again after this long: what was missing may have been installed meanwhile. */
const FAILURE_LIFE = 20_000;

interface Kept {
  readonly ready: Promise<ReadyPython>;
  readonly until: number;
}

/** Which Python trains in which workspace, and with which environment variables. Remembers what a probe found. */
export class PythonEnvironments extends Disposable {
  private readonly changed = this.register(new vscode.EventEmitter<void>());
  private readonly editorsOwn: PythonExtension;
  private readonly kept = new Map<string, Kept>();
  private installed: Promise<string> | undefined;

  /** Another Python may be the right one now. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly context: EditorContext) {
    super();
    this.editorsOwn = this.register(new PythonExtension());
    this.register(this.editorsOwn.onDidChange(() => this.forget()));
    this.register(vscode.workspace.onDidGrantWorkspaceTrust(() => this.forget()));
    this.register(vscode.workspace.onDidChangeConfiguration((change) => {
      if (['pythonPath', 'env', 'envFile'].some((name) => change.affectsConfiguration(`minillm.${name}`))) this.forget();
    }));
  }

  /** The folder of the environment that the extension makes itself. */
  get ownEnvironment(): string {
    return this.context.storage('python');
  }

  /**
   * What is known about interpreters, besides what the workspace and the PATH hold. Rejects in a workspace that is not
   * trusted: whoever searches is about to run what is found.
   */
  async searchFor(workspace: string): Promise<Omit<PythonSearch, 'workspace' | 'env'>> {
    const refusal = whyNotTrusted();
    if (refusal !== undefined) throw new Error(refusal);
    return {
      setting: settings(workspace).get<string>('pythonPath', '').trim() || undefined,
      editorChoice: await this.editorsOwn.choice(workspace),
      productEnvironments: [this.ownEnvironment],
    };
  }

  /** The editor's own environment, with what the settings add. Rejects when the file that they name cannot be read. */
  async environmentFor(workspace: string): Promise<Env> {
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:VSCODE|ELECTRON)_/.test(name)));
    if (!vscode.workspace.isTrusted) return own;
    const named = settings(workspace).get<string>('envFile', '').trim();
    const file = named === '' ? {} : await readEnvFile(resolvePath(named, { workspace, env: own }));
    return { ...own, ...file, ...settings(workspace).get<Record<string, string>>('env', {}) };
  }

  /** The folder with the trainer's package. */
  trainer(): Promise<string> {
    this.installed ??= installTrainer(this.context.shipped('trainer')).catch((error: unknown) => {
      this.installed = undefined;
      throw error;
    });
    return this.installed;
  }

  /** The interpreter to train with, probed. Rejects with LaunchError when there is none. */
  ready(workspace: string): Promise<ReadyPython> {
    const kept = this.kept.get(workspace);
    if (kept && Date.now() < kept.until) return kept.ready;
    const ready = this.choose(workspace);
    this.kept.set(workspace, { ready, until: Infinity });
    const settled = (fit: boolean): void => {
      // Another probe has begun meanwhile, or another Python has proved itself: what this one found holds no longer.
      if (this.kept.get(workspace)?.ready !== ready) return;
      if (!fit) this.kept.set(workspace, { ready, until: Date.now() + FAILURE_LIFE });
      setContextKey('minillm.pythonReady', fit);
    };
    ready.then(() => settled(true), () => settled(false));
    return ready;
  }

  /** Takes note of an interpreter that has just proved itself. */
  keep(workspace: string, ready: ReadyPython): void {
    this.kept.set(workspace, { ready: Promise.resolve(ready), until: Infinity });
    setContextKey('minillm.pythonReady', true);
  }

  /** What was found out holds no longer. */
  forget(): void {
    this.kept.clear();
    this.changed.fire();
  }

  private async choose(workspace: string): Promise<ReadyPython> {
    const [trainer, search, env] = await Promise.all([this.trainer(), this.searchFor(workspace), this.environmentFor(workspace)]);
    const ready = await choosePython({ ...search, workspace, env }, trainer);
    this.context.log.info(`Python for ${workspace}: ${ready.choice.path}. ${ready.choice.reason}`);
    return ready;
  }
}

function settings(workspace: string): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration('minillm', vscode.Uri.file(workspace));
}

async function readEnvFile(file: string): Promise<Record<string, string>> {
  try {
    return parseEnvFile(await readFile(file, 'utf8'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const what = `The file ${file}, which the setting "minillm.envFile" names, cannot be read (${code}).`;
    throw new Error(`${what} Make it, or correct or clear the setting.`, { cause: error });
  }
}
