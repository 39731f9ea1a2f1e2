// Bundles everything that is TypeScript.
//   node esbuild.js [--production] [--watch] [--out=FOLDER]
//       dist/extension.js, dist/cli.js, dist/webview/*.{js,css}, or the same under another folder than dist
//   node esbuild.js tests                        out/test/**: unit, host and workbench tests, as Node runs them
// Production: minified, no source maps. Otherwise: readable, with source maps.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const esbuild = require('esbuild');

const root = __dirname;
const flags = new Set(process.argv.slice(2));
const production = flags.has('--production');
const out = [...flags].find((flag) => flag.startsWith('--out='))?.slice('--out='.length) ?? 'dist';

const shared = {
  absWorkingDir: root,
  bundle: true,
  minify: production,
  sourcemap: production ? false : 'linked',
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
};

/** Node code: the extension host's Node and the user's own are at least 20.19. */
const node = { ...shared, platform: 'node', format: 'cjs', target: 'node20', mainFields: ['module', 'main'] };

/** Files under `folder` that `wanted` accepts, relative to the repository, in a stable order. */
function filesIn(folder, wanted) {
  const full = path.join(root, folder);
  if (!fs.existsSync(full)) return [];
  return fs.readdirSync(full, { recursive: true }).map((file) => path.join(folder, file)).filter(wanted).sort();
}

/** Every file that lies directly in webview/ is a page of its own; what they share lies in folders below. */
function pages() {
  return filesIn('webview', (file) => path.dirname(file) === 'webview' && file.endsWith('.ts') && !file.endsWith('.d.ts'));
}

const program = [
  { ...node, entryPoints: ['src/extension.ts'], outfile: `${out}/extension.js`, external: ['vscode', 'onnxruntime-node'] },
  { ...node, entryPoints: ['src/cli/main.ts'], outfile: `${out}/cli.js`, banner: { js: '#!/usr/bin/env node' }, external: ['onnxruntime-node'] },
  { ...shared, entryPoints: pages(), outdir: `${out}/webview`, platform: 'browser', format: 'iife', target: 'es2022', loader: { '.svg': 'text' } },
  // For scripts/demo.mjs alone, which makes the demo's workspace as the extension does.
  ...(production ? [] : [{ ...node, entryPoints: ['src/launch/demoWorkspace.ts'], outfile: `${out}/demoWorkspace.js` }]),
].filter(({ entryPoints }) => entryPoints.length > 0 && entryPoints.every((file) => fs.existsSync(path.join(root, file))));

// Packages stay outside: tests run where node_modules is, and mocha and playwright load files of their own at run time.
const test = { ...node, minify: false, sourcemap: 'inline', external: ['vscode'], packages: 'external', outdir: 'out', outbase: '.' };

/** Unit and host tests are a file each. Workbench tests are one bundle, since they share one server and one page: state of a module. */
function tests() {
  const found = (folder) => filesIn(folder, (file) => file.endsWith('.test.ts'));
  const workbench = ['test/harness/shared.ts', ...found('test/e2e')].map((file) => `import ${JSON.stringify(`./${file}`)};`).join('\n');
  return [
    { ...test, entryPoints: [...found('test/unit'), ...found('test/host'), ...['hostLoader', 'hostRun', 'reporter', 'workbench'].map((name) => `test/harness/${name}.ts`), 'test/faults/editor.ts'] },
    { ...test, entryPoints: undefined, stdin: { contents: workbench, resolveDir: root, sourcefile: 'workbench.ts' }, outdir: undefined, outfile: 'out/test/e2e.js' },
  ];
}

async function main() {
  if (flags.has('tests')) {
    fs.rmSync(path.join(root, 'out'), { recursive: true, force: true });
    await Promise.all(tests().map((options) => esbuild.build(options)));
    return;
  }
  if (flags.has('--watch')) {
    const report = { name: 'report', setup: (build) => build.onEnd(({ errors }) => console.log(`${new Date().toLocaleTimeString()} ${errors.length === 0 ? 'built' : `${errors.length} errors`}`)) };
    for (const options of program) await (await esbuild.context({ ...options, plugins: [report] })).watch();
    return;
  }
  fs.rmSync(path.resolve(root, out), { recursive: true, force: true });
  await Promise.all(program.map((options) => esbuild.build(options)));
  for (const { outfile } of program) if (outfile?.endsWith('cli.js')) fs.chmodSync(path.resolve(root, outfile), 0o755);
}

// esbuild has printed every error with its place already.
main().catch(() => process.exit(1));
