// The VM's screen, small, on its page: asked for only while it is looked at, and no more often than the server takes a new one.
const place = document.getElementById('thumbnail');
const canvas = place?.querySelector('canvas');
const head = document.getElementById('vm-head');

/** Milliseconds. */
const AGE = 10_000;
let asked = 0;
let timer;

const alive = () => head.querySelector('.mark')?.matches('[data-state="running"], [data-state="paused"], [data-state="shutting-down"]') ?? false;

async function look() {
  clearTimeout(timer);
  if (!alive()) place.hidden = true;
  if (!alive() || document.visibilityState !== 'visible') return;
  const wait = asked + AGE - Date.now();
  timer = setTimeout(look, Math.max(wait, 0) || AGE);
  if (wait > 0) return;
  asked = Date.now();
  try {
    const answer = await fetch(`/v1/vms/${place.dataset.vm}/screenshot`, { cache: 'no-store' });
    if (!answer.ok) return;
    const picture = await createImageBitmap(await answer.blob());
    [canvas.width, canvas.height] = [picture.width, picture.height];
    canvas.getContext('2d').drawImage(picture, 0, 0);
    picture.close();
    place.hidden = false;
  } catch {
    // The server is being started again; the next look is in ten seconds.
  }
}

if (place) {
  document.addEventListener('visibilitychange', look);
  head.addEventListener('cake:changed', look);
  look();
}
