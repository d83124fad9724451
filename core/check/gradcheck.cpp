#include "core/check/gradcheck.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>

#include "core/array/random.hpp"
#include "core/check/numeric_derivative.hpp"
#include "core/show/shown.hpp"

namespace taper {

namespace {

using detail::Line;
using detail::Verdict;
using Parameters = std::vector<Parameter<double>*>;

bool same_bits(const Array<double>& a, const Array<double>& b) {
    return a.shape() == b.shape() &&
           (a.size() == 0 || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

// Takes the values and gradients of the parameters, and puts them back at the end of its scope.
class Restored {
  public:
    explicit Restored(const Parameters& parameters) : parameters_(parameters) {
        for (Parameter<double>* p : parameters_) {
            values.push_back(p->value());
            take_gradient(p->leaf);
        }
    }
    ~Restored() {
        for (std::size_t i = 0; i < parameters_.size(); ++i)
            parameters_[i]->mutable_value() = values[i];
        for (auto& [leaf, gradient] : gradients_) leaf->gradient = std::move(gradient);
    }
    Restored(const Restored&) = delete;
    Restored& operator=(const Restored&) = delete;

    // The gradients of all other Parameters, too, that y on this tape was computed of.
    void take_gradients_behind(const Tape<double>& tape, const Var<double>& y) {
        for (const auto& record : tape.records())
            if (record.leaf) take_gradient(record.leaf);
        if (y.leaf) take_gradient(y.leaf);
    }

    std::vector<Array<double>> values;

  private:
    void take_gradient(const std::shared_ptr<Leaf<double>>& leaf) {
        gradients_.try_emplace(leaf, std::move(leaf->gradient));
    }

    const Parameters& parameters_;
    std::map<std::shared_ptr<Leaf<double>>, std::unique_ptr<Array<double>>> gradients_;
};

// A derivative along a line as backward has it, and the size of the terms that it is a sum of.
struct Analytic {
    double value, size;
};

// One check: f, its inputs, what backward says, and the report.
class Check {
  public:
    Check(const std::string& name, const std::function<Var<double>()>& f, Parameters inputs,
          const GradcheckOptions& options)
        : f_(f), inputs_(std::move(inputs)), options_(options), start_(inputs_) {
        report_.name = name;
    }

    GradcheckReport run();

  private:
    void problem(const std::string& text) {
        report_.problems.push_back(text);
        report_.passed = false;
    }
    std::string title(std::size_t i) const {
        return escaped(inputs_[i]->name()) + " " + to_string(inputs_[i]->shape());
    }

    // What backward says: the gradients for each cotangent.
    void run_backward();
    void require_something_to_check(const Var<double>& y);
    void require_repeatable(const std::vector<Array<double>>& again);
    Array<double> cotangent(std::uint32_t c, const Shape& shape) const;
    std::vector<Array<double>> gradients(Tape<double>& tape, const Var<double>& y,
                                         const Array<double>& dy);

    // The comparison with numeric derivatives, by entries or by directions.
    void check_entries();
    void check_entry(std::size_t i, std::size_t e);
    void check_directions();
    bool check_direction(std::uint32_t d, std::size_t begin, std::size_t end,
                         const std::string& input);
    bool check_line(Line& line, const std::vector<Analytic>& analytic, const std::string& input,
                    const std::string& entry);
    double first_step(double size) const;

    const std::function<Var<double>()>& f_;
    const Parameters inputs_;
    const GradcheckOptions& options_;
    Restored start_;
    std::function<Array<double>()> evaluate_;
    GradcheckReport report_;
    Array<double> y_;
    std::vector<Array<double>> cotangents_;
    std::vector<std::vector<Array<double>>> gradients_;  // [cotangent][input]
    std::vector<double> largest_;                        // [cotangent]
};

GradcheckReport Check::run() {
    run_backward();
    evaluate_ = [this] { return f_().value(); };
    if (report_.problems.empty() && !same_bits(evaluate_(), y_))
        problem("f is not deterministic: the same inputs gave two different outputs");
    if (!report_.problems.empty()) return std::move(report_);
    if (options_.directions) check_directions();
    else check_entries();
    if (!same_bits(evaluate_(), y_))
        problem("f is not deterministic: its output for the same inputs changed during the check");
    return std::move(report_);
}

// ---- Backward

double largest_entry(const std::vector<Array<double>>& gradients) {
    double largest = 0;
    for (const Array<double>& g : gradients)
        for (double entry : g) largest = std::max(largest, std::abs(entry));
    return largest;
}

void Check::run_backward() {
    Tape<double> tape;
    const Var<double> y = f_();
    start_.take_gradients_behind(tape, y);
    y_ = y.value();
    require_something_to_check(y);
    for (int c = 0; c < options_.cotangents; ++c) {
        cotangents_.push_back(cotangent(static_cast<std::uint32_t>(c), y.shape()));
        gradients_.push_back(gradients(tape, y, cotangents_.back()));
        largest_.push_back(largest_entry(gradients_.back()));
    }
    require_repeatable(gradients(tape, y, cotangents_.front()));
}

void Check::require_something_to_check(const Var<double>& y) {
    report_.not_finite = static_cast<std::size_t>(
        std::count_if(y_.begin(), y_.end(), [](double entry) { return !std::isfinite(entry); }));
    if (report_.not_finite == y_.size() && y_.size() > 0)
        problem("f has no finite output: nothing can be checked: y " + to_string(y.shape()));
    std::size_t input_entries = 0;
    for (const Array<double>& value : start_.values) input_entries += value.size();
    if (input_entries == 0) problem("nothing is checked: the inputs have no entries: " + title(0));
    if (y_.size() == 0) problem("nothing is checked: y has no entries: y " + to_string(y.shape()));
}

void Check::require_repeatable(const std::vector<Array<double>>& again) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        if (!same_bits(again[i], gradients_.front()[i]))
            problem("backward is not repeatable: " + title(i) + " got another gradient");
        if (!same_bits(inputs_[i]->value(), start_.values[i]))
            problem("f or its backward changed its input: " + title(i));
    }
}

// A cotangent, with 0 where y is not finite.
Array<double> Check::cotangent(std::uint32_t c, const Shape& shape) const {
    const Random random(options_.seed, "gradcheck cotangent");
    Array<double> dy =
        options_.ones ? full<double>(shape, 1) : normal<double>(random.substream(c), shape);
    for (std::size_t j = 0; j < y_.size(); ++j)
        if (!std::isfinite(y_.data()[j])) dy.data()[j] = 0;
    return dy;
}

std::vector<Array<double>> Check::gradients(Tape<double>& tape, const Var<double>& y,
                                            const Array<double>& dy) {
    for (Parameter<double>* p : inputs_) p->clear_gradient();
    const bool depends_on_inputs = y.tape != 0 || y.leaf;
    if (depends_on_inputs) tape.backward(y, dy, Keep::everything);
    std::vector<Array<double>> result;
    for (Parameter<double>* p : inputs_)
        result.push_back(p->has_gradient() ? p->gradient() : zeros<double>(p->shape()));
    return result;
}

// ---- Entry by entry

void Check::check_entries() {
    const auto& chosen = options_.chosen;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
        for (std::size_t e = 0; e < start_.values[i].size(); ++e)
            if (!chosen || chosen(*inputs_[i], e)) check_entry(i, e);
    if (report_.entries == 0) problem("nothing is checked: no entry was chosen");
}

void Check::check_entry(std::size_t i, std::size_t e) {
    const double x = start_.values[i].data()[e];
    const auto move = [this, i, e, x](double t) {
        inputs_[i]->mutable_value().data()[e] = t == 0 ? x : x + t;
    };
    std::vector<Analytic> analytic;
    for (const std::vector<Array<double>>& gradients : gradients_) {
        const double slope = gradients[i].data()[e];
        analytic.push_back({.value = slope, .size = std::abs(slope)});
    }
    const double size = std::isfinite(x) ? std::abs(x) : 1;
    Line line(move, evaluate_, cotangents_, y_, first_step(size));
    check_line(line, analytic, title(i), index_text(inputs_[i]->shape(), e));
}

// ---- Along directions

// Directions through all inputs. If one is wrong, directions through each input alone name it.
void Check::check_directions() {
    for (std::uint32_t d = 0; d < cotangents_.size(); ++d) {
        const GradcheckReport before = report_;
        const bool right = check_direction(d, 0, inputs_.size(), "all inputs");
        if (right) continue;
        const GradcheckReport whole = std::move(report_);
        report_ = before;
        bool named = false;
        for (std::size_t i = 0; i < inputs_.size(); ++i) {
            const bool right_alone = check_direction(d, i, i + 1, title(i));
            if (!right_alone) named = true;
        }
        if (!named) report_ = whole;
    }
}

// Direction d through the inputs [begin, end).
bool Check::check_direction(std::uint32_t d, std::size_t begin, std::size_t end,
                            const std::string& input) {
    const Random random = Random(options_.seed, "gradcheck direction").substream(d);
    std::vector<Array<double>> u;  // of input begin + i
    for (std::size_t i = begin; i < end; ++i)
        u.push_back(
            normal<double>(random.substream(static_cast<std::uint32_t>(i)), inputs_[i]->shape()));

    const auto move = [&](double t) {
        for (std::size_t i = begin; i < end; ++i) {
            Array<double>& x = inputs_[i]->mutable_value();
            const Array<double>& start = start_.values[i];
            const Array<double>& direction = u[i - begin];
            for (std::size_t e = 0; e < x.size(); ++e)
                x.data()[e] = t == 0 ? start.data()[e] : start.data()[e] + t * direction.data()[e];
        }
    };

    std::vector<Analytic> analytic;
    for (const std::vector<Array<double>>& gradients : gradients_) {
        long double sum = 0, squares = 0;
        for (std::size_t i = begin; i < end; ++i) {
            const Array<double>& direction = u[i - begin];
            for (std::size_t e = 0; e < direction.size(); ++e) {
                const long double term =
                    static_cast<long double>(gradients[i].data()[e]) * direction.data()[e];
                sum += term;
                squares += term * term;
            }
        }
        analytic.push_back(
            {.value = static_cast<double>(sum), .size = std::sqrt(static_cast<double>(squares))});
    }
    Line line(move, evaluate_, cotangents_, y_, first_step(1));
    return check_line(line, analytic, input, "along a random direction");
}

// ---- Both

// A power of two, so that x + h and x - h are exact.
double Check::first_step(double size) const {
    return std::exp2(std::round(std::log2(options_.step * std::max(1.0, size))));
}

bool Check::check_line(Line& line, const std::vector<Analytic>& analytic, const std::string& input,
                       const std::string& entry) {
    bool right = true, kink = false;
    for (std::size_t c = 0; c < cotangents_.size() && right; ++c) {
        const Verdict verdict = judge(line, c, analytic[c].value, analytic[c].size, largest_[c],
                                      {options_.tolerance, options_.absolute});
        report_.worst = std::max(report_.worst, verdict.relative_error);
        if (verdict.kink && !kink) {
            kink = true;
            report_.kinks.push_back({input, entry, verdict.below, verdict.above});
        }
        if (verdict.cause.empty()) continue;
        right = false;
        report_.passed = false;
        ++report_.wrong;
        const GradcheckFailure failure{.input = input,
                                       .entry = entry,
                                       .analytic = analytic[c].value,
                                       .numeric = verdict.numeric,
                                       .relative_error = verdict.relative_error,
                                       .cause = verdict.cause};
        if (report_.failures.size() < 10) report_.failures.push_back(failure);
    }
    ++report_.entries;
    return right;
}

void check_options(const std::string& name, const GradcheckOptions& options) {
    const auto is_finite_from = [](double least, double x) {
        return x >= least && std::isfinite(x);
    };
    const bool right = options.cotangents >= 1 && is_finite_from(1e-300, options.step) &&
                       is_finite_from(1e-300, options.tolerance) &&
                       is_finite_from(0, options.absolute);
    if (!right)
        throw Error(
            "gradcheck: cotangents must be 1 or more, step and tolerance finite and above 0, "
            "absolute finite and 0 or more: " +
            name);
}

// The parameters that are trainable, each once.
Parameters checked(const Parameters& parameters) {
    Parameters inputs;
    for (Parameter<double>* p : parameters) {
        const auto is_same = [&](const Parameter<double>* input) { return input->leaf == p->leaf; };
        const bool seen = std::any_of(inputs.begin(), inputs.end(), is_same);
        if (p->trainable() && !seen) inputs.push_back(p);
    }
    return inputs;
}

}  // namespace

GradcheckReport gradcheck(const std::string& name, const std::function<Var<double>()>& f,
                          const std::vector<Parameter<double>*>& parameters,
                          const GradcheckOptions& options) {
    if (Tape<double>::recording())
        throw Error("gradcheck: no tape may be recording, or it would record every evaluation: " +
                    name);
    require_parameters("gradcheck", parameters);
    check_options(name, options);
    Parameters inputs = checked(parameters);
    if (inputs.empty())
        throw Error("gradcheck: at least one input that wants a gradient must be given: " + name);
    return Check(name, f, std::move(inputs), options).run();
}

GradcheckReport gradcheck(const std::string& name,
                          const std::function<Var<double>(const std::vector<Var<double>>&)>& f,
                          std::vector<Array<double>> inputs, const GradcheckOptions& options) {
    std::vector<Parameter<double>> parameters;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const bool is_named = i < options.names.size();
        const std::string input = is_named ? options.names[i] : "input " + std::to_string(i);
        parameters.emplace_back(input, std::move(inputs[i]));
    }
    Parameters pointers;
    for (Parameter<double>& p : parameters) pointers.push_back(&p);
    const auto f_of_parameters = [&] {
        return f(std::vector<Var<double>>(parameters.begin(), parameters.end()));
    };
    return gradcheck(name, f_of_parameters, pointers, options);
}

std::string GradcheckReport::text() const {
    std::string text = name + (passed ? ": passed: " : ": FAILED: ");
    text += std::to_string(entries) + " entries";
    if (wrong > 0) text += ", " + std::to_string(wrong) + " wrong";
    text += ", worst relative error " + with_digits(worst, 2);
    if (not_finite > 0) text += ", " + std::to_string(not_finite) + " entries of y not finite";
    if (!kinks.empty()) {
        const GradcheckKink& first = kinks.front();
        text += ", " + std::to_string(kinks.size()) + " at or near a kink, first " + first.input +
                " " + first.entry + ": slopes " + with_digits(first.slope_below, 6) + " and " +
                with_digits(first.slope_above, 6);
    }
    for (const std::string& problem : problems) text += "\n  " + name + ": " + problem;
    for (const GradcheckFailure& f : failures)
        text += "\n  " + name + ": " + f.input + " " + f.entry + ": analytic " +
                with_digits(f.analytic, 12) + ", numeric " + with_digits(f.numeric, 12) +
                ", relative error " + with_digits(f.relative_error, 3) + ": " + f.cause;
    if (wrong > failures.size())
        text += "\n  and " + std::to_string(wrong - failures.size()) + " more";
    return text;
}

}  // namespace taper
