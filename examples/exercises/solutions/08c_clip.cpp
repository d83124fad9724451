// The model answer to exercise 8c, clipping by the global norm
//
// One factor for all arrays: the gradient of the whole model is one long vector, which becomes
// shorter and keeps its direction. If each array were clipped by itself, the ratio of their lengths
// would change, and with it the direction. A gradient of zeros is below every limit, so nothing is
// divided by 0.
#include <cmath>
#include <vector>

double clip(std::vector<std::vector<double>>& gradients, double limit) {
    double squares = 0;
    for (const std::vector<double>& gradient : gradients)
        for (const double g : gradient) squares += g * g;
    const double norm = std::sqrt(squares);
    if (norm > limit)
        for (std::vector<double>& gradient : gradients)
            for (double& g : gradient) g *= limit / norm;
    return norm;
}
