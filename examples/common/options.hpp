// Options of a program: a thin layer over CLI11 that reads numbers strictly and in the C locale,
// states every bound, and can store its values for --resume. Every error names the option, the rule
// and the value.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace taper::examples {

// The numbers that an option takes. `text` stands in messages and in --help.
struct Bounds {
    double low, high;
    bool low_allowed, high_allowed;
    std::string text;

    bool hold(double number) const;
};
inline Bounds above(double low) {
    return {low, std::numeric_limits<double>::max(), false, true, "a finite number above 0"};
}
inline Bounds positive_float() {
    return {0, std::numeric_limits<float>::max(), false, true,
            "a number above 0, at most 3.4028234663852886e+38"};
}
inline Bounds not_negative() {
    return {0, std::numeric_limits<double>::max(), true, true, "a finite number, 0 or more"};
}
inline Bounds probability() { return {0, 1, true, false, "a number in [0, 1)"}; }

class Options {
  public:
    Options(const std::string& program, const std::string& what_it_does);
    ~Options();

    // Each takes the variable to fill, which holds the default.
    void count(const std::string& name, std::uint64_t& value, std::uint64_t low, std::uint64_t high,
               const std::string& help);
    // N or N,N,...
    void counts(const std::string& name, std::vector<std::uint64_t>& values, std::uint64_t low,
                std::uint64_t high, const std::string& help);
    void number(const std::string& name, double& value, const Bounds& bounds,
                const std::string& help);
    void word(const std::string& name, std::string& value, const std::vector<std::string>& words,
              const std::string& help);
    void text(const std::string& name, std::string& value, const std::string& help);
    // Not empty.
    void path(const std::string& name, std::string& value, const std::string& help);
    void required_text(const std::string& name, std::string& value, const std::string& help);
    // Not empty.
    void required_path(const std::string& name, std::string& value, const std::string& help);
    // Required, and there.
    void model_directory(const std::string& name, std::string& value, const std::string& help);
    // Repeatable. The values become absolute paths.
    void files(const std::string& name, std::vector<std::string>& values, const std::string& help);
    void flag(const std::string& name, bool& value, const std::string& help);
    // The words that belong to no option, any number of them, wherever they stand. name: what
    // --help calls one.
    void words(const std::string& name, std::vector<std::string>& values, const std::string& help);

    // False: --help or --version was asked for and printed. Error: an option that is unknown,
    // repeated, malformed, valueless, or required and missing.
    bool parse(int argc, char** argv);
    // The same of a command line as it would be typed, the program first.
    bool parse(const std::vector<std::string>& command_line);
    // On the command line.
    bool given(std::string_view name) const;
    // Those of these names that were given, joined by ", "; where none was, those that the program
    // has.
    std::string blamed(const std::vector<std::string>& names) const;
    // "--k, --sharing: no effect with --attention full" of those of the names that were given; ""
    // where none was.
    std::string without_effect(const std::vector<std::string>& names,
                               const std::string& other) const;

    // The default of that option is this machine's, another one elsewhere: only a value that was
    // chosen is stored.
    void default_is_of_machine(const std::string& name);

    // For --resume: the values of the named options; and the other way round, where an option that
    // was given must agree, unless it is among those that may change. Error: a value disagrees, is
    // missing, unknown, or none that the command line would take.
    nlohmann::json stored(const std::vector<std::string>& names) const;
    // The values of all options but these.
    nlohmann::json all_but(const std::vector<std::string>& names) const;
    void restore(const nlohmann::json& stored, const std::vector<std::string>& names,
                 const std::vector<std::string>& may_change, const std::string& subject);

  private:
    struct Entry;
    const Entry* find(std::string_view name) const;
    std::vector<std::string> given_of(const std::vector<std::string>& names) const;
    void require_known_options_with_values(int argc, char** argv) const;
    Entry& entry(const std::string& name, const std::string& help, const std::string& fallback);

    std::unique_ptr<CLI::App> app_;
    std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace taper::examples
