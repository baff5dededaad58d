// The wizard's step about the server's own network. What is tried here is no answer of the wizard's: it holds once it is confirmed, and
// the wizard goes on at the new address, with the same token.
'use strict';

(() => {
  const part = document.querySelector('[data-network]');
  if (!part) return;
  const at = (name) => part.querySelector(`[data-network-${name}]`);
  const { token } = wizard;
  const form = document.createElement('form');
  form.id = 'network-form';
  form.hidden = true;
  document.body.append(form);
  // The wizard's own answers don't have these.
  for (const field of part.querySelectorAll('input, select')) field.setAttribute('form', form.id);

  const api = (method, path, more = {}) =>
    cake.api(method, `/v1/setup/network${path}`, { ...more, headers: wizard.headers() });
  const secondsLeft = (ends) => Math.max(0, Math.round((ends - performance.now()) / 1000));
  let [etag, ends] = ['*', 0];

  function shown(network) {
    etag = network.etag;
    drawn(network.ports);
    at('addresses').textContent = network.addresses.map((own) => own.address).join(' ') || '–';
    const { trial } = network;
    at('trial').hidden = !trial;
    at('change').hidden = Boolean(trial) || Boolean(network.hands_off);
    if (!trial) {
      ends = 0;
      return;
    }
    // Its end by this browser's clock, which need not agree with the server's: known since the moment it was asked for.
    ends ||= performance.now() + Math.min(trial.seconds, Math.max(0, (new Date(trial.until) - Date.now()) / 1000)) * 1000;
    at('places').replaceChildren(...trial.new_addresses.map(place));
  }

  function place(address) {
    const link = document.createElement('a');
    const host = address.includes(':') ? `[${address}]` : address;
    link.href = `https://${host}${location.port ? `:${location.port}` : ''}/setup#token=${encodeURIComponent(token.value.trim())}`;
    link.textContent = address;
    link.translate = false;
    const item = document.createElement('li');
    item.append(link);
    return item;
  }

  /** Each port as it stands at the back; the words below it say the same as the colours. */
  function drawn(ports) {
    const jack = at('jack').content;
    at('ports').replaceChildren(
      ...ports.map((port) => {
        const one = jack.cloneNode(true).firstElementChild;
        one.classList.toggle('up', port.carrier);
        one.classList.toggle('active', port.active);
        one.querySelector('span').textContent = port.name;
        one.querySelector('small').textContent = part.dataset[port.carrier ? 'wordUp' : 'wordDown'];
        return one;
      }),
    );
  }

  async function look() {
    if (part.hidden || !token.value.trim()) return;
    const answer = await api('GET', '');
    if (answer.ok) shown(answer.json);
  }

  async function ask(button, method, path, body) {
    at('problem').replaceChildren();
    cake.busy(button, true);
    const answer = await api(method, path, { body, etag: method === 'PUT' ? etag : undefined });
    cake.busy(button, false);
    if (!answer.ok) return cake.showProblem(form, cake.explain(answer), at('problem'));
    if (method === 'PUT') {
      if (answer.json.trial) ends = performance.now() + answer.json.trial.seconds * 1000;
      return shown(answer.json);
    }
    look();
  }

  const attempt = () => ask(at('try'), 'PUT', '', cake.collect(form));
  at('try').addEventListener('click', attempt);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt();
  });
  at('confirm').addEventListener('click', () => ask(at('confirm'), 'POST', '/confirm', {}));
  at('cancel').addEventListener('click', () => ask(at('cancel'), 'POST', '/cancel', {}));
  wizard.enter.network = look;
  setInterval(look, 2000);
  setInterval(() => {
    if (at('trial').hidden) return;
    const left = secondsLeft(ends);
    at('left').textContent = left ? part.dataset.wordLeft.replace('#', left) : part.dataset.wordOver;
  }, 500);
})();
