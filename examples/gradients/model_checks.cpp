#include "examples/gradients/model_checks.hpp"

#include <algorithm>
#include <numeric>

#include "core/check/gradcheck.hpp"
#include "examples/common/measuring.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/shuffle.hpp"

namespace taper::examples {

Batch random_batch(const nn::Config& config, std::size_t rows, bool padding, std::uint64_t seed) {
    const std::size_t n = config.length;
    const bool classifies = config.classes() > 0;
    Batch batch{random_ids({rows, n}, config.vocab_size, "tokens", seed),
                classifies ? random_ids({rows}, config.classes(), "targets", seed)
                           : random_ids({rows, n}, config.vocab_size, "targets", seed)};
    if (!padding) return batch;
    batch.real = Mask({rows, n}, true);
    for (std::size_t i = n - n / 3; i < n; ++i) {
        (*batch.real)(rows - 1, i) = false;
        if (!classifies) batch.targets(rows - 1, i) = ignore_index;
    }
    return batch;
}

Batch batch_of_text(const Tokenizer& tokenizer, const nn::Config& config, const std::string& text) {
    const TokenIds ids = tokenizer.encode(text, "--text");
    const std::size_t targets = ids.size() - std::min<std::size_t>(ids.size(), config.causal);
    if (targets == 0)
        throw Error("--text: the text must have a token, and one more for a causal model: '" +
                    shortened(text) + "'");
    const std::size_t n = std::min(targets, config.length);
    Batch batch{Ids({1, n}, 0), Ids({1, n}, ignore_index)};
    for (std::size_t i = 0; i < n; ++i) {
        batch.tokens(0, i) = ids[i];
        if (config.causal) batch.targets(0, i) = ids[i + 1];
        const bool hidden = !config.causal && config.classes() == 0 && i % 4 == 0;
        if (!hidden) continue;
        batch.targets(0, i) = ids[i];
        batch.tokens(0, i) = *tokenizer.mask_id();
    }
    if (config.classes() > 0) batch.targets = Ids({1}, 0);
    return batch;
}

Var<double> loss_of(const nn::Linformer<double>& model, const Batch& batch, std::uint64_t seed) {
    const nn::Pass pass{.dropout = Random(seed, "dropout"), .real = batch.real};
    const Var<double> logits =
        model.config.classes() > 0 ? model.classify(batch.tokens, pass) : model(batch.tokens, pass);
    return cross_entropy(logits, batch.targets);
}

namespace {

using Loss = std::function<Var<double>()>;

// Which entries of a parameter are checked: all, or as many as are wanted, drawn.
std::vector<bool> drawn_entries(const Parameter<double>& parameter, const ModelChecks& checks) {
    const std::size_t size = parameter.value().size();
    if (size <= checks.entries) return std::vector<bool>(size, true);
    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), std::size_t{0});
    shuffle(order, Random(checks.seed, "entries of " + parameter.name()));
    std::vector<bool> drawn(size, false);
    for (std::size_t i = 0; i < checks.entries; ++i) drawn[order[i]] = true;
    return drawn;
}

// All parameters take part, so that a gradient is seen beside the largest of all.
GradcheckReport check_parameter(const Loss& loss, const nn::Parameters<double>& parameters,
                                const Parameter<double>& parameter, const ModelChecks& checks) {
    const std::vector<bool> drawn = drawn_entries(parameter, checks);
    const auto chosen = [&](const Parameter<double>& input, std::size_t entry) {
        return &input == &parameter && drawn[entry];
    };
    return gradcheck("d loss", loss, parameters,
                     {.seed = checks.seed, .cotangents = 1, .ones = true, .chosen = chosen});
}

// "layers.0" of "layers.0.attention.E"; "embedding" of "embedding.token"
std::string part_of(const std::string& name) {
    const std::size_t dot = name.find('.');
    return name.substr(0, name.starts_with("layers.") ? name.find('.', dot + 1) : dot);
}

