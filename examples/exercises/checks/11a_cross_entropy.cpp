// The check of exercise 11a: probabilities one can see, logits that overflow, taper's op.
#include <cmath>
#include <limits>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

double cross_entropy_loss(const Array<double>& logits, const Ids& targets);

static void with_a_pencil(Check& check) {
    const double l2 = std::log(2), l5 = std::log(5);
    check.with("logits {{0, ln 2, ln 5}}, so p is {1/8, 1/4, 5/8}, target 1");
    check.compare("L", cross_entropy_loss({{0, l2, l5}}, {1}), std::log(4),
                  {{-std::log(4), "A loss is -ln p: above 0."},
                   {0.25, "That is p. The loss is -ln p."},
                   {2, "That is in bits: the logarithm is the natural one."},
                   {std::log(8), "That is ln of the sum: token 0 has it. Where is the target?"}});
    check.with("the same row and {{0,0,0}}, targets {1,0}");
    check.compare("L", cross_entropy_loss({{0, l2, l5}, {0, 0, 0}}, {1, 0}),
                  (std::log(4) + std::log(3)) / 2,
                  {{std::log(12), "That is the sum over the rows. L is the mean."},
                   {std::log(3), "That is the last row alone."},
                   {std::log(12) / 6, "That is a mean over all logits. It is one over rows."}});
}

static void large_logits(Check& check) {
    const double infinity = std::numeric_limits<double>::infinity();
    check.with("logits {{0,2000,1000}}, target 0");
    check.compare("L", cross_entropy_loss({{0, 2000, 1000}}, {0}), 2000,
                  {{infinity, "p is 0 here, or e^2000 infinite. Never compute either."},
                   {std::nan(""), "e^2000 is infinite: take the largest logit out of the sum."}});
    check.with("logits {{-2000,-2000}}, target 1");
    check.compare("L", cross_entropy_loss({{-2000, -2000}}, {1}), std::log(2),
                  {{infinity, "The largest logit of a row may be below 0."},
                   {-infinity, "The largest logit of a row may be below 0."}});
    check.with("logits {{1000,1001},{-1000,-1001}}, targets {0,0}");
    check.compare("L", cross_entropy_loss({{1000, 1001}, {-1000, -1001}}, {0, 0}),
                  (std::log1p(std::exp(1.0)) + std::log1p(std::exp(-1.0))) / 2,
                  {{infinity, "Each row has its own largest logit."}});
}

static void as_the_op(Check& check) {
    for (const Shape& shape : {Shape{4, 5}, Shape{1, 3}, Shape{3, 1}, Shape{6, 2}}) {
        const auto logits = normal<double>(Random(1, "logits"), shape, 3);
        Ids targets = empty<std::int64_t>({shape[0]});
        for (std::size_t i = 0; i < shape[0]; ++i)
            targets(i) = static_cast<std::int64_t>((2 * i + 1) % shape[1]);
        check.with("logits " + to_string(shape));
        check.compare("L", cross_entropy_loss(logits, targets),
                      cross_entropy<double>(logits, targets).item());
    }
}

int main() { return exercises::run("11a_cross_entropy", {with_a_pencil, large_logits, as_the_op}); }
