import path from 'node:path';
import * as vscode from 'vscode';
import { Disposable } from './disposable';
import { showFailure } from './failures';
import { insistOnTrust } from './trust';

interface Manifest {
  readonly contributes: { readonly commands: readonly { readonly command: string; readonly enablement?: string }[] };
}

/** What every feature of the editor needs, made once at activation. Its life is that of the extension. */
export class EditorContext extends Disposable {
  readonly log = this.register(vscode.window.createOutputChannel('MiniLLM', { log: true }));

  /** Commands that the manifest offers in a trusted workspace alone. */
  private readonly trustedOnly: ReadonlySet<string>;

  constructor(readonly extension: vscode.ExtensionContext) {
    super();
    const { commands } = (extension.extension.packageJSON as Manifest).contributes;
    this.trustedOnly = new Set(commands.filter(({ enablement }) => enablement?.includes('isWorkspaceTrusted')).map(({ command }) => command));
  }

  /** Path of a file that ships with the extension. */
  shipped(...parts: string[]): string {
    return path.join(this.extension.extensionPath, ...parts);
  }

  /** A folder of the extension's own, outside any workspace. It may not exist yet. */
  storage(...parts: string[]): string {
    return path.join(this.extension.globalStorageUri.fsPath, ...parts);
  }

  /** Ties a part's life to the extension's. */
  override register<T extends vscode.Disposable>(part: T): T {
    return super.register(part);
  }

  /**
   * Registers a command whose failure is a sentence for the user, and in full in the log. Where the manifest asks for a trusted
   * workspace, so does this: menus and keys heed the manifest, links in texts and other extensions do not.
   */
  command(id: string, run: (...args: unknown[]) => unknown): void {
    this.register(
      vscode.commands.registerCommand(id, async (...args: unknown[]) => {
        if (this.trustedOnly.has(id) && !insistOnTrust()) return undefined;
        try {
          return await run(...args);
        } catch (error) {
          showFailure(this.log, error);
          return undefined;
        }
      }),
    );
  }

  /** Does something that nobody waits for: a failure goes to the log. */
  background(what: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => this.log.error(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`));
  }
}

export function setContextKey(key: string, value: unknown): void {
  void vscode.commands.executeCommand('setContext', key, value);
}
