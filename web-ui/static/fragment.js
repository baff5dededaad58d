// Parts of a page that a machine is asked for: read when somebody opens them, and again when somebody says so. README.md lists
// the attributes.
'use strict';

(() => {
  async function load(place) {
    if (place.getAttribute('aria-busy') === 'true') return;
    place.setAttribute('aria-busy', 'true');
    if (!place.childElementCount) place.textContent = place.dataset.waiting;
    const answer = await fetch(place.dataset.fragment, { headers: { Accept: 'text/html' } }).catch(() => null);
    // Whoever was logged out meanwhile is led to the login: as a whole page, not in this place.
    if (answer?.redirected) return location.reload();
    if (answer?.ok) place.innerHTML = await answer.text();
    else place.textContent = place.dataset.failed;
    place.removeAttribute('aria-busy');
  }

  document.addEventListener(
    'toggle',
    ({ target }) => {
      if (!target.open || !target.matches('[data-fragment-open]')) return;
      for (const place of target.querySelectorAll('[data-fragment]')) load(place);
    },
    true,
  );

  document.addEventListener('click', ({ target }) => {
    const again = target.closest('[data-fragment-again]');
    if (again) load(document.getElementById(again.dataset.fragmentAgain));
  });
})();
