// The serial console: asks for a ticket, opens the WebSocket it is for, and asks again when the line breaks.

// The page's policy allows no <style> elements and no style attributes, and xterm.js makes both. Rules go into constructed
// style sheets and attributes through the CSSOM instead: the policy allows what scripts do there.
const create = Document.prototype.createElement;
document.createElement = function (name, options) {
  return String(name).toLowerCase() === 'style' ? ruleHolder() : create.call(this, name, options);
};

function ruleHolder() {
  const sheet = new CSSStyleSheet();
  const holder = create.call(document, 'template');
  Object.defineProperty(holder, 'textContent', { get: () => '', set: (css) => sheet.replaceSync(css) });
  Object.defineProperty(holder, 'innerText', { get: () => '', set: (css) => sheet.replaceSync(css) });
  Object.defineProperty(holder, 'sheet', { get: () => sheet });
  holder.remove = () => (document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet));
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return holder;
}

const setAttribute = Element.prototype.setAttribute;
Element.prototype.setAttribute = function (name, value) {
  if (name === 'style') this.style.cssText = value;
  else setAttribute.call(this, name, value);
};

const [{ Terminal }, { FitAddon }] = await Promise.all([import('./vendor/xterm.mjs'), import('./vendor/addon-fit.mjs')]);

const page = document.getElementById('console');
const place = document.getElementById('terminal');
const line = document.getElementById('console-state');

const terminal = new Terminal({
  cursorBlink: false,
  fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono'),
  fontSize: 14,
  scrollback: 5000,
  screenReaderMode: true,
  theme: { background: '#16181c', foreground: '#e9e9e5', cursor: '#96b6ff', selectionBackground: '#3b4d78' },
});
const fit = new FitAddon();
terminal.loadAddon(fit);
terminal.open(place);
terminal.textarea?.setAttribute('aria-label', place.dataset.label);
fit.fit();
new ResizeObserver(() => fit.fit()).observe(place);
terminal.focus();

// — The line —
let socket;
let attempts = 0;
let retry;

function say(state) {
  line.dataset.state = state;
  line.textContent = line.dataset[state];
}

const alive = () => page.querySelector('[data-alive]')?.dataset.alive === 'true';

async function connect() {
  clearTimeout(retry);
  if (socket && socket.readyState <= WebSocket.OPEN) return;
  say(attempts ? 'reconnecting' : 'connecting');
  const answer = await cake.api('POST', `/v1/vms/${page.dataset.vm}/console`, { body: { kind: 'serial' } });
  if (!answer.ok) return refused(answer);
  const address = new URL(answer.json.url, location.href);
  address.protocol = address.protocol.replace('http', 'ws');
  const mine = new WebSocket(address);
  socket = mine;
  mine.binaryType = 'arraybuffer';
  mine.addEventListener('open', () => {
    attempts = 0;
    // What was kept comes first, so the screen begins empty.
    terminal.reset();
    say('connected');
  });
  mine.addEventListener('message', ({ data }) => terminal.write(typeof data === 'string' ? data : new Uint8Array(data)));
  mine.addEventListener('close', () => mine === socket && broken());
}

function refused(answer) {
  if (answer.status === 401) return location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  if (answer.status === 403 || answer.status === 404) return say('elsewhere');
  broken();
}

/** Tries again, more and more slowly; while the VM is off, only when it starts. */
function broken() {
  socket = undefined;
  if (!alive()) return say('off');
  say('reconnecting');
  attempts += 1;
  retry = setTimeout(connect, Math.min(250 * 2 ** attempts, 8000));
}

document.getElementById('console-vm').addEventListener('cake:changed', () => {
  if (alive() && !socket) {
    attempts = 0;
    connect();
  } else if (!alive() && !socket) {
    clearTimeout(retry);
    say('off');
  }
});

// — The keyboard —
const encoder = new TextEncoder();
const control = page.querySelector('[data-key="control"]');

function send(text) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(encoder.encode(text));
}

terminal.onData((text) => {
  // The phone's Ctrl key holds for one letter.
  const held = control.getAttribute('aria-pressed') === 'true' && text.length === 1;
  if (held) control.setAttribute('aria-pressed', 'false');
  send(held ? String.fromCharCode(text.toUpperCase().charCodeAt(0) & 0x1f) : text);
});
terminal.onBinary((text) => {
  if (socket?.readyState === WebSocket.OPEN) socket.send(Uint8Array.from(text, (c) => c.charCodeAt(0)));
});

// Ctrl+Shift+C and V as in other terminals: Ctrl+C belongs to the guest.
terminal.attachCustomKeyEventHandler((event) => {
  if (event.type !== 'keydown' || !event.ctrlKey || !event.shiftKey) return true;
  if (event.code === 'KeyC') copy();
  else if (event.code === 'KeyV') paste();
  else return true;
  event.preventDefault();
  return false;
});

async function copy() {
  await navigator.clipboard?.writeText(terminal.getSelection());
  cake.announce(cake.say('Copied'));
  terminal.focus();
}

async function paste() {
  const text = await navigator.clipboard?.readText().catch(() => '');
  if (text) terminal.paste(text);
  terminal.focus();
}

page.querySelector('[data-console-copy]').addEventListener('click', copy);
page.querySelector('[data-console-paste]').addEventListener('click', paste);

const keys = { escape: '\x1b', tab: '\t', up: '\x1b[A', down: '\x1b[B', right: '\x1b[C', left: '\x1b[D' };
page.querySelector('.console-keys').addEventListener('pointerdown', (event) => event.preventDefault());
page.querySelector('.console-keys').addEventListener('click', ({ target }) => {
  const { key } = target.dataset;
  if (key === 'control') control.setAttribute('aria-pressed', String(control.getAttribute('aria-pressed') !== 'true'));
  else if (keys[key]) send(keys[key]);
  terminal.focus();
});

addEventListener('pagehide', () => socket?.close());
addEventListener('pageshow', (event) => event.persisted && connect());
if (alive()) connect();
else say('off');
