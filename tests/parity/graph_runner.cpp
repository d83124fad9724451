// Runs graphs of ops that a file describes and writes every value and gradient: what graphs.py compares with other engines.
//     graph_runner GRAPHS.json TENSORS.safetensors OUT.safetensors double|float THREADS everything|nothing
//     graph_runner                       prints the names of the ops it knows, one a line
// GRAPHS.json is a list of graphs. Nodes are numbered: leaves first, then steps in their order.
//     {"name": "7", "leaves": ["parameter" | "frozen" | "constant", ...],
//      "steps": [{"op": "softmax", "inputs": [0], "arguments": {"axis": -1}}, ...],
//      "outputs": [2, 3],                 their cotangents are given
//      "passes": "one" | "each",          backward once from sum_i <dy_i, y_i>, or once from each output
//      "inner": [2, 3]}                   steps whose gradient of the last pass is wanted
// TENSORS: "7/leaf/0", "7/cotangent/2", and what an argument names: "7/ids/3". OUT: "7/value/2", "7/gradient/0".
// The last argument is what the tape keeps; with nothing, values of outputs and gradients of Parameters alone are written.
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/ops.hpp"
#include "core/parallel.hpp"
#include "core/safetensors.hpp"

namespace taper::tests {

using nlohmann::json;

// The inputs and arguments of one op.
template <class T> struct Step {
    std::vector<Var<T>> x;
    const json& arguments;
    const TensorFile& file;

    template <class A> A get(const char* name) const { return arguments.at(name).template get<A>(); }
    int axis() const { return get<int>("axis"); }
    Axes axes() const { return get<Axes>("axes"); }
    KeepDims keep() const { return get<bool>("keep") ? KeepDims::yes : KeepDims::no; }
    T number(const char* name) const { return static_cast<T>(get<double>(name)); }
    std::size_t size(const char* name) const { return get<std::size_t>(name); }
    Ids ids(const char* name) const { return file.get<std::int64_t>(get<std::string>(name)); }
    Mask mask(const char* name) const { return converted<bool>(file.get<std::uint8_t>(get<std::string>(name))); }
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
        return Random(get<std::uint64_t>("seed"), get<std::string>("stream"), get<std::uint32_t>("number"));
    }
    AttentionOptions attention() const {
        return {.heads = size("heads"), .causal = get<bool>("causal"), .live = optional_mask("live")};
    }
    CausalOptions causal() const {
        return {
            .heads = size("heads"), .window = size("window"), .real = optional_mask("real"), .chunk = size("chunk")};
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
        {"dropout", [](const S& s) { return dropout(s.x[0], s.template get<double>("p"), s.random()); }},
        {"detach", [](const S& s) { return s.x[0].detach(); }},
    };
}

