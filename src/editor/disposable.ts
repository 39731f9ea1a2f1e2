import type * as vscode from 'vscode';

/** What lives until it is disposed, with all that it registered. What is registered later than that is disposed at once. */
export class Disposable implements vscode.Disposable {
  private static readonly living = new Set<Disposable>();

  /** Class names of everything not yet disposed: a test asserts that nothing outlives deactivation. */
  static get alive(): string[] {
    return [...Disposable.living].map((one) => one.constructor.name);
  }

  private readonly parts: vscode.Disposable[] = [];
  private gone = false;

  constructor() {
    Disposable.living.add(this);
  }

  protected get disposed(): boolean {
    return this.gone;
  }

  protected register<T extends vscode.Disposable>(part: T): T {
    if (this.gone) part.dispose();
    else this.parts.push(part);
    return part;
  }

  dispose(): void {
    if (this.gone) return;
    this.gone = true;
    Disposable.living.delete(this);
    // The last made goes first: it may rest on what was made before it.
    for (const part of this.parts.splice(0).reverse()) part.dispose();
  }
}
