// The model answer to exercise 25a, a logarithm that does not burst
//
// First without the quotient: $ln p = -ln(1 + e^(-z))$. For z above 0 the $e^(-z)$ is at most 1,
// and `log1p` keeps it where 1 + x would lose it. For z below 0 it overflows, so $e^(-z)$ is taken
// out:
//
//     ln(1 + e^(-z)) = ln(e^(-z) (e^z + 1)) = -z + ln(1 + e^z)
//     ln p = z - ln(1 + e^z)
//
// where $e^z$ is below 1. The derivative is 1 - p:
//
//     (d ln p) / (d z) = e^(-z) / (1 + e^(-z)) = 1 / (1 + e^z)
//
// The middle form is inf / inf at z = -1000. 1 - p loses its digits at z = 40, where p is rounded
// to 1. The last form is right for all z: $e^z$ may become infinite, and 1 / inf is 0.
#include <cmath>

double log_of_sigmoid(double z) {
    if (z >= 0) return -std::log1p(std::exp(-z));
    return z - std::log1p(std::exp(z));
}

double log_of_sigmoid_dz(double z) { return 1 / (1 + std::exp(z)); }
