// Finding servers: those that are chosen are added one by one, with one user and password, each with what became of it.
'use strict';

(() => {
  const form = document.getElementById('find-add');
  const rows = document.getElementById('found-rows');
  const login = document.getElementById('find-login');
  const all = form.querySelector('[data-select-all]');
  const yes = form.querySelector('[type="submit"]');
  /** What was refused, by address: a row that is drawn anew says it again. */
  const refused = new Map();
  /** The same request under the same key: a second try after a lost answer can't do it twice. */
  const keys = new Map();
  let working = false;

  const every = () => [...rows.querySelectorAll('tr[data-address]')];
  const boxOf = (row) => row.querySelector('[data-select]');
  const chosen = () => every().filter((row) => boxOf(row)?.checked);

  function show() {
    const list = every();
    const open = list.filter(boxOf);
    const count = chosen().length;
    form.hidden = list.length === 0;
    for (const row of list) {
      row.classList.toggle('selected', Boolean(boxOf(row)?.checked));
      const place = row.querySelector('[data-result]');
      const text = boxOf(row) ? (refused.get(row.dataset.address) ?? '') : '';
      if (place.textContent !== text) place.textContent = text;
    }
    if (!login) return;
    login.hidden = open.length === 0;
    all.checked = count > 0 && count === open.length;
    all.indeterminate = count > 0 && count < open.length;
    all.disabled = open.length === 0;
    yes.textContent = count === 0 ? form.dataset.sayNone : (count === 1 ? form.dataset.one : form.dataset.many).replace('%n', count);
    if (!working) yes.disabled = count === 0;
  }

  rows.addEventListener('change', show);
  rows.addEventListener('cake:changed', show);
  all?.addEventListener('change', () => {
    for (const row of every()) if (boxOf(row)) boxOf(row).checked = all.checked;
    show();
  });

  /** As other lists: x chooses the row that has the focus. */
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'x' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches('input:not([type="checkbox"]), textarea, select')) return;
    const row = document.activeElement.closest?.('tr[data-address]');
    if (row) boxOf(row)?.click();
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const list = chosen();
    if (working || list.length === 0) return;
    working = true;
    cake.busy(yes, true);
    const [user, password] = ['find-user', 'find-password'].map((id) => document.getElementById(id).value);
    let added = 0;
    try {
      for (const row of list) added += (await add(row, user.trim(), password)) ? 1 : 0;
      await cake.refresh();
    } finally {
      working = false;
      cake.busy(yes, false);
    }
    if (added === list.length) document.getElementById('find-password').value = '';
    cake.announce(form.dataset.done.replace('%n', added).replace('%m', list.length), { seen: true });
    show();
  });

  async function add(row, user, password) {
    const { address, access, port } = row.dataset;
    const field = row.querySelector('[data-name-field]');
    // It has become a server meanwhile, by this very request or by somebody else's.
    if (!field) return true;
    const name = field.value.trim();
    const body = { name, bmc: { access, host: address, port: Number(port), user, password } };
    const written = JSON.stringify(body);
    if (keys.get(address)?.written !== written) keys.set(address, { written, key: cake.newKey() });
    const answer = await cake.api('POST', '/v1/servers', { body, key: keys.get(address).key });
    if (answer.ok) refused.delete(address);
    else {
      const problem = cake.explain(answer);
      refused.set(address, problem.text || problem.title);
      if (answer.status) keys.delete(address);
    }
    const box = boxOf(row);
    if (box) box.checked = !answer.ok;
    show();
    return answer.ok;
  }

  show();
})();
