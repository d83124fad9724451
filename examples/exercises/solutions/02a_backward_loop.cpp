// The model answer to exercise 2a, the loop of backpropagation
//
// Who reads a record stands behind it on the tape. So a loop from `y` to the front comes to a
// record only when all its readers have added their share, and its gradient is complete. Each
// record then hands its gradient on, times the slope, to each of its inputs. `+=` makes the sum
// over the readers: also over two uses by the same one. Records behind `y` are never visited and
// keep 0. A record before it that `y` was not made of has 0 as well, and is passed over.
#include <cstddef>
#include <vector>

std::vector<double> backward(const std::vector<std::vector<std::size_t>>& inputs,
                             const std::vector<std::vector<double>>& slopes, std::size_t y) {
    std::vector<double> gradient(inputs.size(), 0.0);
    gradient[y] = 1;
    for (std::size_t i = y + 1; i-- > 0;) {
        if (gradient[i] == 0) continue;
        for (std::size_t j = 0; j < inputs[i].size(); ++j)
            gradient[inputs[i][j]] += gradient[i] * slopes[i][j];
    }
    return gradient;
}
