/// The playground's one page, with everything that it needs inside.
#pragma once

namespace playground {

inline constexpr const char* page = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kashi playground</title>
<link rel="icon" href="data:,">
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
  button.row { width: 100%; margin: 0; padding: .35rem .25rem; border: 0; border-radius: .3rem; background: none; color: inherit; text-align: left; cursor: pointer; }
  button.row:hover, button.row.shown { background: #0a7c8c22; }
  #views { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 2rem; margin-top: 2rem; }
  #views h2 { font-size: 1.1rem; margin: 0 0 .5rem; }
  #views img { width: 100%; max-width: 320px; border-radius: .3rem; image-rendering: pixelated; }
  input[type=range] { width: 12rem; vertical-align: middle; }
  [hidden] { display: none !important; }
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
<section id="views" hidden>
  <div id="map" hidden>
    <h2>What speaks for <span id="map-name"></span></h2>
    <img id="map-picture" alt="the picture with a heat map over it">
    <p>Grad-CAM: bright places raise the class's score most. A click on another class shows its map.</p>
  </div>
  <div id="attack" hidden>
    <h2>Fooling the network</h2>
    <p><label>Change each pixel by at most <input id="epsilon" type="range" min="0" max="32" step="1" value="2"> <output id="epsilon-shown">2</output> of 255</label>
      <button id="fool">Change it</button></p>
    <div id="attack-results" aria-live="polite"></div>
    <img id="attack-picture" alt="the changed picture" hidden>
  </div>
  <div id="change" hidden>
    <h2>The change, made visible</h2>
    <img id="change-picture" alt="the change of each pixel">
    <p>Grey: unchanged. FGSM follows the sign of the loss's gradient.</p>
  </div>
</section>
<script>
const at = id => document.getElementById(id);
let about = null, newest = 0, current = null;

function rows(classes, choose) {
  return classes.map(one => {
    const row = document.createElement(choose ? 'button' : 'div'), name = document.createElement('span'),
          bar = document.createElement('div'), share = document.createElement('span'), fill = document.createElement('div');
    row.className = 'row';
    bar.className = 'bar';
    name.textContent = one.name;
    fill.style.width = 100 * one.probability + '%';
    share.textContent = (100 * one.probability).toFixed(1) + ' %';
    bar.append(fill);
    row.append(name, bar, share);
    if (choose) row.addEventListener('click', () => choose(one, row));
    return row;
  });
}

function forget() {
  current = null;
  for (const id of ['results', 'attack-results']) at(id).replaceChildren();
  for (const id of ['views', 'map', 'attack', 'change', 'attack-picture']) at(id).hidden = true;
  at('facts').textContent = '';
}

function fail(error, number) {
  if (number === newest) at('message').textContent = error.message;
}

async function showMap(one, row) {
  const number = newest, picture = current;
  try {
    const answer = await ask('map?class=' + one.index, picture);
    if (number !== newest) return;
    for (const other of at('results').children) other.classList.toggle('shown', other === row);
    at('map-name').textContent = answer.name;
    at('map-picture').src = answer.picture;
    at('map').hidden = at('views').hidden = false;
  } catch (error) { fail(error, number); }
}

async function fool() {
  const number = newest;
  try {
    const answer = await ask('attack?epsilon=' + at('epsilon').value, current);
    if (number !== newest) return;
    at('attack-results').replaceChildren(...rows(answer.classes));
    at('attack-picture').src = answer.picture;
    at('change-picture').src = answer.change;
    at('attack-picture').hidden = at('change').hidden = false;
  } catch (error) { fail(error, number); }
}

function show(answer) {
  const has = tool => about && about.tools.includes(tool), choose = has('map') ? showMap : null;
  at('results').replaceChildren(...rows(answer.classes, choose));
  at('facts').textContent = `${answer.width} x ${answer.height} pixels, ${answer.milliseconds.toFixed(1)} ms`;
  at('attack').hidden = !has('attack');
  at('views').hidden = !has('attack') && !has('map');
  if (choose) choose(answer.classes[0], at('results').firstChild);
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
    forget();
    at('message').textContent = '';
    current = picture;
    show(answer);
  } catch (error) {
    if (number !== newest) return;
    forget();
    at('message').textContent = error.message;
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
at('clear').addEventListener('click', () => { ++newest; clear(); forget(); at('message').textContent = ''; });
at('epsilon').addEventListener('input', () => { at('epsilon-shown').textContent = at('epsilon').value; });
at('fool').addEventListener('click', fool);
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
