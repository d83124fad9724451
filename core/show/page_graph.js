// The graph around a record, as an SVG: layer by layer from the top, in the order of forward. A
// Parameter stands just above its first use. Where an edge crosses layers it has a place of its own
// in each, so that it runs beside the nodes and not behind them.

// Asked of the browser, so that the page has no address in it.
const svgNamespace = (() => {
  const holder = document.createElement('div');
  holder.innerHTML = '<svg></svg>';
  return holder.firstChild.namespaceURI;
})();

const svgElement = (tag, attributes, parent) => {
  const made = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (parent) parent.append(made);
  return made;
};

const mostNodes = 22;  // a larger tape shows its part around the record

// For each record its inputs on the page, each once; and what reads it.
const inputsOf = records.map(r => [...new Set(r.inputs.map(x => x.record))]
  .filter(j => j !== undefined));
const usersOf = records.map(() => []);
inputsOf.forEach((inputs, i) => inputs.forEach(j => usersOf[j].push(i)));

// The records next to record i, nearest first.
function neighbourhood(i) {
  if (records.length <= mostNodes) return records.map((_, j) => j);
  const found = new Set([i]);
  for (const j of found) {  // which grows
    for (const k of [...inputsOf[j], ...usersOf[j]])
      if (found.size < mostNodes) found.add(k);
    if (found.size >= mostNodes) break;
  }
  return [...found].sort((a, b) => a - b);
}

// The layer of each shown record, from 0.
function layersOf(shown) {
  const layer = new Map();
  for (const j of shown) {  // inputs have smaller numbers
    const above = inputsOf[j].filter(k => layer.has(k)).map(k => layer.get(k));
    layer.set(j, Math.max(-1, ...above) + 1);
  }
  for (const j of shown) {
    const below = usersOf[j].filter(k => layer.has(k)).map(k => layer.get(k));
    if (!inputsOf[j].length && below.length) layer.set(j, Math.min(...below) - 1);
  }
  const first = Math.min(...layer.values());
  for (const j of shown) layer.set(j, layer.get(j) - first);
  return layer;
}

// Nodes { record, layer, above, below, x } in layers, and edges as lists of nodes: from an input
// through the layers between to its user. A constant of record i is a node too.
function layered(shown, i) {
  const layer = layersOf(shown);
  const layers = [];
  const place = (record, l) => {
    const node = { record, layer: l, above: [], below: [], x: 0 };
    (layers[l] ??= []).push(node);
    return node;
  };
  const constants = records[i].inputs.filter(x => x.constant !== undefined);
  if (constants.length && layer.get(i) === 0)
    for (const [j, l] of layer) layer.set(j, l + 1);
  const nodes = new Map(shown.map(j => [j, place(j, layer.get(j))]));
  const edges = [];
  const join = (from, to) => {
    const path = [from];
    for (let l = from.layer + 1; l < to.layer; ++l) path.push(place(null, l));
    path.push(to);
    for (let k = 1; k < path.length; ++k) {
      path[k - 1].below.push(path[k]);
      path[k].above.push(path[k - 1]);
    }
    edges.push(path);
  };
  for (const j of shown)
    for (const k of inputsOf[j])
      if (nodes.has(k)) join(nodes.get(k), nodes.get(j));
  for (const x of constants) {
    const node = place(null, layer.get(i) - 1);
    node.constant = x;
    join(node, nodes.get(i));
  }
  return { layers, nodes, edges };
}

const nodeWidth = 118, nodeHeight = 36, gap = 10, layerHeight = 62, dummyWidth = 14;
const widthOf = node => node.record === null && !node.constant ? dummyWidth : nodeWidth;

// Orders each layer by the middle of its neighbours, and moves its nodes there as far as they fit.
function arrange(layers) {
  for (const layer of layers) {
    let x = 0;
    for (const node of layer) {
      node.x = x + widthOf(node) / 2;
      x += widthOf(node) + gap;
    }
  }
  const mean = (list, otherwise) =>
    list.length ? list.reduce((sum, n) => sum + n.x, 0) / list.length : otherwise;
  for (let sweep = 0; sweep < 12; ++sweep) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      for (const node of layer) node.wanted = mean(down ? node.above : node.below, node.x);
      layer.sort((a, b) => a.wanted - b.wanted);
      let right = -Infinity;  // where the next one may begin
      for (const node of layer) {
        node.x = Math.max(node.wanted, right + widthOf(node) / 2);
        right = node.x + widthOf(node) / 2 + gap;
      }
      const shift = layer.reduce((sum, n) => sum + n.wanted - n.x, 0) / layer.length;
      for (const node of layer) node.x += shift;
    }
  }
  const left = Math.min(...layers.flat().map(n => n.x - widthOf(n) / 2));
  for (const node of layers.flat()) node.x += 4 - left;
}

