/* The panel's page before any script runs: nothing in it but its own two files, and nothing inline. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export function pageFolder(extension: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extension, 'dist', 'webview');
}

export function runPage(webview: vscode.Webview, extension: vscode.Uri, dir: string): string {
  const nonce = randomBytes(16).toString('base64');
  const file = (name: string): string => webview.asWebviewUri(vscode.Uri.joinPath(pageFolder(extension), name)).toString();
  return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Run</title>
  <link rel="stylesheet" href="${file('runPanel.css')}">
</head>
<body data-run="${escape(dir)}">
  <div id="app"></div>
  <p id="loading" role="status">Reading the run…</p>
  <script nonce="${nonce}" src="${file('runPanel.js')}"></script>
</body>
</html>`;
}
