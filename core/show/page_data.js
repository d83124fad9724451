// The records, and elements of the page: what page_graph.js and page.js share.

const tape = JSON.parse(document.getElementById('data').textContent);
const records = tape.records;

const one = query => document.querySelector(query);

function element(tag, text, parent, className) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (className) made.className = className;
  if (parent) parent.append(made);
  return made;
}

// "scores = matmul", as the source has it; of a Parameter its name.
const nameOf = i => (records[i].variable ? records[i].variable + ' = ' : '') + records[i].name;
const count = (n, thing) => `${n} ${thing}${n === 1 ? '' : 's'}`;