// The last letters of a name are the ones that differ: layers.0.attention.query.weight.
const short = (text, most) => text.length > most ? '…' + text.slice(1 - most) : text;

// classesOf(j): of the node of record j; open(j): it was chosen.
function drawGraph(parent, i, forward, classesOf, nameOf, open) {
  const { layers, nodes, edges } = layered(neighbourhood(i), i);
  arrange(layers);
  const width = Math.max(...layers.flat().map(n => n.x + widthOf(n) / 2)) + 4;
  const height = layers.length * layerHeight + 14;
  const top = node => node.layer * layerHeight + 20;
  const svg = svgElement('svg', { width, height, viewBox: `0 0 ${width} ${height}` });
  svg.setAttribute('role', 'group');
  svg.setAttribute('aria-label', `the records around record ${records[i].number}, inputs above`);
  const marks = svgElement('defs', {}, svg);
  for (const kind of ['plain', 'flow']) {
    const mark = svgElement('marker', { id: 'arrow-' + kind, class: kind, viewBox: '0 0 8 8',
      refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: 'userSpaceOnUse',
      orient: 'auto-start-reverse' }, marks);
    svgElement('path', { d: 'M0 0L8 4L0 8z' }, mark);
  }
  for (const path of edges) {
    const flow = path[path.length - 1].record === i;  // what this step reads, or gives back
    const [from, ...rest] = path;
    let y = top(from) + nodeHeight;
    let d = `M${from.x} ${y}`;
    let x = from.x;
    for (const node of rest) {
      const next = node === rest[rest.length - 1] ? top(node) : top(node) + nodeHeight / 2;
      const bend = (next - y) / 2;
      d += `C${x} ${y + bend} ${node.x} ${next - bend} ${node.x} ${next}`;
      [x, y] = [node.x, next];
    }
    const kind = flow ? 'flow' : 'plain';
    const line = svgElement('path', { d, class: kind }, svg);
    line.setAttribute(forward ? 'marker-end' : 'marker-start', `url(#arrow-${kind})`);
  }
  for (const [j, node] of nodes) {  // a dotted end where a neighbour is not drawn
    const y = top(node);
    if (inputsOf[j].some(k => !nodes.has(k)))
      svgElement('path', { d: `M${node.x} ${y - 12}V${y}`, class: 'more' }, svg);
    if (usersOf[j].some(k => !nodes.has(k)))
      svgElement('path', { d: `M${node.x} ${y + nodeHeight}v10`, class: 'more' }, svg);
  }
  for (const node of layers.flat()) {
    if (node.record === null && !node.constant) continue;
    const j = node.record;
    const classes = node.constant ? 'constant' : classesOf(j);
    const shape = node.constant ? node.constant.shape : records[j].shape;
    const name = node.constant ? node.constant.constant : nameOf(j);
    const group = svgElement('g', { class: 'node ' + classes }, svg);
    svgElement('rect', { x: node.x - nodeWidth / 2, y: top(node), width: nodeWidth,
      height: nodeHeight, rx: 5 }, group);
    svgElement('text', { x: node.x, y: top(node) + 15 }, group).textContent = short(name, 16);
    svgElement('text', { x: node.x, y: top(node) + 29, class: 'shape' }, group)
      .textContent = (node.constant ? '' : records[j].number + '  ') + shape;
    svgElement('title', {}, group).textContent = name;
    if (node.constant) continue;
    group.dataset.record = j;
    group.setAttribute('tabindex', '0');
    group.setAttribute('role', 'button');
    group.setAttribute('aria-label', `record ${records[j].number}: ${name} ${shape}`);
    if (j === i) group.setAttribute('aria-current', 'step');
    group.onclick = () => open(j);
    group.onkeydown = event => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      open(j);
    };
  }
  parent.replaceChildren(svg);
  const current = nodes.get(i);
  parent.scrollTop = top(current) - (parent.clientHeight - nodeHeight) / 2;
  parent.scrollLeft = current.x - parent.clientWidth / 2;
}
