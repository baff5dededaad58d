// Long lists: search while typing. The list of VMs: choice of columns, selection and actions for several at once.
'use strict';

(() => {
  // — Search while typing —
  const form = document.querySelector('[data-search]');
  let waiting;
  const search = async () => {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ''));
    const address = `${form.getAttribute('action')}${query.size ? `?${query}` : ''}`;
    await cake.refresh(address);
    history.replaceState(null, '', address);
    cake.listen();
  };
  form?.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 150);
  });
  form?.addEventListener('submit', (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    search();
  });

  // — What only the list of VMs has —
  const rows = document.getElementById('vm-rows');
  if (!rows) return;
  const table = rows.closest('table');

  // — Columns —
  const columns = document.querySelector('[data-columns]');
  const key = `cake-columns-${columns.dataset.columns}`;
  const off = new Set((localStorage.getItem(key) ?? '').split(' ').filter(Boolean));
  const showColumns = () => {
    for (const box of columns.querySelectorAll('input')) {
      box.checked = !off.has(box.value);
      table.classList.toggle(`no-${box.value}`, off.has(box.value));
    }
  };
  columns.addEventListener('change', ({ target }) => {
    if (target.checked) off.delete(target.value);
    else off.add(target.value);
    localStorage.setItem(key, [...off].join(' '));
    showColumns();
  });
  showColumns();

  // — Several at once —
  const bulk = document.getElementById('bulk');
  if (!bulk) return;
  const chosen = new Set();
  const all = document.querySelector('[data-select-all]');
  let last;
  const shown = () => [...rows.querySelectorAll('tr[data-id]')];
  const able = (verb) => shown().filter((row) => chosen.has(row.dataset.id) && row.dataset.can.split(' ').includes(verb));

  const show = () => {
    const ids = new Set(shown().map((row) => row.dataset.id));
    for (const id of chosen) if (!ids.has(id)) chosen.delete(id);
    for (const row of shown()) {
      const is = chosen.has(row.dataset.id);
      row.classList.toggle('selected', is);
      row.querySelector('[data-select]').checked = is;
    }
    all.checked = chosen.size > 0 && chosen.size === ids.size;
    all.indeterminate = chosen.size > 0 && chosen.size < ids.size;
    bulk.hidden = chosen.size === 0;
    const count = document.getElementById('bulk-count');
    count.textContent = count.dataset.text.replace('%n', chosen.size);
    for (const button of bulk.querySelectorAll('[data-bulk]')) {
      const many = able(button.dataset.bulk).length;
      button.hidden = many === 0;
      button.textContent = many === 1 ? button.dataset.one : button.dataset.many.replace('%n', many);
    }
  };

  rows.addEventListener('click', (event) => {
    const box = event.target.closest('[data-select]');
    if (!box) return;
    const list = shown();
    const [from, to] = [list.indexOf(last ?? box.closest('tr')), list.indexOf(box.closest('tr'))].sort((a, b) => a - b);
    const range = event.shiftKey && from >= 0 ? list.slice(from, to + 1) : [box.closest('tr')];
    for (const row of range) {
      if (box.checked) chosen.add(row.dataset.id);
      else chosen.delete(row.dataset.id);
    }
    last = box.closest('tr');
    show();
  });
  all.addEventListener('change', () => {
    chosen.clear();
    if (all.checked) shown().forEach((row) => chosen.add(row.dataset.id));
    show();
  });
  bulk.querySelector('[data-bulk-clear]').addEventListener('click', () => {
    chosen.clear();
    show();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'x' || event.ctrlKey || event.metaKey || event.target.matches('input:not([type="checkbox"]), textarea')) return;
    const row = document.activeElement.closest?.('tr[data-id]');
    row?.querySelector('[data-select]').click();
  });
  rows.addEventListener('cake:changed', show);

  for (const button of bulk.querySelectorAll('[data-bulk]')) button.addEventListener('click', () => act(button));

  /** Says what will happen to which, then does it and says how it went. */
  async function act(button) {
    const verb = button.dataset.bulk;
    const these = able(verb);
    const rest = chosen.size - these.length;
    const meant = await cake.confirmed({
      title: `${button.textContent}?`,
      text: [rest > 0 && button.dataset.rest.replace('%n', rest), button.dataset.text].filter(Boolean).join(cake.say('Gap')),
      list: these.map((row) => row.dataset.name),
      verb: button.textContent,
      harmless: verb !== 'stop',
    });
    if (!meant) return;
    cake.busy(button, true);
    const answers = await Promise.all(these.map((row) => cake.api('POST', `/v1/vms/${row.dataset.id}/${verb}`)));
    cake.busy(button, false);
    const refused = answers.filter((answer) => !answer.ok);
    const say = [bulk.dataset.sayDone.replace('%n', answers.length - refused.length)];
    if (refused.length) {
      say.push(bulk.dataset.sayFailed.replace('%n', refused.length));
      cake.notice(cake.explain(refused[0]), document.getElementById('main'));
    }
    cake.announce(say.join(cake.say('Comma')), { seen: true });
    chosen.clear();
    show();
  }
  show();
})();
