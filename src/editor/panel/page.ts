/* A page before any script runs: nothing in it but its own two files, and nothing inline. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export function pageFolder(extension: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extension, 'dist', 'webview');
}

export interface PageParts {
  /** Of its script and its styles. */
  readonly name: string;
  readonly title: string;
  /** What the script reads from the body: an address, never what a model wrote. */
  readonly data: string;
  /** Shown until the script has something to show. */
  readonly loading: string;
}

export function webviewPage(webview: vscode.Webview, extension: vscode.Uri, { name, title, data, loading }: PageParts): string {
  const nonce = randomBytes(16).toString('base64');
  const file = (ending: string): string => webview.asWebviewUri(vscode.Uri.joinPath(pageFolder(extension), `${name}.${ending}`)).toString();
  return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${escape(title)}</title>
  <link rel="stylesheet" href="${file('css')}">
</head>
<body data-run="${escape(data)}">
  <div id="app"></div>
  <p id="loading" role="status">${escape(loading)}</p>
  <script nonce="${nonce}" src="${file('js')}"></script>
</body>
</html>`;
}

export function runPage(webview: vscode.Webview, extension: vscode.Uri, dir: string): string {
  return webviewPage(webview, extension, { name: 'runPanel', title: 'Run', data: dir, loading: 'Reading the run…' });
}
