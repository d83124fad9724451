// The model answer to exercise 4a, the central difference and its step
//
// Taylor's series on both sides of x:
//
//     f(x + h) = f(x) + h f'(x) + h^2 // 2 f''(x) + h^3 // 6 f'''(x) + ...
//     f(x - h) = f(x) - h f'(x) + h^2 // 2 f''(x) - h^3 // 6 f'''(x) + ...
//
// In the difference the even powers cancel, so the error is $h^2 f''' // 6$. With the rounding of f
// the whole error is about $h^2 // 6 + epsi // h$. Its derivative by h is 0 where
// $h^3 = 3 epsi$; with $epsi ~~ 10^(-16)$ this is h near $10^(-5)$, and an error near
// $10^(-11)$. With x the step grows as `max(1, |x|)`.
#include <algorithm>
#include <cmath>
#include <functional>

double central_difference(const std::function<double(double)>& f, double x) {
    const double h = 1e-5 * std::max(1.0, std::abs(x));
    return (f(x + h) - f(x - h)) / (2 * h);
}
