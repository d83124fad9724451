// A tape to look at: as a table, as a graph, as a page to step through.
//
//     Tape<double> tape;
//     const Var<double> loss = ...;
//     tape.backward(loss, Keep::everything);          // else the gradients are gone
//     std::cout << as_table(tape);
//     std::ofstream("tape.html") << as_page(tape);    // open it in a browser
//
// A tape holds an output only while some op's backward, or the caller, needs it: others are shown as released.
#pragma once

#include <string>

#include "core/tape.hpp"

namespace taper {

// A line for each record: its number, op (or Parameter), the numbers of its inputs, shape, the norms (root of the sum of
// squares) of its value and gradient, source line. "-": released, or not computed.
template <class T> std::string as_table(const Tape<T>& tape);

// The same as a graph in the language of Graphviz: `dot -Tsvg tape.dot -o tape.svg` draws it.
template <class T> std::string as_dot(const Tape<T>& tape);

// One HTML file that needs no other and no network: forward op by op, and back again, each with its formula, its source line,
// shapes, and value and gradient as heat maps, or as numbers where they are few. Of large arrays the first 64 rows and columns
// of the first 8 matrices.
template <class T> std::string as_page(const Tape<T>& tape, const std::string& title = "tape");

}  // namespace taper
