#!/usr/bin/env node
// Runs a benchmark of the trainer: a table with ratios from one run, and as the last line the same as JSON.
//   node scripts/bench.mjs NAME [OPTION…]      NAME: a file of trainer/bench, such as round; its options: --help
// .venv-bench holds the trainer that ours is compared with, beside the packages of .venv. `quality` makes it; where it exists the others
// compare with it too.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setup } from './setup.mjs';
import { Complaint, digest, entry, once, root, run, say, venvPython } from './steps.mjs';

const folder = path.join(root, 'trainer', 'bench');

/** An environment that sees what .venv has, and adds the packages of trainer/bench/requirements.txt. */
async function installPeers(python, venv) {
  const requirements = 'trainer/bench/requirements.txt';
  await once(path.join(venv, 'installed'), digest(requirements), () => {
    say('Python packages: the trainer to compare with');
    fs.rmSync(venv, { recursive: true, force: true });
    run(python, ['-m', 'venv', venv]);
    const purelib = (of) => spawnSync(of, ['-c', "import sysconfig; print(sysconfig.get_path('purelib'))"], { encoding: 'utf8' }).stdout.trim();
    fs.writeFileSync(path.join(purelib(venvPython(venv)), 'trainer.pth'), `${purelib(python)}\n`);
    run(venvPython(venv), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-compile', '--no-deps', '-r', requirements]);
  });
}

await entry(async () => {
  const [name, ...options] = process.argv.slice(2);
  const names = fs.readdirSync(folder).filter((file) => /^(quality|round|head|decode|products|gpu)\.py$/.test(file)).map((file) => file.slice(0, -3));
  if (!names.includes(name)) throw new Complaint(`\`node scripts/bench.mjs NAME\`: NAME is one of ${names.join(', ')}.`);
  const { python } = await setup({ build: false });
  const venv = path.join(root, '.venv-bench');
  if (name === 'quality') await installPeers(python, venv);
  const peers = venvPython(venv);
  const env = { ...process.env, PYTHONPATH: path.join(root, 'trainer'), TRANSFORMERS_VERBOSITY: 'error', OMP_WAIT_POLICY: 'PASSIVE' };
  const { status, error } = spawnSync(fs.existsSync(peers) ? peers : python, ['-P', '-m', `bench.${name}`, ...options], { cwd: root, env, stdio: 'inherit' });
  if (error) throw new Complaint(`The benchmark could not start: ${error.message}`);
  return status ?? 1;
});
