// The model answer to exercise 24a, dual numbers
//
// The product is multiplied out, and $epsi^2$ is 0:
//
//     (a + b epsi) (c + d epsi) = a c + (a d + b c) epsi
//
// With the pencil: $15 + 31 epsi$. For the quotient let $q + r epsi$ be what is looked for:
//
//     (q + r epsi) (c + d epsi) = a + b epsi
//     q c = a
//     q d + r c = b
//     r = (b - q d) / c
//
// which is $(b c - a d) / c^2$, the quotient rule. The exponential is its own
// derivative, and that of the logarithm is 1 / a; both times b.
#include <cmath>

struct Dual {
    double a, b;  // a + b eps
};

Dual product(Dual x, Dual y) { return {x.a * y.a, x.a * y.b + x.b * y.a}; }

Dual quotient(Dual x, Dual y) {
    const double q = x.a / y.a;
    return {q, (x.b - q * y.b) / y.a};
}

Dual exponential(Dual x) { return {std::exp(x.a), std::exp(x.a) * x.b}; }

Dual logarithm(Dual x) { return {std::log(x.a), x.b / x.a}; }
