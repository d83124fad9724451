// Exercise 5b. Which cotangent sees the mistake?
//
// After lesson 5. About 15 minutes.
//
// Three ops of three numbers, `x` to `y`. The backward pass of each has a mistake:
//
// - centre: $y_i = x_i - m$, where m is the mean of x. The right backward is $dx_i = dy_i - a$,
//   where a is the mean of dy; it was written as $dx_i = dy_i - dy_0$.
// - raise: $y_i = x_i + m$. The right backward is $dx_i = dy_i + a$; it was written as
//   $dx_i = dy_i$.
// - turn: $y = (x_2, x_1, x_0)$. The right backward is $dx = (dy_2, dy_1, dy_0)$; it was written as
//   $dx = dy$.
//
// A gradient check compares `dx` with differences for one cotangent `dy`. Where the wrong `dx`
// happens to be the right one, it sees nothing. For each op give a cotangent with which the mistake
// stays hidden; not all of it may be 0. Then give one with which all three are seen.
//
// Run it: sh examples/exercises/run.sh 05b
#include <map>
#include <string>
#include <vector>

std::map<std::string, std::vector<double>> cotangents() {
    // YOUR CODE: other numbers
    return {
        {"hides centre", {0, 0, 0}},
        {"hides raise", {0, 0, 0}},
        {"hides turn", {0, 0, 0}},
        {"shows all", {0, 0, 0}},
    };
}
