#include "examples/gradients/op_checks.hpp"

#include <algorithm>
#include <optional>

#include "core/show/shown.hpp"
#include "examples/common/nearest.hpp"
#include "examples/common/progress.hpp"

namespace taper::examples {

std::vector<std::string> ops_of(const std::vector<GradientCase>& cases) {
    std::vector<std::string> ops;
    for (const GradientCase& c : cases)
        if (std::find(ops.begin(), ops.end(), c.op) == ops.end()) ops.push_back(c.op);
    return ops;
}

std::vector<GradientCase> cases_of(const std::vector<std::string>& ops,
                                   const std::vector<GradientCase>& cases) {
    const std::vector<std::string> known = ops_of(cases);
    for (const std::string& op : ops)
        if (std::find(known.begin(), known.end(), op) == known.end())
            throw Error("'" + shortened(op) + "': the word must be an op that --list names" +
                        did_you_mean(op, known));
    std::vector<GradientCase> chosen;
    for (const GradientCase& c : cases)
        if (std::find(ops.begin(), ops.end(), c.op) != ops.end()) chosen.push_back(c);
    return chosen;
}

static void add_problem(GradcheckReport& report, const std::string& problem) {
    report.passed = false;
    report.problems.push_back(problem);
}

// The report of a case where no entry goes in or none comes out; none: it has entries.
static std::optional<GradcheckReport> report_of_nothing(const GradientCase& c) {
    std::vector<Parameter<double>> parameters;
    std::size_t entries = 0;
    for (const Array<double>& input : c.inputs) {
        parameters.emplace_back("input " + std::to_string(parameters.size()), input);
        entries += input.size();
    }
    Tape<double> tape;
    const Var<double> y =
        c.f.in_double(std::vector<Var<double>>(parameters.begin(), parameters.end()));
    if (entries > 0 && y.value().size() > 0) return std::nullopt;
    tape.backward(y, full<double>(y.shape(), 1));
    GradcheckReport report;
    report.name = c.title();
    for (const Parameter<double>& p : parameters)
        if (p.has_gradient() && p.gradient() != zeros<double>(p.shape()))
            add_problem(report, "y has no entries, and a gradient is not 0: " + p.name() + " " +
                                    to_string(p.shape()));
    return report;
}

GradcheckReport check_case(const GradientCase& c, std::uint64_t seed) {
    GradcheckOptions options = c.options;
    options.seed = seed;
    GradcheckReport report;
    report.name = c.title();
    try {
        if (const auto of_nothing = report_of_nothing(c)) return *of_nothing;
        report = gradcheck(c.title(), c.f.in_double, c.inputs, options);
        if (report.not_finite > 0) add_problem(report, "an output of the case is not finite");
    } catch (const Error& error) {
        add_problem(report, error.what());
    }
    return report;
}

namespace {

struct OpResult {
    std::string op;
    std::size_t cases = 0, entries = 0, kinks = 0;
    double worst = 0;
    std::vector<GradcheckReport> wrong;  // of the cases that did not pass

    void add(const GradcheckReport& report) {
        ++cases;
        entries += report.entries;
        kinks += report.kinks.size();
        worst = std::max(worst, report.worst);
        if (!report.passed) wrong.push_back(report);
    }
};

// The columns of a row behind its name.
std::string columns(const std::string& cases, const std::string& entries, const std::string& worst,
                    const std::string& kinks) {
    return right_aligned(cases, 7) + right_aligned(entries, 9) + right_aligned(worst, 13) +
           right_aligned(kinks, 10);
}

std::string report_of_wrong(const std::vector<OpResult>& results) {
    std::string text;
    for (const OpResult& result : results) {
        if (result.wrong.empty()) continue;
        text += "\n" + result.wrong.front().text() + "\n";
        const std::size_t more = result.wrong.size() - 1;
        if (more > 0)
            text += "  and " + counted(more, "case", "cases") + " more of " + result.op + "\n";
    }
    return text;
}

}  // namespace

bool check_ops(const std::vector<GradientCase>& cases, std::uint64_t seed,
               const std::function<void(std::string_view)>& print) {
    const std::vector<std::string> ops = ops_of(cases);
    std::size_t width = 0;
    for (const std::string& op : ops) width = std::max(width, op.size());
    print(left_aligned("op", width) + columns("cases", "entries", "worst error", "at kinks") +
          "\n");
    std::vector<OpResult> results;
    OpResult all;
    for (const std::string& op : ops) {
        OpResult& result = results.emplace_back();
        result.op = op;
        for (const GradientCase& c : cases) {
            if (c.op != op) continue;
            const GradcheckReport report = check_case(c, seed);
            result.add(report);
            all.add(report);
        }
        print(left_aligned(op, width) +
              columns(grouped(result.cases), grouped(result.entries), with_digits(result.worst, 2),
                      grouped(result.kinks)) +
              (result.wrong.empty() ? "\n" : "  WRONG\n"));
    }
    print(report_of_wrong(results));
    std::string wrong;
    for (const OpResult& result : results)
        if (!result.wrong.empty()) wrong += (wrong.empty() ? "" : ", ") + result.op;
    print("\n" + counted(ops.size(), "op", "ops") + ", " + counted(all.cases, "case", "cases") +
          ", " + counted(all.entries, "entry", "entries") + ": " +
          (wrong.empty() ? "all agree with numeric derivatives" : "wrong: " + wrong) + "\n");
    return wrong.empty();
}

}  // namespace taper::examples
