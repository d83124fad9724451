// Exercise 4b. Two differences are better than one
//
// After lesson 4. About 20 minutes.
//
// The central difference with the step h is wrong by a series of even powers of h:
//
//     D(h) = (f(x + h) - f(x - h)) / (2 h)
//     D(h) = f'(x) + c_2 h^2 + c_4 h^4 + c_6 h^6 + ...
//
// where the numbers c are unknown, but the same for every h. So are two of these enough to be rid
// of $c_2$: combine $D(h)$ and $D(h // 2)$ so that f' stays and the term with $h^2$ cancels
// (Richardson 1911). Then go one step further: combine two such results, for h and for $h // 2$, so
// that the term with $h^4$ cancels as well.
//
// Run it: sh examples/exercises/run.sh 04b
#include <functional>

using Function = std::function<double(double)>;

double difference(const Function& f, double x, double h) { return (f(x + h) - f(x - h)) / (2 * h); }

// f'(x), wrong by a multiple of h^4: of the differences with steps h and h / 2.
double extrapolated(const Function& f, double x, double h) {
    // YOUR CODE
    return 0;
}

// f'(x), wrong by a multiple of h^6: of extrapolated(f, x, h) and extrapolated(f, x, h / 2).
double extrapolated_twice(const Function& f, double x, double h) {
    // YOUR CODE
    return 0;
}
