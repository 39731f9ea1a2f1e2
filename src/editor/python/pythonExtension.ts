import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import { Disposable } from '../disposable';

const ID = 'ms-python.python';
/** Milliseconds that its answer is waited for: another extension may take for ever to start. */
const PATIENCE = 5000;

/** The part of the Python extension's API that is used here. */
interface Environments {
  getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
  resolveEnvironment(environment: { readonly path: string }): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
  readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
}

/** What the Python extension has chosen, where it is installed. It is never needed, and never installed for this. */
export class PythonExtension extends Disposable {
  private readonly changed = this.register(new vscode.EventEmitter<void>());
  private api: Promise<Environments | undefined> | undefined;
  private following: vscode.Disposable | undefined;
  /** Where it lies, in a folder with its version; undefined where it is not installed. */
  private place = placeOf();
  /** Somebody went without its answer because it was not there yet. */
  private missed = false;

  readonly onDidChange = this.changed.event;

  constructor() {
    super();
    // It may be installed or taken away while this window is open.
    this.register(vscode.extensions.onDidChange(() => {
      if (placeOf() === this.place) return;
      this.place = placeOf();
      this.api = undefined;
      this.changed.fire();
    }));
  }

  override dispose(): void {
    this.following?.dispose();
    super.dispose();
  }

  /** The interpreter chosen for a workspace, or undefined. Never rejects, nor takes long: another extension's trouble is not ours. */
  async choice(workspace: string): Promise<string | undefined> {
    const answered = new AbortController();
    const late = async (): Promise<undefined> => {
      await sleep(PATIENCE, undefined, { signal: answered.signal });
      this.missed = true;
    };
    try {
      return await Promise.race([this.ask(workspace), late()]);
    } finally {
      answered.abort();
    }
  }

  private async ask(workspace: string): Promise<string | undefined> {
    try {
      const api = await this.connection();
      if (!api) return undefined;
      // The path may be that of a folder, or of nothing any more: only what resolves counts.
      const resolved = await api.resolveEnvironment(api.getActiveEnvironmentPath(vscode.Uri.file(workspace)));
      return resolved?.executable.uri?.fsPath;
    } catch {
      return undefined;
    }
  }

  /** Kept only where there is somebody to ask: what is not there or has failed to start may do so later. */
  private connection(): Promise<Environments | undefined> {
    const api = (this.api ??= this.connect());
    const forget = (): void => {
      if (this.api === api) this.api = undefined;
    };
    api.then((environments) => environments ?? forget(), forget);
    return api;
  }

  private async connect(): Promise<Environments | undefined> {
    const extension = vscode.extensions.getExtension<{ readonly environments?: Environments }>(ID);
    const environments = extension && (await extension.activate()).environments;
    if (!environments || this.disposed) return environments;
    this.following?.dispose();
    this.following = environments.onDidChangeActiveEnvironmentPath(() => this.changed.fire());
    if (this.missed) this.changed.fire();
    return environments;
  }
}

const placeOf = (): string | undefined => vscode.extensions.getExtension(ID)?.extensionPath;
