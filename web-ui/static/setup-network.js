// The wizard's step about the server's own network. What is tried here is no answer of the wizard's: it holds once it is confirmed, and
// the wizard goes on at the new address, with the same token.
'use strict';

(() => {
  const part = document.querySelector('[data-network]');
  if (!part) return;
  const at = (name) => part.querySelector(`[data-network-${name}]`);
  const token = document.getElementById('token');
  const form = document.createElement('form');
  form.id = 'network-form';
  form.hidden = true;
  document.body.append(form);
  // The wizard's own answers don't have these.
  for (const field of part.querySelectorAll('input, select')) field.setAttribute('form', form.id);

  const api = (method, path, more = {}) =>
    cake.api(method, `/v1/setup/network${path}`, { ...more, headers: { 'X-Cake-Setup-Token': token.value.trim() } });
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
    const asked = trial.asked.addresses.map((address) => address.split('/')[0]);
    const places = [...new Set([...asked, ...trial.new_addresses])];
    at('places').replaceChildren(...places.map(place));
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

  function refused(answer) {
    const problem = cake.explain(answer);
    const fields = [...form.elements].filter((field) => field.name?.startsWith('/'));
    const field = problem.pointer && fields.find((field) => problem.pointer === field.name || problem.pointer.startsWith(`${field.name}/`));
    if (field) return cake.mistake(field, problem.text || problem.title, problem.code);
    cake.notice(problem, at('problem'));
  }

  async function ask(button, method, path, body) {
    at('problem').replaceChildren();
    cake.busy(button, true);
    const answer = await api(method, path, { body, etag: method === 'PUT' ? etag : undefined });
    cake.busy(button, false);
    if (!answer.ok) return refused(answer);
    if (method === 'PUT') {
      ends = performance.now() + answer.json.trial.seconds * 1000;
      return shown(answer.json);
    }
    look();
  }

  /** What DHCP gives is neither shown nor sent. */
  function fit() {
    const fixed = form.elements['/method'].value === 'static';
    for (const some of part.querySelectorAll('[data-static]')) {
      some.hidden = !fixed;
      for (const field of some.querySelectorAll('input')) field.disabled = !fixed;
    }
  }

  const attempt = () => ask(at('try'), 'PUT', '', cake.collect(form));
  at('try').addEventListener('click', attempt);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt();
  });
  at('confirm').addEventListener('click', () => ask(at('confirm'), 'POST', '/confirm', {}));
  at('cancel').addEventListener('click', () => ask(at('cancel'), 'POST', '/cancel', {}));
  part.addEventListener('change', fit);
  fit();
  setInterval(look, 2000);
  setInterval(() => {
    if (at('trial').hidden) return;
    const left = secondsLeft(ends);
    at('left').textContent = left ? part.dataset.wordLeft.replace('#', left) : part.dataset.wordOver;
  }, 500);
})();
