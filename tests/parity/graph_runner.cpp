// Runs graphs of ops that a file describes and writes their values and gradients, for graphs.py.
//     graph_runner GRAPHS.json TENSORS.safetensors OUT.safetensors double|float THREADS KEEP
//     graph_runner                       prints the names of the ops it knows, one a line
// GRAPHS.json is a list of graphs. Nodes are numbered: leaves first, then steps in their order.
//     {"name": "7", "leaves": ["parameter" | "frozen" | "constant", ...],
//      "steps": [{"op": "softmax", "inputs": [0], "arguments": {"axis": -1}}, ...],
//      "outputs": [2, 3],                 their cotangents are given
//      "passes": "one" | "each",         backward once, from sum_i <dy_i, y_i>, or from each output
//      "inner": [2, 3]}                   steps whose gradient of the last pass is wanted
// TENSORS: "7/leaf/0", "7/cotangent/2", and what an argument names, as "7/ids/3".
// OUT: "7/value/2", "7/gradient/0".
// KEEP, "everything" or "nothing", is what the tape keeps; with nothing, values of outputs and
// gradients of Parameters alone are written.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "core/kernels/parallel.hpp"
#include "tests/parity/graph_ops.hpp"

namespace taper::tests {

// One graph: its leaves and steps, the tape they are recorded on, and what is written of them.
template <class T> class Graph {
  public:
    Graph(const json& graph, const TensorFile& file)
        : graph_(graph), file_(file), name_(graph.at("name")) {
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
        const std::vector<std::size_t> wanted = outputs();
        for (std::size_t i = leaves_; i < nodes_.size(); ++i) {
            const bool output = std::find(wanted.begin(), wanted.end(), i) != wanted.end();
            if (output || keep == Keep::everything)
                out.tensors.emplace_back(key("value", i), nodes_[i].value());
        }
        for (const auto& [i, parameter] : parameters_)
            if (parameter.has_gradient())
                out.tensors.emplace_back(key("gradient", i), parameter.gradient());
        if (keep == Keep::nothing) return;
        for (const std::size_t i : graph_.at("inner"))
            out.tensors.emplace_back(key("gradient", i), tape_.gradient(nodes_[i]));
    }

  private:
    std::string key(const char* what, std::size_t node) const {
        return name_ + "/" + what + "/" + std::to_string(node);
    }
    std::vector<std::size_t> outputs() const {
        return graph_.at("outputs").template get<std::vector<std::size_t>>();
    }
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
        parameters_.emplace_back(
            i, Parameter<T>(key("leaf", i), tensor("leaf", i), kind == "parameter"));
        nodes_.push_back(parameters_.back().second);
    }

    void add_step(const json& step) {
        Step<T> inputs{{}, step.at("arguments"), file_};
        for (const std::size_t input : step.at("inputs")) inputs.x.push_back(nodes_[input]);
        const Call<T>& op = ops<T>().at(step.at("op"));
        nodes_.push_back(op(inputs));
    }

    const json& graph_;
    const TensorFile& file_;
    std::string name_;
    std::size_t leaves_ = 0;
    std::vector<std::pair<std::size_t, Parameter<T>>> parameters_;  // with the node each is
    Tape<T> tape_;
    std::vector<Var<T>> nodes_;
};

template <class T> TensorFile results_of(const json& graphs, const TensorFile& in, Keep keep) {
    TensorFile out;
    for (const json& description : graphs) {
        try {
            Graph<T> graph(description, in);
            graph.backward(keep);
            graph.write(out, keep);
        } catch (const std::exception& error) {
            const std::string name = description.at("name");
            throw std::runtime_error("graph " + name + ": " + error.what());
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
    const bool in_double = arguments.at(3) == "double";
    const TensorFile out =
        in_double ? results_of<double>(graphs, in, keep) : results_of<float>(graphs, in, keep);
    save_safetensors(arguments.at(2), out);
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
