// Copies the files that the console takes from npm to static/vendor, where build.rs finds them.
// `npm ci && npm run vendor`, or `make web` for both.
import { copyFileSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const from = (path) => join(here, 'node_modules', path);
const to = (path) => join(here, 'static/vendor', path);
const files = {
  'xterm.mjs': '@xterm/xterm/lib/xterm.mjs',
  'xterm.css': '@xterm/xterm/css/xterm.css',
  'addon-fit.mjs': '@xterm/addon-fit/lib/addon-fit.mjs',
  'uplot.js': 'uplot/dist/uPlot.iife.min.js',
  'uplot.css': 'uplot/dist/uPlot.min.css',
};

mkdirSync(to(''), { recursive: true });
for (const [name, path] of Object.entries(files)) copyFileSync(from(path), to(name));

// noVNC is what its package has: modules that browsers load as they are.
rmSync(to('novnc'), { recursive: true, force: true });
for (const part of ['core', 'vendor/pako/lib']) {
  cpSync(from(`@novnc/novnc/${part}`), to(`novnc/${part}`), { recursive: true });
}
copyFileSync(from('@novnc/novnc/docs/LICENSE.MPL-2.0'), to('novnc/LICENSE.txt'));
copyFileSync(from('@novnc/novnc/vendor/pako/LICENSE'), to('novnc/vendor/pako/LICENSE.txt'));
