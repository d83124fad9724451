// Arrays as heat maps, or as numbers where they are few.

// Blue below zero, white at it, red above; black where a number is not finite.
function color(x, largest) {
  if (typeof x !== 'number') return [0, 0, 0];
  const t = largest > 0 ? Math.sqrt(Math.min(1, Math.abs(x) / largest)) : 0;
  const end = x < 0 ? [33, 102, 172] : [190, 30, 45];
  return end.map(c => Math.round(255 + (c - 255) * t));
}

// As WCAG defines them: of a colour, and the contrast of two.
function luminance(c) {
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const [r, g, b] = c.map(v => linear(v / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a, b) {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}
const textColor = back => contrast(back, [255, 255, 255]) >= 4.5 ? 'white' : 'black';

const isSmall = x => typeof x === 'number' && x !== 0 && Math.abs(x) < 1e-3;
const text = x => isSmall(x) ? x.toExponential() : String(x);

const clamped = (x, least, most) => Math.min(most, Math.max(least, x));

// What a row or a column of an intermediate's matrices is: { word, names }, with names where the
// tokens are known.
function axis(word, extent, oneSequence) {
  const { names, count, keys } = tape.tokens;
  if (word === 'key' && !keys) word = 'slot';
  const named = word !== 'slot' && oneSequence && count === extent && names.length;
  return { word, names: named ? names : null };
}
const labelOf = (axis, i) => `${axis.word} ${i}${axis.names ? ' ' + axis.names[i] : ''}`;

// "[1]" of matrix m, where an array has more than one; of an intermediate (B, h, rows, columns)
// "sequence 1, head 0".
function matrixName(shape, m, axes) {
  const leading = shape.slice(0, -2);
  if (!axes && leading.every(extent => extent === 1)) return '';
  const index = [];
  for (const extent of [...leading].reverse()) {
    index.unshift(m % extent);
    m = Math.floor(m / extent);
  }
  if (axes && leading[0] === 1) return `head ${index[1]}`;
  return axes ? `sequence ${index[0]}, head ${index[1]}` : `[${index.join(', ')}]`;
}

function drawTable(array, m, parent) {
  const { rows, columns, largest, values } = array;
  const table = element('table', '', element('div', '', parent, 'scroll'));
  for (let i = 0; i < rows; ++i) {
    const row = element('tr', '', table);
    for (let j = 0; j < columns; ++j) {
      const x = values[(m * rows + i) * columns + j];
      const back = color(x, largest);
      const cell = element('td', text(x), row);
      cell.style.background = `rgb(${back})`;
      cell.style.color = textColor(back);
    }
  }
}

function showHover(event, words) {
  const hover = one('#hover');
  hover.textContent = words;
  hover.style.display = 'block';
  const left = Math.min(event.clientX + 14, innerWidth - hover.offsetWidth - 4);
  hover.style.left = Math.max(4, left) + 'px';
  hover.style.top = event.clientY + 16 + 'px';
}

function drawCanvas(array, m, cell, axes, parent) {
  const { rows, columns, largest, values } = array;
  const size = rows * columns;
  const canvas = element('canvas', '', parent);
  canvas.width = columns;
  canvas.height = rows;
  canvas.style.width = columns * cell + 2 + 'px';
  canvas.style.height = rows * cell + 2 + 'px';
  const context = canvas.getContext('2d');
  const image = context.createImageData(columns, rows);
  for (let k = 0; k < size; ++k)
    image.data.set([...color(values[m * size + k], largest), 255], 4 * k);
  context.putImageData(image, 0, 0);
  canvas.onpointermove = event => {
    const j = clamped(Math.floor((event.offsetX - 1) / cell), 0, columns - 1);
    const i = clamped(Math.floor((event.offsetY - 1) / cell), 0, rows - 1);
    const place = axes ? `${labelOf(axes.rows, i)}, ${labelOf(axes.columns, j)}` : `(${i},${j})`;
    showHover(event, `${place}: ${text(values[m * size + i * columns + j])}`);
  };
  canvas.onpointerleave = () => one('#hover').style.display = 'none';
  return canvas;
}

// The tokens along an axis, a cell each.
function drawLabels(names, extent, cell, side, parent) {
  const box = element('div', '', parent, 'labels ' + side);
  for (const name of names.slice(0, extent)) {
    const label = element('span', name.trim() === '' ? '␣' : name, box);
    label.style[side === 'rows' ? 'height' : 'width'] = cell + 'px';
    label.style.lineHeight = cell + 'px';
  }
}

function drawMap(array, m, axes, name, parent) {
  const { rows, columns } = array;
  const labelled = axes && (axes.rows.names || axes.columns.names);
  const fitting = Math.floor((labelled ? 420 : 230) / Math.max(rows, columns));
  const cell = labelled ? clamped(fitting, 13, 18) : clamped(fitting, 3, 11);
  const scroll = element('div', '', parent, 'scroll');
  const grid = labelled ? element('div', '', scroll, 'labelled') : scroll;
  if (labelled) {
    if (axes.columns.names) drawLabels(axes.columns.names, columns, cell, 'columns', grid);
    if (axes.rows.names) drawLabels(axes.rows.names, rows, cell, 'rows', grid);
    else element('div', '', grid);
  }
  const canvas = drawCanvas(array, m, cell, axes, grid);
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `${name}: heat map of ${count(rows, 'row')} and ` +
    `${count(columns, 'column')}; largest |x| of the array ${array.largest}`);
}

// The scale of an array: the colours from its least to its largest, with numbers.
function drawLegend(array, parent) {
  const { largest, negative } = array;
  const low = negative ? -largest : 0;
  const legend = element('div', '', parent, 'legend');
  const stops = [];
  for (let k = 0; k <= 16; ++k) {
    const x = low + (largest - low) * k / 16;
    stops.push(`rgb(${color(x, largest)}) ${100 * k / 16}%`);
  }
  const bar = element('div', '', legend, 'bar');
  bar.style.background = `linear-gradient(to right, ${stops.join(', ')})`;
  const ends = element('div', '', legend, 'ends');
  for (const x of negative ? [-largest, 0, largest] : [0, largest])
    element('span', text(x).replace('-', '−'), ends);
}

// All numbers of a heat map, made when they are asked for.
function offerNumbers(array, axes, parent) {
  const details = element('details', '', parent, 'numbers');
  element('summary', 'numbers', details);
  details.ontoggle = () => {
    if (!details.open || details.children.length > 1) return;
    const { rows, columns, matrices, values, shape } = array;
    for (let m = 0; m < matrices; ++m) {
      const name = matrixName(shape, m, axes);
      if (name) element('div', name, details, 'note');
      const table = element('table', '', element('div', '', details, 'scroll'));
      for (let i = -1; i < rows; ++i) {
        const row = element('tr', '', table);
        element('th', i < 0 ? ' ' : axes?.rows.names?.[i] ?? String(i), row);
        for (let j = 0; j < columns; ++j)
          if (i < 0) element('th', axes?.columns.names?.[j] ?? String(j), row);
          else element('td', text(values[(m * rows + i) * columns + j]), row);
      }
    }
  };
}

// name: of the whole, for those who cannot see it. axes: of an intermediate.
function drawArray(array, name, parent, axes) {
  const { rows, columns, matrices, shape } = array;
  const few = rows * columns * matrices <= 64 && columns <= 8 && !axes?.rows.names;
  const box = element('div', '', parent, 'matrices');
  for (let m = 0; m < matrices; ++m) {
    const one = element('div', '', box, 'matrix');
    const matrix = matrixName(shape, m, axes);
    if (matrix) element('div', matrix, one, 'note');
    if (few) drawTable(array, m, one);
    else drawMap(array, m, axes, matrix ? `${name} ${matrix}` : name, one);
  }
  const words = axes ? `rows: ${axes.rows.word}; columns: ${axes.columns.word}` : '';
  if (words) element('div', words, parent, 'note');
  if (!few && matrices) drawLegend(array, parent);
  const notes = [];
  if (array.norm) notes.push(`norm ${array.norm}, largest |x| ${text(array.largest)}`);
  if (!array.whole) notes.push('the first part of it is shown');
  element('div', notes.join('; '), parent, 'note');
  if (!few && matrices) offerNumbers(array, axes, parent);
}
