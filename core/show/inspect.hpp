// A tape to look at: as a table, as a graph, as a page to step through.
//
//     Tape<double> tape;
//     const Var<double> loss = ...;
//     tape.backward(loss, Keep::everything);          // else the gradients are gone
//     std::cout << as_table(tape);
//     std::ofstream("tape.html") << as_page(tape);    // open it in a browser
//
// A tape holds an output only while some op's backward, or the caller, needs it: others are shown
// as released.
//
// Where the source of the program can be read, and has not changed since it was built, an op has
// the name of the variable that took its value: "scores = matmul" of the line
// `const Var<double> scores = matmul(Q, K);` (core/show/variables.hpp).
//
// A Parameter's name may hold anything. Control characters and what is no UTF-8 are shown as \n, \t
// or \xFF. Of a long name the first letters are shown, 40 in the table and the graph and 200 on the
// page. Numbers are written alike in every locale.
#pragma once

#include <string>
#include <vector>

#include "core/engine/tape.hpp"

namespace taper {

// A table with a line for each record: its number, op (or Parameter), the numbers of its inputs,
// "const" for a constant, its shape, the norms (root of the sum of squares) of its value and
// gradient, and its source line. "-" stands for what is released or was not computed.
template <class T> std::string as_table(const Tape<T>& tape);

// The same as a graph in the language of Graphviz: `dot -Tsvg tape.dot -o tape.svg` draws it.
template <class T> std::string as_dot(const Tape<T>& tape);

// What stands at the positions of the one sequence that a tape was recorded of.
struct PageTokens {
    std::vector<std::string> names;  // of the positions 0, 1, ...; none: their numbers
    // false: the keys of the op attention are slots, into which positions were projected
    bool keys_are_positions = true;
};

// The tape as one HTML file, which needs no other file and no network. It goes forward op by op,
// and back again, beside a list of the records and a drawing of their graph. Each op has its
// formula, its source line, and the arrays of the formula under the formula's names, as heat maps,
// or as numbers where they are few; attention has P, too (Op::intermediates), while its op is kept.
// A large array shows the first 64 rows and columns of its first 8 matrices. The page is bounded,
// and says where it leaves something out: of more than 1000 records it has the first and the last
// 500, and where all arrays together would show more than 2,000,000 numbers it shows less of each.
template <class T>
std::string as_page(const Tape<T>& tape, const std::string& title = "tape",
                    const PageTokens& tokens = {});

}  // namespace taper