class Table {
  public:
    Table(const nn::Parameters<double>& parameters,
          const std::function<void(std::string_view)>& print)
        : print_(print) {
        for (const Parameter<double>* p : parameters) {
            name_width_ = std::max(name_width_, columns_of(escaped(p->name())));
            shape_width_ = std::max(shape_width_, to_string(p->shape()).size() + 2);
        }
        row("parameter", "shape", "entries", "worst error", "at kinks");
    }

    void add_fixed(const Parameter<double>& p) {
        begin(part_of(p.name()));
        row(escaped(p.name()), to_string(p.shape()), "not trained", "", "");
    }
    void add(const Parameter<double>& p, const GradcheckReport& report) {
        begin(part_of(p.name()));
        const std::size_t size = p.value().size();
        const std::string all = report.entries < size ? " of " + grouped(size) : "";
        result_row(escaped(p.name()), to_string(p.shape()), grouped(report.entries) + all, report);
        if (!report.passed) wrong_.push_back(report);
    }
    void add_directions(const GradcheckReport& report) {
        begin("");
        result_row("all of them", "", counted(report.entries, "direction", "directions"), report);
        const bool says_more = wrong_.empty();  // else the rows above do
        if (!report.passed && says_more) wrong_.push_back(report);
    }

    // The first wrong entries of the last wrong rows: there the mistake is near.
    std::string report_of_wrong() const {
        constexpr std::size_t most = 3;  // rows, and entries of each
        std::string text;
        const std::size_t first = wrong_.size() - std::min(wrong_.size(), most);
        for (std::size_t i = first; i < wrong_.size(); ++i) {
            GradcheckReport report = wrong_[i];
            report.failures.resize(std::min(report.failures.size(), most));
            text += "\n" + report.text() + "\n";
        }
        return text;
    }
    bool right() const { return wrong_.empty(); }

  private:
    // A blank line where another part of the model begins.
    void begin(const std::string& part) {
        if (part != part_) print_("\n");
        part_ = part;
    }
    void result_row(const std::string& name, const std::string& shape, const std::string& entries,
                    const GradcheckReport& report) {
        row(name, shape, entries, with_digits(report.worst, 2), grouped(report.kinks.size()),
            report.passed ? "" : "  WRONG");
    }
    void row(const std::string& name, const std::string& shape, const std::string& entries,
             const std::string& worst, const std::string& kinks, const std::string& mark = "") {
        std::string line = left_aligned(name, name_width_) + "  " +
                           left_aligned(shape, shape_width_) + right_aligned(entries, 15) +
                           right_aligned(worst, 13) + right_aligned(kinks, 10) + mark;
        line.erase(line.find_last_not_of(' ') + 1);
        print_(line + "\n");
    }

    const std::function<void(std::string_view)>& print_;
    std::size_t name_width_ = 11;  // of "all of them"
    std::size_t shape_width_ = 7;
    std::string part_;
    std::vector<GradcheckReport> wrong_;
};

}  // namespace

bool check_model(const Loss& loss, const nn::Parameters<double>& parameters,
                 const ModelChecks& checks, const std::function<void(std::string_view)>& print) {
    Table table(parameters, print);
    std::size_t entries = 0;
    std::size_t trained = 0;
    for (const Parameter<double>* p : parameters) {
        if (!p->trainable()) {
            table.add_fixed(*p);
            continue;
        }
        const GradcheckReport report = check_parameter(loss, parameters, *p, checks);
        table.add(*p, report);
        entries += report.entries;
        ++trained;
    }
    const GradcheckReport along =
        gradcheck("d loss", loss, parameters, {.seed = checks.seed, .directions = true});
    table.add_directions(along);
    print(table.report_of_wrong());
    if (!table.right())
        print(
            "\nWhat one backward pass gets wrong, it hands on to all that came before it in the "
            "forward pass:\nlook first near the last parameter that is wrong.\n");
    print("\n" + counted(trained, "parameter", "parameters") + ", " +
          counted(entries, "entry", "entries") + ", " +
          counted(along.entries, "direction", "directions") + ": " +
          (table.right() ? "all agree with numeric derivatives" : "not all agree") + "\n");
    return table.right();
}

}  // namespace taper::examples
