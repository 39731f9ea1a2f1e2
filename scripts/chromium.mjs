// Finds a Chromium for tests and screenshots, installs Debian's when it may, else says what to install.
import fs from 'node:fs';
import { Complaint, onPath, run, say } from './steps.mjs';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'];
const macs = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium'];

function find() {
  return process.env.CHROMIUM ?? names.map(onPath).find(Boolean) ?? macs.find((file) => fs.existsSync(file));
}

/** The path of a Chromium; throws a Complaint when there is none and none can be installed. */
export function ensureChromium() {
  const found = find();
  if (found) return found;
  if (process.getuid?.() === 0 && onPath('apt-get')) {
    say('Chromium from Debian (about 40 s)');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['update', '-qq'], { env });
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'], { env, stdio: ['ignore', 'ignore', 2] });
    const installed = find();
    if (installed) return installed;
  }
  throw new Complaint('The workbench tests need Chromium or Chrome: install one (Debian: `apt-get install chromium`) or name it in the environment variable CHROMIUM, then run this again.');
}
