// The steps, and what each shows.

// A step is a record in a pass: all forward, then those that a gradient reached, backward.
const forwardSteps = records.map((_, i) => ({ pass: 'forward', i }));
const backwardSteps = forwardSteps.filter(s => records[s.i].gradient).reverse()
  .map(s => ({ pass: 'backward', i: s.i }));
const steps = [...forwardSteps, ...backwardSteps];
const firstOp = Math.max(0, records.findIndex(r => !r.parameter));
let current = firstOp;  // the step that is shown

const listed = names => names.length < 2 ? names.join('')
  : names.slice(0, -1).join(', ') + ' and ' + names[names.length - 1];

// ---- Cards

// An array under its name in the formula.
function card(name, parent, now) {
  const box = element('section', '', parent, now ? 'now' : '');
  const head = element('h3', '', box);
  element('strong', name, head);
  box.setAttribute('aria-label', name);
  return { box, head };
}

function linkTo(i, head) {
  head.append(' ');
  const link = element('button', `${records[i].number} ${nameOf(i)}`, head);
  link.onclick = () => goToRecord(i);
  element('span', ' ' + records[i].shape, head, 'note');
}

function fill(box, array, missing, name, axes) {
  if (array) drawArray(array, name, box, axes);
  else element('div', missing, box, 'gone');
}

function recordCard(name, i, array, missing, parent, now) {
  const { box, head } = card(name, parent, now);
  linkTo(i, head);
  fill(box, array, missing, name);
  return box;
}

const released = 'released: no backward needs this output, and nobody else holds it';

function inputCard(input, cards) {
  if (input.record !== undefined) {
    recordCard(input.name, input.record, records[input.record].value, released, cards);
    return;
  }
  const { box, head } = card(input.name, cards);
  if (input.constant === undefined) {
    element('span', ` record ${input.left_out}`, head, 'note');
    element('div', 'left out of this page', box, 'gone');
    return;
  }
  const what = input.constant === 'constant' ? 'a constant' : `the constant ${input.constant}`;
  element('span', ` ${what} ${input.shape}`, head, 'note');
  fill(box, input.value, 'not kept: backward does not need this constant', input.name);
}

// What the op makes between its inputs and its output.
function innerCards(record, cards) {
  for (const inner of record.inner) {
    const { box, head } = card(inner.name, cards, true);
    element('span', ' ' + inner.shape, head, 'note');
    const shape = inner.value.shape;
    const axes = {
      rows: axis(inner.rows, shape[shape.length - 2], shape[0] === 1),
      columns: axis(inner.columns, shape[shape.length - 1], shape[0] === 1),
    };
    const note = 'made inside the op, and again for this page, of what the op keeps';
    element('div', note, box, 'note');
    fill(box, inner.value, '', inner.name, axes);
  }
}

const outputName = record => record.parameter ? 'value' : record.output;

function showForward(record, i, cards) {
  record.inputs.forEach(input => inputCard(input, cards));
  innerCards(record, cards);
  recordCard(outputName(record), i, record.value, released, cards, true);
}

// The names of record i's inputs that are record j: of w * w both.
const namesOf = (i, j) => records[i].inputs.filter(x => x.record === j).map(x => x.name);

function showBackward(record, i, cards) {
  const name = record.parameter ? 'its gradient' : 'd' + record.output;
  recordCard(name, i, record.gradient, '', cards, true);
  inputsOf[i].forEach(j => gradientCard(i, j, cards));
  if (record.value) recordCard(outputName(record), i, record.value, '', cards);
  innerCards(record, cards);
  record.inputs.forEach(input => inputCard(input, cards));
}

// The gradient of record j, an input of record i.
function gradientCard(i, j, cards) {
  const name = namesOf(i, j).map(x => 'd' + x).join(' + ');
  const box = recordCard(name, j, records[j].gradient, 'no gradient', cards, true);
  const uses = usersOf[j].filter(user => records[user].gradient);
  const total = uses.reduce((sum, user) => sum + namesOf(user, j).length, 0);
  const passed = uses.filter(user => user >= i)
    .reduce((sum, user) => sum + namesOf(user, j).length, 0);
  if (total < 2) return;
  element('div', `This record is read ${total} times, and backward has passed ${passed} of these ` +
    'uses. Shown is the sum of what comes from all of them.', box, 'note');
}

