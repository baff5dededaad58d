// The search box in the frame: `/` comes to it, what is found shows beneath it, and the arrows go from one to the next.
'use strict';

(() => {
  const form = document.querySelector('[data-everywhere]');
  if (!form) return;
  const field = form.querySelector('input');
  const place = document.getElementById('everywhere-found');
  let waiting;
  let asked = 0;

  /** Shows what the page of the search shows. An answer that a newer question has overtaken is not shown. */
  async function find() {
    const text = field.value.trim();
    const number = ++asked;
    if (!text) return close();
    const answer = await fetch(`/search?q=${encodeURIComponent(text)}`, { headers: { Accept: 'text/html' } }).catch(() => null);
    if (!answer?.ok || number !== asked) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const parts = ['search-wrong', 'found'].map((id) => page.getElementById(id)?.childNodes ?? []);
    place.replaceChildren(...parts.flatMap((nodes) => [...nodes]));
    // The page may show the same groups: an id belongs to one element.
    for (const element of place.querySelectorAll('[id]')) element.id = `everywhere-${element.id}`;
    for (const element of place.querySelectorAll('[aria-labelledby]')) {
      element.setAttribute('aria-labelledby', `everywhere-${element.getAttribute('aria-labelledby')}`);
    }
    place.hidden = !place.textContent.trim();
  }

  function close() {
    asked += 1;
    place.hidden = true;
    place.replaceChildren();
  }

  field.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(find, 150);
  });
  field.addEventListener('focus', () => field.value && find());
  form.addEventListener('focusout', ({ relatedTarget }) => form.contains(relatedTarget) || close());
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    if (document.activeElement !== field) field.focus();
    close();
  });

  // — Up and down, here and on the page of the search —
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const inFrame = form.contains(event.target);
    const list = inFrame ? place : document.getElementById('found');
    const box = inFrame ? field : document.getElementById('q');
    if (!list || !(event.target === box || list.contains(event.target))) return;
    const hits = [...list.querySelectorAll('[data-hit]')];
    const next = hits.indexOf(document.activeElement) + (event.key === 'ArrowDown' ? 1 : -1);
    if (!hits.length || next >= hits.length) return;
    event.preventDefault();
    if (next < 0) box.focus();
    else hits[next].focus();
  });

  // — A search that is saved is the one in the box —
  document.addEventListener('input', ({ target }) => {
    for (const copy of document.querySelectorAll('[data-from]')) {
      if (copy.dataset.from === target.id) copy.value = target.value;
    }
  });
})();
