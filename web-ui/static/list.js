// Long lists: search while typing.
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
})();
