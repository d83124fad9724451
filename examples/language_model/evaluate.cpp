// Runs a model on given tokens, and writes logits, loss and gradients to a file:
// evaluate --model DIR --tokens IN --out OUT.
#include <algorithm>
#include <cmath>

#include "core/io/safetensors.hpp"
#include "core/kernels/parallel.hpp"
#include "examples/common/options.hpp"
#include "examples/common/output_path.hpp"
#include "examples/common/program.hpp"
#include "examples/common/text.hpp"
#include "examples/language_model/run_directory.hpp"
#include "nn/model_directory.hpp"

namespace taper::examples {

// Every entry must be low to high, or `other`: else an Error that names tensor, place and value.
static void check_entries(const TensorFile& file, const std::string& name, const Shape& shape,
                          std::int64_t low, std::int64_t high, std::int64_t other) {
    const Ids& ids = file.get<std::int64_t>(name);
    const std::string tensor = file.path + ": tensor " + name + ": ";
    if (ids.shape() != shape)
        throw Error(tensor + "the shape must be that of tokens: " + to_string(ids.shape()) + ", " +
                    to_string(shape));
    const std::string or_ignored = other == ignore_index ? ", or -100 (not counted)" : "";
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::int64_t id = ids.data()[i];
        if ((id < low || id > high) && id != other)
            throw Error(tensor + "an entry must be " + std::to_string(low) + " to " +
                        std::to_string(high) + or_ignored + ": " + index_text(shape, i) + " is " +
                        std::to_string(id));
    }
}

// What is read, and what else belongs to a model that was trained here.
static std::vector<std::string> files_to_keep(const std::string& directory,
                                              const std::string& tokens) {
    std::vector<std::string> files{tokens};
    for (const char* file : run_files) files.push_back(directory + "/" + file);
    return files;
}

template <class T>
static void check_finite(const std::string& directory, const std::string& name, const Array<T>& x) {
    for (std::size_t i = 0; i < x.size(); ++i) {
        const T entry = x.data()[i];
        if (!std::isfinite(static_cast<double>(entry)))
            throw Error(directory + ": tensor " + name +
                        ": what the model computes must be finite: " + index_text(x.shape(), i) +
                        " is " + shortest(entry));
    }
}

// Error: a weight is so large that something overflows.
static void check_finite(const TensorFile& out, const std::string& directory) {
    for (const auto& entry : out.tensors) {
        const std::string& name = entry.first;
        std::visit([&](const auto& x) { check_finite(directory, name, x); }, entry.second);
    }
}

// labels (B), of a classifier.
template <class T> static void check_labels(const TensorFile& in, const nn::Linformer<T>& model) {
    const std::string tensor = in.path + ": tensor labels: ";
    const std::size_t classes = model.config.classes();
    if (classes == 0) throw Error(tensor + "the model must have classes: classes 0");
    if (in.find("targets")) throw Error(tensor + "there must be one loss: targets are there, too");
    const Shape& shape = in.get<std::int64_t>("tokens").shape();
    check_entries(in, "labels", {shape[0]}, 0, static_cast<std::int64_t>(classes) - 1, 0);
    if (!in.find("mask")) return;
    const Ids& mask = in.get<std::int64_t>("mask");
    for (std::size_t row = 0; row < shape[0]; ++row) {
        const std::int64_t* const first = mask.data() + row * shape[1];
        if (std::none_of(first, first + shape[1], [](std::int64_t real) { return real == 1; }))
            throw Error(in.path +
                        ": tensor mask: with labels a row must have a real position: row " +
                        std::to_string(row) + " has none");
    }
}