template <class T> std::map<std::string, Call<T>> shape_ops() {
    using S = Step<T>;
    return {
        {"sum", [](const S& s) { return sum(s.x[0], s.axes(), s.keep()); }},
        {"mean", [](const S& s) { return mean(s.x[0], s.axes(), s.keep()); }},
        {"max", [](const S& s) { return max(s.x[0], s.axes(), s.keep()); }},
        {"reshape", [](const S& s) { return reshape(s.x[0], s.template get<std::vector<int>>("shape")); }},
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
        {"feed_forward", [](const S& s) { return feed_forward(s.x[0], s.x[1], s.x[2], s.x[3], s.x[4]); }},
        {"composed::feed_forward",
         [](const S& s) { return composed::feed_forward(s.x[0], s.x[1], s.x[2], s.x[3], s.x[4]); }},
        {"softmax", [](const S& s) { return softmax(s.x[0], s.axis()); }},
        {"composed::softmax", [](const S& s) { return composed::softmax(s.x[0], s.axis()); }},
        {"log_softmax", [](const S& s) { return log_softmax(s.x[0], s.axis()); }},
        {"composed::log_softmax", [](const S& s) { return composed::log_softmax(s.x[0], s.axis()); }},
        {"layer_norm", [](const S& s) { return layer_norm(s.x[0], s.x[1], s.x[2], s.template get<double>("eps")); }},
        {"composed::layer_norm",
         [](const S& s) { return composed::layer_norm(s.x[0], s.x[1], s.x[2], s.template get<double>("eps")); }},
        {"cross_entropy", [](const S& s) { return cross_entropy(s.x[0], s.ids("targets")); }},
        {"composed::cross_entropy", [](const S& s) { return composed::cross_entropy(s.x[0], s.ids("targets")); }},
        {"attention", [](const S& s) { return attention(s.x[0], s.x[1], s.x[2], s.attention()); }},
        {"composed::attention", [](const S& s) { return composed::attention(s.x[0], s.x[1], s.x[2], s.attention()); }},
        {"causal_attention",
         [](const S& s) { return causal_attention(s.x[0], s.x[1], s.x[2], s.x[3], s.x[4], s.causal()); }},
        {"composed::causal_attention",
         [](const S& s) { return composed::causal_attention(s.x[0], s.x[1], s.x[2], s.x[3], s.x[4], s.causal()); }},
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

// One graph: its leaves and steps, the tape they are recorded on, and what is written of them.
template <class T> class Graph {
  public:
    Graph(const json& graph, const TensorFile& file) : graph_(graph), file_(file), name_(graph.at("name")) {
        const json& leaves = graph.at("leaves");
        parameters_.reserve(leaves.size());
        for (std::size_t i = 0; i < leaves.size(); ++i) add_leaf(i, leaves[i]);
        for (const json& step : graph.at("steps")) add_step(step);
    }

    void backward(Keep keep) {
        const std::vector<std::size_t> ends = outputs();
        if (graph_.at("passes") == "each") {
            for (const std::size_t y : ends) {
                const bool last = y == ends.back();
                tape_.backward(nodes_[y], cotangent(y), last ? keep : Keep::everything);
            }
            return;
        }
        Var<T> total = T(0);
        for (const std::size_t y : ends) total = total + sum(nodes_[y] * Var<T>(cotangent(y)));
        tape_.backward(total, keep);
    }

    void write(TensorFile& out, Keep keep) const {
        for (std::size_t i = leaves_; i < nodes_.size(); ++i) {
            const auto wanted = outputs();
            const bool output = std::find(wanted.begin(), wanted.end(), i) != wanted.end();
            if (output || keep == Keep::everything) out.tensors.emplace_back(key("value", i), nodes_[i].value());
        }
        for (const auto& [i, parameter] : parameters_)
            if (parameter.has_gradient()) out.tensors.emplace_back(key("gradient", i), parameter.gradient());
        if (keep == Keep::nothing) return;
        for (const std::size_t i : graph_.at("inner"))
            out.tensors.emplace_back(key("gradient", i), tape_.gradient(nodes_[i]));
    }

  private:
    std::string key(const char* what, std::size_t node) const {
        return name_ + "/" + what + "/" + std::to_string(node);
    }
    std::vector<std::size_t> outputs() const { return graph_.at("outputs").template get<std::vector<std::size_t>>(); }
    Array<T> tensor(const char* what, std::size_t node) const {
        return converted<T>(file_.template get<double>(key(what, node)));
    }
    Array<T> cotangent(std::size_t node) const { return tensor("cotangent", node); }

    void add_leaf(std::size_t i, const std::string& kind) {
        ++leaves_;
        if (kind == "constant") {
            nodes_.emplace_back(tensor("leaf", i));
            return;
        }
        parameters_.emplace_back(i, Parameter<T>(key("leaf", i), tensor("leaf", i), kind == "parameter"));
        nodes_.push_back(parameters_.back().second);
    }

    void add_step(const json& step) {
        Step<T> of{{}, step.at("arguments"), file_};
        for (const std::size_t input : step.at("inputs")) of.x.push_back(nodes_[input]);
        nodes_.push_back(ops<T>().at(step.at("op"))(of));
    }

    const json& graph_;
    const TensorFile& file_;
    std::string name_;
    std::size_t leaves_ = 0;
    std::vector<std::pair<std::size_t, Parameter<T>>> parameters_;  // with the node each is
    Tape<T> tape_;
    std::vector<Var<T>> nodes_;
};

template <class T> TensorFile run(const json& graphs, const TensorFile& in, Keep keep) {
    TensorFile out;
    for (const json& each : graphs) {
        try {
            Graph<T> graph(each, in);
            graph.backward(keep);
            graph.write(out, keep);
        } catch (const std::exception& error) {
            throw std::runtime_error("graph " + each.at("name").get<std::string>() + ": " + error.what());
        }
    }
    return out;
}

static int run(const std::vector<std::string>& arguments) {
    if (arguments.empty()) {
        for (const auto& [name, call] : ops<double>()) std::cout << name << "\n";
        return 0;
    }
    const json graphs = json::parse(std::ifstream(arguments.at(0)));
    const TensorFile in = load_safetensors(arguments.at(1));
    set_threads(std::stoi(arguments.at(4)));
    const Keep keep = arguments.at(5) == "everything" ? Keep::everything : Keep::nothing;
    save_safetensors(arguments.at(2),
                     arguments.at(3) == "double" ? run<double>(graphs, in, keep) : run<float>(graphs, in, keep));
    return 0;
}

}  // namespace taper::tests

int main(int count, char** words) {
    try {
        return taper::tests::run(std::vector<std::string>(words + 1, words + count));
    } catch (const std::exception& error) {
        std::cerr << "graph_runner: " << error.what() << "\n";
        return 2;
    }
}