// ---- The sentence of a step

function forwardSentence(record, i) {
  if (record.parameter)
    return `A Parameter: a value that is trained, recorded where it is first used. It is read by ` +
      `${listed(usersOf[i].map(nameOf)) || 'no record of this page'}.`;
  const inputs = listed(record.inputs.map(x => x.name));
  const variable = record.variable ? `, which the source calls ${record.variable}` : '';
  return `Forward: ${record.name} takes ${inputs} and makes ${record.output}${variable}.`;
}

function backwardSentence(record, i) {
  if (record.parameter)
    return 'Backward: all that has flowed back into this Parameter is its gradient, by which a ' +
      'training step moves it.';
  const gradients = record.inputs.filter(x => x.constant === undefined).map(x => 'd' + x.name);
  const constants = record.inputs.filter(x => x.constant !== undefined).map(x => x.name);
  const rest = constants.length ? ` No gradient goes to ${listed(constants)}: constant.` : '';
  return `Backward: d${record.output} has come together from all that used ${record.output}; ` +
    `${record.name} turns it into ${listed(gradients)}.${rest}`;
}

function showHead(record, i, forward, article) {
  element('h2', `${record.number} ${nameOf(i)} ${record.shape}`, article);
  element('p', forward ? forwardSentence(record, i) : backwardSentence(record, i), article);
  if (record.source) {
    const line = element('p', record.source + (record.line ? ' ' : ''), article, 'note');
    if (record.line) element('code', record.line, line).style.color = 'var(--ink)';
  }
  if (record.formula) {
    const formula = element('pre', record.formula, article);
    formula.setAttribute('aria-label', 'formula of the op and of its backward');
  }
}

// ---- The list and the graph

// Of record j, while record i is shown.
function classesOf(j, i, forward) {
  const later = j > i;
  const classes = [];
  if (records[j].parameter) classes.push('parameter');
  if (j === i) classes.push('current');
  if (inputsOf[i].includes(j)) classes.push('input');
  if (forward && later) classes.push('later');
  if (!forward && later && !records[j].parameter) classes.push('released');
  return classes;
}
const said = {
  parameter: 'a Parameter', current: 'shown', input: 'an input of what is shown',
  later: 'not made yet', released: 'backward has passed it: its op and gradient are released',
};

function showList(i, forward) {
  [...one('#list').children].forEach((item, j) => {
    const classes = classesOf(j, i, forward);
    const line = item.firstChild;
    line.className = classes.join(' ');
    const states = classes.map(name => said[name]).join('; ');
    line.title = states;
    const { number, shape } = records[j];
    const label = `${number} ${nameOf(j)} ${shape}`;
    line.setAttribute('aria-label', states ? `${label}; ${states}` : label);
    if (j === i) line.setAttribute('aria-current', 'step');
    else line.removeAttribute('aria-current');
  });
  scrollWithin(one('#list'), one('#list').children[i]);
}

// Not scrollIntoView, which moves the whole page, too.
function scrollWithin(box, child) {
  const top = child.offsetTop - box.offsetTop;
  if (top < box.scrollTop) box.scrollTop = top;
  const bottom = top + child.offsetHeight;
  if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
}

function show() {
  const { pass, i } = steps[current];
  const record = records[i];
  const forward = pass === 'forward';
  const article = one('article');
  const graph = one('#graph');
  const focusIn = [graph, article].find(box => box.contains(document.activeElement));
  const title = `${record.number} ${nameOf(i)} ${record.shape}`;
  one('#phase').textContent = `${pass}, step ${current + 1} of ${steps.length}: ${title}`;
  one('#slider').value = current;
  one('#slider').setAttribute('aria-valuetext', one('#phase').textContent);
  one('#other').disabled = !record.gradient;
  showList(i, forward);
  drawGraph(graph, i, forward, j => classesOf(j, i, forward).join(' '), nameOf, goToRecord);
  article.replaceChildren();
  showHead(record, i, forward, article);
  const cards = element('div', '', article, 'cards');
  if (forward) showForward(record, i, cards);
  else showBackward(record, i, cards);
  if (!backwardSteps.length)
    element('p', 'No gradients: backward has not run, or has released them. Keep::everything ' +
      'keeps them.', article, 'note');
  article.scrollTop = 0;
  // What had the focus is gone.
  if (focusIn === graph) graph.querySelector('.current')?.focus();
  if (focusIn === article) article.focus();
  history.replaceState(null, '', `#${pass[0]}${i}`);
}

