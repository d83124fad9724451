// probe
#include <cmath>
#include <cstdlib>
#include <iomanip>

#include "core/clip.hpp"
#include "examples/lessons/claim.hpp"
#include "nn/adam.hpp"
#include "nn/linear.hpp"

using namespace taper;
using lessons::claim;

struct Spirals { Array<double> x; Ids y; };
static Spirals spirals(double from, std::size_t each) {
    Spirals s{empty<double>({2*each, 2}), empty<std::int64_t>({2*each})};
    for (std::size_t i = 0; i < each; ++i) {
        const double t = from + static_cast<double>(i), a = t * std::acos(-1.0)/16, r = (104 - t)/104;
        for (std::size_t c = 0; c < 2; ++c) {
            const double sign = c ? -1 : 1;
            s.x(2*i+c, 0) = sign * r * std::sin(a), s.x(2*i+c, 1) = sign * r * std::cos(a), s.y(2*i+c) = static_cast<std::int64_t>(c);
        }
    }
    return s;
}
int which = 0;
template <class T> struct Net {
    nn::Linear<T> a, b, c, d;
    Net(std::uint64_t seed, std::size_t w, double scale) : a("a", 2, w, seed), b("b", w, w, seed), c("c", w, w, seed), d("d", w, 2, seed) {
        if (scale > 0) {
            for (auto* l : {&a,&b,&c,&d}) l->weight.mutable_value() *= static_cast<T>(scale / (nn::weight_deviation * std::sqrt(double(l->weight.shape()[1]))));
            a.bias.mutable_value() = normal<T>(Random(seed, "bias"), {w}, scale);
        }
    }
    Var<T> act(const Var<T>& x) const { return which == 0 ? tanh(x) : which == 1 ? gelu(x) : relu(x); }
    Var<T> operator()(const Var<T>& x) const { return d(act(c(act(b(act(a(x))))))); }
    nn::Parameters<T> list() { nn::Parameters<T> all; for (auto* l : {&a,&b,&c,&d}) l->list(all); return all; }
};
template <class T> double accuracy(const Array<T>& logits, const Ids& y) {
    double r = 0;
    for (std::size_t i = 0; i < y.size(); ++i) r += (logits(i,1) > logits(i,0)) == (y(i)==1);
    return r/double(y.size());
}
int main(int, char** v) {
    using T = float;
    which = atoi(v[1]); const std::size_t w = std::strtoul(v[2],0,0); const double scale = atof(v[3]), lr = atof(v[4]); const int steps = atoi(v[5]);
    const auto train = spirals(0, 97), fresh = spirals(0.5, 96);
    const auto X = converted<T>(train.x), F = converted<T>(fresh.x);
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Net<T> net(seed, w, scale);
        nn::Adam<T> adam(net.list());
        for (int s = 0; s <= steps; ++s) {
            Tape<T> tape;
            const Var<T> logits = net(X);
            const Var<T> loss = cross_entropy(logits, train.y);
            if (s % (steps/5) == 0) std::cout << "  " << s << " " << loss.item() << " " << accuracy<T>(logits.value(), train.y) << " " << accuracy<T>(net(F).value(), fresh.y) << "\n";
            tape.backward(loss);
            clip_gradients(net.list(), 1.0);
            adam.step(lr * (1 - double(s)/(steps+1)));
        }
        std::cout << "\n";
    }
}
