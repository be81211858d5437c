/// The playground's one page, with everything that it needs inside.
#pragma once

namespace playground {

inline constexpr const char* page = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kashi playground</title>
<style>
  :root { color-scheme: light dark; --line: #8884; --accent: #0a7c8c; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; margin: 0; }
  #about { margin: 0 0 1.5rem; opacity: .75; }
  main { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 2rem; }
  #drop { border: 2px dashed var(--line); border-radius: .5rem; min-height: 280px; display: grid; place-items: center;
          text-align: center; cursor: pointer; padding: .5rem; }
  #drop.over { border-color: var(--accent); background: #0a7c8c22; }
  #drop img { max-width: 100%; max-height: 320px; }
  canvas { border: 1px solid var(--line); border-radius: .5rem; background: #fff; touch-action: none; cursor: crosshair; }
  button { font: inherit; padding: .25rem .9rem; margin: .5rem .5rem 0 0; }
  .row { display: grid; grid-template-columns: minmax(6rem, 40%) 1fr 4rem; gap: .75rem; align-items: center; margin: .35rem 0; }
  .bar { background: var(--line); border-radius: .2rem; height: 1rem; }
  .bar div { background: var(--accent); border-radius: .2rem; height: 100%; }
  .row span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
  #message { color: #c0392b; min-height: 1.5rem; }
  #facts { opacity: .75; }
</style>
</head>
<body>
<h1>kashi playground</h1>
<p id="about">asking the network for its name ...</p>
<main>
  <section>
    <div id="drawing" hidden>
      <canvas id="canvas" width="280" height="280"></canvas><br>
      <button id="clear">Clear</button>
      <p>Draw with the mouse, or give a picture:</p>
    </div>
    <label id="drop"><span id="hint">Drop a picture here, or click to choose one (PNG, JPEG, BMP)</span>
      <input id="file" type="file" accept="image/png,image/jpeg,image/bmp" hidden></label>
  </section>
  <section>
    <p id="message" role="alert"></p>
    <div id="results" aria-live="polite"></div>
    <p id="facts"></p>
  </section>
</main>
<section id="views"></section>
<script>
const at = id => document.getElementById(id);
let about = null, newest = 0;

function show(answer) {
  at('results').replaceChildren(...answer.classes.map(one => {
    const row = document.createElement('div'), name = document.createElement('span'),
          bar = document.createElement('div'), share = document.createElement('span'), fill = document.createElement('div');
    row.className = 'row';
    bar.className = 'bar';
    name.textContent = one.name;
    fill.style.width = 100 * one.probability + '%';
    share.textContent = (100 * one.probability).toFixed(1) + ' %';
    bar.append(fill);
    row.append(name, bar, share);
    return row;
  }));
  at('facts').textContent = `${answer.width} x ${answer.height} pixels, ${answer.milliseconds.toFixed(1)} ms`;
}

async function ask(tool, picture) {
  if (about && picture.size > about.upload_bytes)
    throw new Error(`the picture has ${(picture.size / 2 ** 20).toFixed(1)} MiB; at most ${about.upload_bytes / 2 ** 20} are taken`);
  const response = await fetch('/api/' + tool, {method: 'POST', body: picture});
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function classify(picture) {
  const number = ++newest;
  try {
    const answer = await ask('classify', picture);
    if (number !== newest) return;
    at('message').textContent = '';
    show(answer);
  } catch (error) {
    if (number !== newest) return;
    at('message').textContent = error.message;
    at('results').replaceChildren();
    at('facts').textContent = '';
  }
}

function take(file) {
  if (!file) return;
  const image = new Image();
  image.onload = () => { at('hint').replaceChildren(image); URL.revokeObjectURL(image.src); };
  image.onerror = () => { at('hint').textContent = file.name; URL.revokeObjectURL(image.src); };
  image.src = URL.createObjectURL(file);
  classify(file);
}

const drop = at('drop');
drop.addEventListener('dragover', event => { event.preventDefault(); drop.classList.add('over'); });
drop.addEventListener('dragleave', () => drop.classList.remove('over'));
drop.addEventListener('drop', event => {
  event.preventDefault();
  drop.classList.remove('over');
  take(event.dataTransfer.files[0]);
});
at('file').addEventListener('change', event => { take(event.target.files[0]); event.target.value = ''; });

const canvas = at('canvas'), pen = canvas.getContext('2d');
let last = null;
function clear() {
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
}
function place(event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}
function line(from, to) {
  pen.strokeStyle = '#1a1a1f';
  pen.lineWidth = 16;
  pen.lineCap = pen.lineJoin = 'round';
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  pen.stroke();
}
canvas.addEventListener('pointerdown', event => { canvas.setPointerCapture(event.pointerId); last = place(event); line(last, last); });
canvas.addEventListener('pointermove', event => { if (last) { const next = place(event); line(last, next); last = next; } });
canvas.addEventListener('pointerup', () => { last = null; canvas.toBlob(classify, 'image/png'); });
at('clear').addEventListener('click', () => { ++newest; clear(); at('results').replaceChildren(); at('facts').textContent = at('message').textContent = ''; });
clear();

fetch('/api/about').then(response => response.json()).then(answer => {
  about = answer;
  at('about').textContent = `network ${about.model}, ${about.classes} classes`;
  at('drawing').hidden = !about.drawn;
}).catch(() => { at('message').textContent = 'the server does not answer'; });
</script>
</body>
</html>
)html";

}  // namespace playground
