// The model answer to exercise 4b, Richardson's extrapolation
//
// Half the step has a quarter of the error in $h^2$:
//
//     D(h) = f' + c_2 h^2 + c_4 h^4 + ...
//     4 D(h // 2) = 4 f' + c_2 h^2 + c_4 h^4 // 4 + ...
//
// The difference of both is $3 f'$ and has no $h^2$ any more:
//
//     R(h) = (4 D(h // 2) - D(h)) / 3 = f' - c_4 h^4 // 4 + ...
//
// With R half the step has a sixteenth of the error, so the same once more is
//
//     (16 R(h // 2) - R(h)) / 15
#include <functional>

using Function = std::function<double(double)>;

static double difference(const Function& f, double x, double h) {
    return (f(x + h) - f(x - h)) / (2 * h);
}

double extrapolated(const Function& f, double x, double h) {
    return (4 * difference(f, x, h / 2) - difference(f, x, h)) / 3;
}

double extrapolated_twice(const Function& f, double x, double h) {
    return (16 * extrapolated(f, x, h / 2) - extrapolated(f, x, h)) / 15;
}
