// The check of exercise 15a: twelve numbers by hand, then taper's split_heads and merge_heads.
#include <array>
#include <vector>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> heads_of(const Array<double>& x, std::size_t h);
Array<double> columns_of(const Array<double>& heads);
std::size_t came_from(std::size_t i, std::size_t n, std::size_t h, std::size_t d_h);

static Array<double> counted(const Shape& shape) {  // 0, 1, 2, ...
    Array<double> x = zeros<double>(shape);
    for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<double>(i);
    return x;
}
static Array<double> array(const Shape& shape, const std::vector<double>& numbers) {
    Array<double> x = zeros<double>(shape);
    for (std::size_t i = 0; i < numbers.size(); ++i) x.data()[i] = numbers[i];
    return x;
}

static void with_a_pencil(Check& check) {
    check.with("x (1,3,4) {{{0,1,2,3},{4,5,6,7},{8,9,10,11}}}, h = 2");
    const Array<double> x = counted({1, 3, 4});
    const Array<double> heads = array({1, 2, 3, 2}, {0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11});
    check.compare("the heads", heads_of(x, 2), heads,
                  {{counted({1, 2, 3, 2}),
                    "That is x in the same order. Head 0 has a part of each position."},
                   {array({1, 2, 3, 2}, {0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}),
                    "There head 0 has every second column. Its columns stand side by side."},
                   {array({1, 2, 3, 2}, {0, 1, 4, 5, 8, 9, 0, 1, 4, 5, 8, 9}),
                    "That is head 0 twice. Where do the columns of head 1 begin?"},
                   {array({1, 2, 3, 2}, {0, 1, 4, 5, 8, 9, 1, 2, 5, 6, 9, 10}),
                    "There head 1 begins at column 1. Head 0 has two columns."}});
    check.compare("joined again", columns_of(heads), x,
                  {{array({1, 3, 4}, {0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11}),
                    "That is the heads in the same order, which is no row of x."},
                   {array({1, 3, 4}, {0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11}),
                    "There the heads take turns. The columns of a head stand side by side."}});
}

static std::vector<double> numbers_of(std::size_t size, std::size_t n, std::size_t h,
                                      std::size_t d_h) {
    std::vector<double> numbers;
    for (std::size_t i = 0; i < size; ++i)
        numbers.push_back(static_cast<double>(came_from(i, n, h, d_h)));
    return numbers;
}
static std::vector<double> entries(const Array<double>& x) { return {x.begin(), x.end()}; }

static void numbers_in_memory(Check& check) {
    check.with("n = 3, h = 2, d_h = 2: i = 0 to 11");
    check.compare("came from", numbers_of(12, 3, 2, 2),
                  std::vector<double>{0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11},
                  {{entries(counted({12})), "That is i itself: nothing moves."},
                   {std::vector<double>{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11},
                    "That is where entry i of x goes to. Where does entry i of the heads come "
                    "from?"}});
    check.with("the same, a second text behind the first: i = 0 to 23");
    check.compare("came from", numbers_of(24, 3, 2, 2),
                  std::vector<double>{0,  1,  4,  5,  8,  9,  2,  3,  6,  7,  10, 11,
                                      12, 13, 16, 17, 20, 21, 14, 15, 18, 19, 22, 23},
                  {{std::vector<double>{0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11,
                                        0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11},
                    "There the second text begins at number 0 again."}});
}

static void as_the_ops(Check& check) {
    for (const auto& [B, n, h, d_h] : std::vector<std::array<std::size_t, 4>>{
             {2, 3, 2, 4}, {3, 2, 4, 1}, {2, 5, 1, 3}, {1, 1, 3, 2}, {2, 4, 3, 2}}) {
        const Array<double> x = counted({B, n, h * d_h});
        const Array<double> heads = split_heads<double>(x, h).value();
        check.with("x " + to_string(x.shape()) + ", h = " + std::to_string(h));
        check.compare("the heads", heads_of(x, h), heads);
        check.compare("joined again", columns_of(heads), x);
        check.compare("came from", numbers_of(x.size(), n, h, d_h), entries(heads));
    }
}

int main() { return exercises::run("15a_heads", {with_a_pencil, numbers_in_memory, as_the_ops}); }
