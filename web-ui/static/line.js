// The line of a console: asks for a ticket, opens the WebSocket it is for, and asks again when the line breaks.

export class Line {
  /**
   * `page` has `data-vm`, and in it the live sign of the VM's state. `path` and `body` are those of the ticket's POST; `begin` is
   * given each new WebSocket before it is open, and calls `up()` once it is of use.
   */
  constructor(page, { path, body, begin }) {
    Object.assign(this, { page, path, body, begin, attempts: 0 });
    this.state = document.getElementById('console-state');
    addEventListener('pagehide', () => this.socket?.close());
    addEventListener('pageshow', (event) => event.persisted && this.connect());
    document.getElementById('console-vm').addEventListener('cake:changed', () => this.look());
    if (this.alive) this.connect();
    else this.say('off');
  }

  get alive() {
    return this.page.querySelector('[data-alive]')?.dataset.alive === 'true';
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  say(state) {
    this.state.dataset.state = state;
    this.state.textContent = this.state.dataset[state];
  }

  send(data) {
    if (this.isOpen) this.socket.send(data);
  }

  up() {
    this.attempts = 0;
    this.say('connected');
  }

  async connect() {
    clearTimeout(this.retry);
    if (this.asking || (this.socket && this.socket.readyState <= WebSocket.OPEN)) return;
    this.say(this.attempts ? 'reconnecting' : 'connecting');
    this.asking = true;
    const answer = await cake.api('POST', `/v1/vms/${this.page.dataset.vm}/${this.path}`, { body: this.body });
    this.asking = false;
    if (!answer.ok) return this.refused(answer);
    const address = new URL(answer.json.url, location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    const mine = new WebSocket(address);
    this.socket = mine;
    mine.binaryType = 'arraybuffer';
    mine.addEventListener('close', () => mine === this.socket && this.broken());
    this.begin(mine);
  }

  refused(answer) {
    if (answer.status === 401) return location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
    if (answer.status === 403 || answer.status === 404) return this.say('elsewhere');
    this.broken();
  }

  /** Tries again, more and more slowly; while the VM is off, only when it starts. */
  broken() {
    this.socket = undefined;
    if (!this.alive) return this.say('off');
    this.say('reconnecting');
    this.attempts += 1;
    this.retry = setTimeout(() => this.connect(), Math.min(250 * 2 ** this.attempts, 8000));
  }

  /** The VM's state has changed. */
  look() {
    if (this.socket) return;
    if (this.alive) {
      this.attempts = 0;
      this.connect();
    } else {
      clearTimeout(this.retry);
      this.say('off');
    }
  }
}
