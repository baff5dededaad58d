// The line of a server's console: has the BMC open it, says why it can't be had or how it ended, and asks again where that can help.

export class ServerLine {
  /** `page` has `data-server`. `begin` is called when the line is up, `show` is given what the server says. */
  constructor(page, { begin, show }) {
    Object.assign(this, { page, begin, show, attempts: 0, wasUp: false });
    this.state = document.getElementById('console-state');
    this.why = document.getElementById('console-why');
    this.lookers = document.getElementById('console-lookers');
    this.taking = page.querySelector('[data-console-take]');
    page.querySelector('[data-console-again]').addEventListener('click', () => this.anew());
    page.querySelector('[data-console-break]').addEventListener('click', ({ currentTarget }) => this.sendBreak(currentTarget));
    this.taking.addEventListener('click', () => this.take());
    addEventListener('pagehide', () => this.socket?.close());
    addEventListener('pageshow', (event) => event.persisted && this.connect());
    this.connect();
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  say(state, why = '') {
    this.state.dataset.state = state;
    this.state.textContent = this.state.dataset[state];
    this.why.hidden = !why;
    this.why.querySelector('.notice span').textContent = why;
    if (state !== 'connected') this.lookers.hidden = true;
  }

  send(data) {
    if (this.isOpen) this.socket.send(data);
  }

  sendBreak(button) {
    if (!this.isOpen) return;
    this.socket.send('break');
    cake.announce(button.dataset.says, { seen: true });
  }

  anew() {
    this.attempts = 0;
    this.connect();
  }

  async take() {
    const { title, text, verb } = this.taking.dataset;
    if (await cake.confirmed({ title, text, verb })) this.connect(true);
  }

  async connect(take = false) {
    clearTimeout(this.retry);
    if (this.asking || (this.socket && this.socket.readyState <= WebSocket.OPEN)) return;
    this.say(this.attempts ? 'reconnecting' : 'connecting');
    this.taking.hidden = true;
    this.asking = true;
    const answer = await cake.api('POST', `/v1/servers/${this.page.dataset.server}/console`, { body: { take } });
    this.asking = false;
    if (!answer.ok) return this.refused(answer);
    const address = new URL(answer.json.url, location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    const mine = new WebSocket(address);
    this.socket = mine;
    mine.binaryType = 'arraybuffer';
    mine.addEventListener('open', () => this.up());
    mine.addEventListener('message', ({ data }) => (typeof data === 'string' ? this.news(JSON.parse(data)) : this.show(new Uint8Array(data))));
    mine.addEventListener('close', () => mine === this.socket && this.broken());
  }

  up() {
    Object.assign(this, { attempts: 0, wasUp: true });
    this.say('connected');
    this.begin();
  }

  news({ lookers, ended }) {
    if (lookers) {
      this.lookers.hidden = lookers.length < 2;
      this.lookers.querySelector('b').textContent = lookers.join(cake.say('Comma'));
    }
    // One that is lost is looked for again, when the line closes.
    if (ended === 'bmc' || ended === 'changed') {
      this.socket = undefined;
      this.say('ended', this.state.dataset[ended === 'bmc' ? 'endedBmc' : 'endedChanged']);
    }
  }

  /** What cake or the BMC says is shown. Only what passes by itself is asked again, and no password is tried twice. */
  refused(answer) {
    if (answer.status === 401) return location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
    if (answer.status === 403 || answer.status === 404) return this.say('elsewhere');
    const problem = answer.json ?? {};
    const passes = ['silent', 'busy', 'worker'].includes(problem.params?.problem);
    if (answer.status === 0 || answer.status === 503 || (this.wasUp && passes)) return this.broken();
    this.say('refused', cake.explain(answer).text);
    this.taking.hidden = problem.code !== 'console-held';
  }

  /** Tries again, more and more slowly. */
  broken() {
    this.socket = undefined;
    this.say('reconnecting');
    this.attempts += 1;
    this.retry = setTimeout(() => this.connect(), Math.min(250 * 2 ** this.attempts, 8000));
  }
}