// ---- From step to step

function go(step) {
  if (step < 0 || step >= steps.length) return;
  current = step;
  show();
}

function goToHash() {
  const step = steps.findIndex(s => location.hash === `#${s.pass[0]}${s.i}`);
  go(step < 0 ? firstOp : step);
}

// To record i, in the same pass if it has a step there.
function goToRecord(i) {
  const step = steps.findIndex(s => s.i === i && s.pass === steps[current].pass);
  go(step >= 0 ? step : i);
}

function goToOtherPass() {
  const { pass, i } = steps[current];
  go(steps.findIndex(s => s.i === i && s.pass !== pass));
}

const goToFirst = () => go(firstOp);
const goBack = () => go(current - 1);
const goOn = () => go(current + 1);
const goToLast = () => go(steps.length - 1);
const keys = {
  Home: goToFirst, ArrowLeft: goBack, ArrowRight: goOn, End: goToLast,
  b: goToOtherPass, B: goToOtherPass,
};

// In the list up and down go from entry to entry.
function moveInList(event) {
  const item = document.activeElement?.closest?.('#list li');
  const next = { ArrowUp: 'previousElementSibling', ArrowDown: 'nextElementSibling' }[event.key];
  const to = item && next ? item[next] : null;
  if (!to) return;
  event.preventDefault();
  to.firstChild.focus();
}

function makeList() {
  records.forEach((record, i) => {
    const line = element('button', '', element('li', '', one('#list')));
    element('span', String(record.number), line, 'number');
    element('span', nameOf(i), line, 'name');
    element('span', record.shape, line, 'shape');
    line.onclick = () => goToRecord(i);
  });
}

function fold(button, open) {
  button.setAttribute('aria-expanded', open);
  one('#' + button.getAttribute('aria-controls')).hidden = !open;
  if (open && records.length) show();
}

function showTokens() {
  const { names, count: all } = tape.tokens;
  if (!names.length) return;
  element('p', `The tokens at the ${count(all, 'position')}` +
    (names.length < all ? `, the first ${names.length}:` : ':'), one('#tokens'));
  const list = element('ol', '', one('#tokens'));
  names.forEach((name, i) => element('li', `${i} ${name}`, list));
}

function about() {
  const ops = records.filter(r => !r.parameter).length;
  const left = tape.count > records.length ? ` Shown are ${records.length} of ${tape.count}.` : '';
  return `The tape of one computation: ${count(ops, 'op')} in the order in which they ran, and ` +
    `the ${count(records.length - ops, 'Parameter')} that they use. Step forward through the ` +
    'ops; then backward, where each turns the gradient of its output into those of its inputs ' +
    `(backpropagation).${left}`;
}

document.title = tape.title;
one('h1').textContent = tape.title;
one('#about').textContent = about();
one('#note').textContent = tape.note;
makeList();
showTokens();
one('#slider').max = Math.max(0, steps.length - 1);
one('#slider').oninput = event => go(Number(event.target.value));
one('#first').onclick = goToFirst;
one('#back').onclick = goBack;
one('#next').onclick = goOn;
one('#last').onclick = goToLast;
one('#other').onclick = goToOtherPass;
const folds = [...document.querySelectorAll('.fold')];
folds.forEach(button => {
  button.onclick = () => fold(button, button.getAttribute('aria-expanded') === 'false');
});
if (matchMedia('(max-width: 760px)').matches) folds.forEach(button => fold(button, false));
addEventListener('hashchange', goToHash);
addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  moveInList(event);
  const action = keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
if (records.length) goToHash();
else element('p', 'An empty tape.', one('article'), 'note');
