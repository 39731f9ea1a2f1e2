import path from 'node:path';
import * as vscode from 'vscode';
import { Disposable } from './disposable';
import { showFailure } from './failures';

/** What every feature of the editor needs, made once at activation. Its life is that of the extension. */
export class EditorContext extends Disposable {
  readonly log = this.register(vscode.window.createOutputChannel('MiniLLM', { log: true }));

  constructor(readonly extension: vscode.ExtensionContext) {
    super();
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

  /** Registers a command whose failure is a sentence for the user, and in full in the log. */
  command(id: string, run: (...args: unknown[]) => unknown): void {
    this.register(
      vscode.commands.registerCommand(id, async (...args: unknown[]) => {
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
