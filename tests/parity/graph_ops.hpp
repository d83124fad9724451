// The ops by their names, for graph_runner.cpp: each takes the inputs and arguments of a step.
// graphs.py compares the names with those of core/ops.hpp.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/io/safetensors.hpp"
#include "core/ops.hpp"

namespace taper::tests {

using nlohmann::json;

// The inputs and arguments of one op.
template <class T> struct Step {
    std::vector<Var<T>> x;
    const json& arguments;
    const TensorFile& file;

    template <class A> A get(const char* name) const {
        return arguments.at(name).template get<A>();
    }
    int axis() const { return get<int>("axis"); }
    Axes axes() const { return get<std::vector<int>>("axes"); }
    KeepDims keep() const { return get<bool>("keep") ? KeepDims::yes : KeepDims::no; }
    double number(const char* name) const { return get<double>(name); }
    std::ptrdiff_t offset(const char* name) const { return get<std::ptrdiff_t>(name); }
    std::size_t size(const char* name) const { return get<std::size_t>(name); }
    Ids ids(const char* name) const { return file.get<std::int64_t>(get<std::string>(name)); }
    Mask mask(const char* name) const {
        return converted<bool>(file.get<std::uint8_t>(get<std::string>(name)));
    }
    std::optional<Mask> optional_mask(const char* name) const {
        if (!arguments.contains(name)) return std::nullopt;
        return mask(name);
    }
    Shape shape() const {
        const auto extents = get<std::vector<std::size_t>>("shape");
        return Shape(extents.begin(), extents.end());
    }
    Transposed transposed() const {
        return {.transpose_a = get<bool>("transpose_a"), .transpose_b = get<bool>("transpose_b")};
    }
    Range range() const {
        Range range{.begin = get<std::ptrdiff_t>("begin"), .step = get<std::ptrdiff_t>("step")};
        if (!arguments.at("end").is_null()) range.end = get<std::ptrdiff_t>("end");
        return range;
    }
    Random random() const {
        return Random(get<std::uint64_t>("seed"), get<std::string>("stream"),
                      get<std::uint32_t>("number"));
    }
    AttentionOptions attention() const {
        return {
            .heads = size("heads"), .causal = get<bool>("causal"), .live = optional_mask("live")};
    }
    CausalOptions causal() const {
        return {.heads = size("heads"),
                .window = size("window"),
                .real = optional_mask("real"),
                .chunk = size("chunk")};
    }
};

template <class T> using Call = std::function<Var<T>(const Step<T>&)>;

template <class T> std::map<std::string, Call<T>> elementwise_ops() {
    using S = Step<T>;
    return {
        {"add", [](const S& s) { return add(s.x[0], s.x[1]); }},
        {"sub", [](const S& s) { return sub(s.x[0], s.x[1]); }},
        {"mul", [](const S& s) { return mul(s.x[0], s.x[1]); }},
        {"div", [](const S& s) { return div(s.x[0], s.x[1]); }},
        {"pow", [](const S& s) { return pow(s.x[0], s.x[1]); }},
        {"maximum", [](const S& s) { return maximum(s.x[0], s.x[1]); }},
        {"minimum", [](const S& s) { return minimum(s.x[0], s.x[1]); }},
        {"select", [](const S& s) { return select(s.mask("mask"), s.x[0], s.x[1]); }},
        {"neg", [](const S& s) { return neg(s.x[0]); }},
        {"exp", [](const S& s) { return exp(s.x[0]); }},
        {"log", [](const S& s) { return log(s.x[0]); }},
        {"sqrt", [](const S& s) { return sqrt(s.x[0]); }},
        {"tanh", [](const S& s) { return tanh(s.x[0]); }},
        {"erf", [](const S& s) { return erf(s.x[0]); }},
        {"relu", [](const S& s) { return relu(s.x[0]); }},
        {"gelu", [](const S& s) { return gelu(s.x[0]); }},
        {"composed::gelu", [](const S& s) { return composed::gelu(s.x[0]); }},
        {"sigmoid", [](const S& s) { return sigmoid(s.x[0]); }},
        {"softplus", [](const S& s) { return softplus(s.x[0]); }},
        {"abs", [](const S& s) { return abs(s.x[0]); }},
        {"square", [](const S& s) { return square(s.x[0]); }},
        {"expm1", [](const S& s) { return expm1(s.x[0]); }},
        {"log1p", [](const S& s) { return log1p(s.x[0]); }},
        {"sin", [](const S& s) { return sin(s.x[0]); }},
        {"cos", [](const S& s) { return cos(s.x[0]); }},
        {"clamp", [](const S& s) { return clamp(s.x[0], s.number("low"), s.number("high")); }},
        {"dropout", [](const S& s) { return dropout(s.x[0], s.number("p"), s.random()); }},
        {"detach", [](const S& s) { return s.x[0].detach(); }},
    };
}

template <class T> std::map<std::string, Call<T>> shape_ops() {
    using S = Step<T>;
    return {
        {"sum", [](const S& s) { return sum(s.x[0], s.axes(), s.keep()); }},
        {"mean", [](const S& s) { return mean(s.x[0], s.axes(), s.keep()); }},
        {"max", [](const S& s) { return max(s.x[0], s.axes(), s.keep()); }},
        {"logsumexp", [](const S& s) { return logsumexp(s.x[0], s.axes(), s.keep()); }},
        {"norm", [](const S& s) { return norm(s.x[0], s.axes(), s.keep()); }},
        {"variance", [](const S& s) { return variance(s.x[0], s.axes(), s.keep()); }},
        {"cumsum", [](const S& s) { return cumsum(s.x[0], s.axis()); }},
        {"flip", [](const S& s) { return flip(s.x[0], s.axis()); }},
        {"pad",
         [](const S& s) {
             return pad(s.x[0], s.axis(), s.offset("before"), s.offset("after"), s.number("value"));
         }},
        {"gather", [](const S& s) { return gather(s.x[0], s.axis(), s.ids("ids")); }},
        {"reshape",
         [](const S& s) { return reshape(s.x[0], s.template get<std::vector<int>>("shape")); }},
        {"transpose", [](const S& s) { return transpose(s.x[0], s.axes()); }},
        {"broadcast_to", [](const S& s) { return broadcast_to(s.x[0], s.shape()); }},
        {"slice", [](const S& s) { return slice(s.x[0], s.axis(), s.range()); }},
        {"concat", [](const S& s) { return concat(s.x, s.axis()); }},
        {"stack", [](const S& s) { return stack(s.x, s.axis()); }},
        {"split_heads", [](const S& s) { return split_heads(s.x[0], s.size("heads")); }},
        {"merge_heads", [](const S& s) { return merge_heads(s.x[0]); }},
        {"embedding", [](const S& s) { return embedding(s.x[0], s.ids("ids")); }},
    };
}

template <class T> std::map<std::string, Call<T>> layer_ops() {
    using S = Step<T>;
    return {
        {"matmul", [](const S& s) { return matmul(s.x[0], s.x[1], s.transposed()); }},
        {"linear", [](const S& s) { return linear(s.x[0], s.x[1], s.x[2]); }},
        {"composed::linear", [](const S& s) { return composed::linear(s.x[0], s.x[1], s.x[2]); }},
        {"feed_forward",
         [](const S& s) { return feed_forward(s.x[0], s.x[1], s.x[2], s.x[3], s.x[4]); }},
        {"composed::feed_forward",
         [](const S& s) { return composed::feed_forward(s.x[0], s.x[1], s.x[2], s.x[3], s.x[4]); }},
        {"softmax", [](const S& s) { return softmax(s.x[0], s.axis()); }},
        {"composed::softmax", [](const S& s) { return composed::softmax(s.x[0], s.axis()); }},
        {"log_softmax", [](const S& s) { return log_softmax(s.x[0], s.axis()); }},
        {"composed::log_softmax",
         [](const S& s) { return composed::log_softmax(s.x[0], s.axis()); }},
        {"layer_norm",
         [](const S& s) { return layer_norm(s.x[0], s.x[1], s.x[2], s.number("eps")); }},
        {"composed::layer_norm",
         [](const S& s) { return composed::layer_norm(s.x[0], s.x[1], s.x[2], s.number("eps")); }},
        {"cross_entropy", [](const S& s) { return cross_entropy(s.x[0], s.ids("targets")); }},
        {"composed::cross_entropy",
         [](const S& s) { return composed::cross_entropy(s.x[0], s.ids("targets")); }},
        {"attention", [](const S& s) { return attention(s.x[0], s.x[1], s.x[2], s.attention()); }},
        {"composed::attention",
         [](const S& s) { return composed::attention(s.x[0], s.x[1], s.x[2], s.attention()); }},
        {"causal_attention",
         [](const S& s) {
             return causal_attention(s.x[0], s.x[1], s.x[2], s.x[3], s.x[4], s.causal());
         }},
        {"composed::causal_attention",
         [](const S& s) {
             return composed::causal_attention(s.x[0], s.x[1], s.x[2], s.x[3], s.x[4], s.causal());
         }},
    };
}

template <class T> const std::map<std::string, Call<T>>& ops() {
    static const auto all = [] {
        auto table = elementwise_ops<T>();
        table.merge(shape_ops<T>());
        table.merge(layer_ops<T>());
        return table;
    }();
    return all;
}

}  // namespace taper::tests