// What the tensors of the file ask for, checked.
template <class T>
static nn::Pass checked_pass(const TensorFile& in, const nn::Linformer<T>& model) {
    const nn::Config& config = model.config;
    const Shape& shape = in.get<std::int64_t>("tokens").shape();
    if (shape.size() != 2 || shape[0] == 0 || shape[1] == 0 || shape[1] > config.length)
        throw Error(in.path +
                    ": tensor tokens: the shape must be (B, n'), B 1 or more, n' 1 to the model's "
                    "length: " +
                    to_string(shape) + ", length " + std::to_string(config.length));
    const auto V = static_cast<std::int64_t>(config.vocab_size);
    check_entries(in, "tokens", shape, 0, V - 1, 0);
    nn::Pass pass;
    if (in.find("mask")) {
        check_entries(in, "mask", shape, 0, 1, 0);
        pass.real = empty<bool>(shape);
        const Ids& mask = in.get<std::int64_t>("mask");
        for (std::size_t i = 0; i < mask.size(); ++i) pass.real->data()[i] = mask.data()[i] == 1;
    }
    if (in.find("targets")) {
        check_entries(in, "targets", shape, 0, V - 1, ignore_index);
        const Ids& targets = in.get<std::int64_t>("targets");
        const auto is_ignored = [](std::int64_t target) { return target == ignore_index; };
        if (std::all_of(targets.begin(), targets.end(), is_ignored))
            throw Error(in.path + ": tensor targets: at least one must be counted: all are -100");
    }
    if (in.find("labels")) check_labels(in, model);
    for (const auto& [name, tensor] : in.tensors)
        if (name != "tokens" && name != "mask" && name != "targets" && name != "labels")
            throw Error(in.path + ": tensor " + shortened(name) +
                        ": the names must be tokens, mask, targets and labels");
    return pass;
}

template <class T>
static TensorFile evaluate(const std::string& directory, const TensorFile& in,
                           bool with_gradients) {
    nn::Linformer<T> model = nn::load_model<T>(directory);
    const nn::Pass pass = checked_pass(in, model);
    const bool has_loss = in.find("targets") || in.find("labels");
    if (with_gradients && !has_loss)
        throw Error(in.path + ": tensor targets: with --gradients it must be there: it is missing");

    TensorFile out;
    const auto forward = [&] {
        const Var<T> logits = model(in.get<std::int64_t>("tokens"), pass);
        out.tensors.emplace_back("logits", logits.value());
        if (!has_loss) return Var<T>();
        Var<T> loss;
        if (in.find("targets")) {
            loss = cross_entropy(logits, in.get<std::int64_t>("targets"));
        } else {
            const Var<T> class_logits = model.classify(in.get<std::int64_t>("tokens"), pass);
            out.tensors.emplace_back("class_logits", class_logits.value());
            loss = cross_entropy(class_logits, in.get<std::int64_t>("labels"));
        }
        out.tensors.emplace_back("loss", loss.value());
        return loss;
    };
    if (!with_gradients) {
        forward();
        return out;
    }
    Tape<T> tape;
    tape.backward(forward());
    for (const Parameter<T>* p : model.parameters()) {
        if (!p->trainable()) continue;
        const Array<T> gradient = p->has_gradient() ? p->gradient() : zeros<T>(p->shape());
        out.tensors.emplace_back("gradient." + p->name(), gradient);
    }
    return out;
}

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("evaluate", [&] {
        std::string directory, tokens, out;
        bool gradients = false;
        bool in_double = false;
        auto thread_count = static_cast<std::uint64_t>(threads());
        Options options("evaluate",
                        "Runs a model directory on tokens (B, n') of a safetensors file, I64, with "
                        "optional mask (1 real, 0 padding) and targets (-100: not counted), and "
                        "writes logits (B, n', V) and loss. A classifier takes labels (B) instead "
                        "of targets, and then writes class_logits (B, classes), too.");
        options.model_directory("--model", directory, "model directory");
        options.required_path("--tokens", tokens,
                              "safetensors file with tokens, mask, targets or labels");
        options.required_path("--out", out, "safetensors file to write");
        options.flag("--gradients", gradients,
                     "also the loss's gradient of each parameter, gradient.NAME");
        options.flag("--double", in_double, "compute and write in double precision");
        options.count("--threads", thread_count, 1, max_threads, "threads");
        if (!options.parse(argc, argv)) return 0;
        set_threads(static_cast<int>(thread_count));
        const TensorFile in = load_safetensors(tokens);
        check_output_file("--out", out, files_to_keep(directory, tokens));
        const TensorFile results = in_double ? evaluate<double>(directory, in, gradients)
                                             : evaluate<float>(directory, in, gradients);
        check_finite(results, directory);
        save_safetensors(out, results);
        return 0;
    });
}
