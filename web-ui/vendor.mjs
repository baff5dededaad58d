// Copies the files that the console takes from npm to static/vendor, where build.rs finds them.
// `npm ci && npm run vendor`, or `make web` for both.
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const files = {
  'xterm.mjs': '@xterm/xterm/lib/xterm.mjs',
  'xterm.css': '@xterm/xterm/css/xterm.css',
  'addon-fit.mjs': '@xterm/addon-fit/lib/addon-fit.mjs',
};

mkdirSync(join(here, 'static/vendor'), { recursive: true });
for (const [to, from] of Object.entries(files)) {
  copyFileSync(join(here, 'node_modules', from), join(here, 'static/vendor', to));
}
