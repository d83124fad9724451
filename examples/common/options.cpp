#include "examples/common/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.hpp"
#include "examples/common/nearest.hpp"
#include "examples/common/program.hpp"
#include "examples/common/text.hpp"

namespace taper::examples {

using nlohmann::json;

struct Options::Entry {
    std::string name;
    CLI::Option* option = nullptr;
    bool repeatable = false;
    bool is_flag = false;
    bool is_words = false;  // not an option: the words that belong to none
    bool required = false;
    bool of_machine = false;              // the default is this machine's
    bool chosen = false;                  // on the command line, or on that of the stored run
    std::vector<std::string> given = {};  // as on the command line
    // Checks these words and fills the variable.
    std::function<void(const std::vector<std::string>&)> read = {};
    // Of the variable, once all are filled.
    std::function<void()> check = [] {};
    std::function<json()> get = {};
};

bool Bounds::hold(double number) const {
    const bool above_low = low_allowed ? number >= low : number > low;
    const bool below_high = high_allowed ? number <= high : number < high;
    return above_low && below_high;
}

Options::Options(const std::string& program, const std::string& what_it_does)
    : app_(std::make_unique<CLI::App>(what_it_does, program)) {
    app_->get_formatter()->column_width(34);
    app_->set_version_flag("--version", "taper " TAPER_VERSION "\n", "Print the version and exit");
}
Options::~Options() = default;

Options::Entry& Options::entry(const std::string& name, const std::string& help,
                               const std::string& fallback) {
    Entry& e = *entries_.emplace_back(std::make_unique<Entry>());
    e.name = name;
    const std::string shown_fallback = fallback.empty() ? "" : " [" + escaped(fallback) + "]";
    e.option = app_->add_option(name, e.given, help + shown_fallback);
    e.option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->type_name("");
    e.option->allow_extra_args(false);  // nor would [a,b] be a value
    return e;
}

static std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

[[noreturn]] static void refuse(const std::string& name, const std::string& rule,
                                const std::string& value, const std::string& hint = "") {
    throw Error(name + ": the value must be " + rule + ": '" + shortened(value) + "'" + hint);
}

// The whole of text as a number, or nothing.
template <class N> static std::optional<N> number_in(const std::string& text) {
    N value{};
    const char* const text_end = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), text_end, value);
    const bool whole = error == std::errc() && end == text_end;
    return whole ? std::optional(value) : std::nullopt;
}

static bool is_utf8(std::string_view text) {
    for (const CodePoint& c : CodePoints(text))
        if (!c.valid) return false;
    return true;
}

static std::uint64_t count_in(const std::string& name, const std::string& text, std::uint64_t low,
                              std::uint64_t high) {
    const auto number = number_in<std::uint64_t>(text);
    if (!number || *number < low || *number > high)
        refuse(name, "a whole number from " + std::to_string(low) + " to " + std::to_string(high),
               text);
    return *number;
}

void Options::count(const std::string& name, std::uint64_t& value, std::uint64_t low,
                    std::uint64_t high, const std::string& help) {
    const bool has_default = low <= value && value <= high;
    Entry& e = entry(name, help, has_default ? std::to_string(value) : "");
    e.read = [name, low, high, &value](const std::vector<std::string>& given) {
        value = count_in(name, given[0], low, high);
    };
    e.get = [&value] { return json(value); };
}

static std::string joined(const std::vector<std::uint64_t>& numbers) {
    std::string text;
    for (const std::uint64_t number : numbers)
        text += (text.empty() ? "" : ",") + std::to_string(number);
    return text;
}

static std::vector<std::string> split_at_commas(const std::string& text) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (std::size_t comma = text.find(','); comma != text.npos; comma = text.find(',', begin)) {
        parts.push_back(text.substr(begin, comma - begin));
        begin = comma + 1;
    }
    parts.push_back(text.substr(begin));
    return parts;
}

void Options::counts(const std::string& name, std::vector<std::uint64_t>& values, std::uint64_t low,
                     std::uint64_t high, const std::string& help) {
    Entry& e = entry(name, help, joined(values));
    e.read = [name, low, high, &values](const std::vector<std::string>& given) {
        std::vector<std::uint64_t> numbers;
        for (const std::string& part : split_at_commas(given[0]))
            numbers.push_back(count_in(name, part, low, high));
        values = numbers;
    };
    e.get = [&values] { return json(joined(values)); };
}

void Options::number(const std::string& name, double& value, const Bounds& bounds,
                     const std::string& help) {
    Entry& e = entry(name, help, shortest(value));
    e.read = [name, bounds, &value](const std::vector<std::string>& given) {
        const auto number = number_in<double>(given[0]);
        if (!number || !bounds.hold(*number)) refuse(name, bounds.text, given[0]);
        value = *number;
    };
    e.get = [&value] { return json(value); };
}

void Options::word(const std::string& name, std::string& value,
                   const std::vector<std::string>& words, const std::string& help) {
    const std::string choice = joined(words);
    Entry& e = entry(name, help + ": " + choice, value);
    e.read = [name, words, choice, &value](const std::vector<std::string>& given) {
        if (std::find(words.begin(), words.end(), given[0]) == words.end())
            refuse(name, "one of " + choice, given[0], did_you_mean(given[0], words));
        value = given[0];
    };
    e.get = [&value] { return json(value); };
}

void Options::text(const std::string& name, std::string& value, const std::string& help) {
    Entry& e = entry(name, help, value);
    e.read = [&value](const std::vector<std::string>& given) { value = given[0]; };
    e.get = [&value] { return json(value); };
}

void Options::required_text(const std::string& name, std::string& value, const std::string& help) {
    Entry& e = entry(name, help, "required");
    e.required = true;
    e.read = [&value](const std::vector<std::string>& given) { value = given[0]; };
    e.get = [&value] { return json(value); };
}

static auto reader_of_path(const std::string& name, std::string& value) {
    return [name, &value](const std::vector<std::string>& given) {
        if (given[0].empty()) refuse(name, "a path", given[0]);
        value = given[0];
    };
}

void Options::path(const std::string& name, std::string& value, const std::string& help) {
    text(name, value, help);
    entries_.back()->read = reader_of_path(name, value);
}

void Options::required_path(const std::string& name, std::string& value, const std::string& help) {
    required_text(name, value, help);
    entries_.back()->read = reader_of_path(name, value);
}

void Options::model_directory(const std::string& name, std::string& value,
                              const std::string& help) {
    required_path(name, value, help);
    Entry& e = *entries_.back();
    e.check = [&value] {
        const std::string path = value + "/config.json";
        std::error_code none;
        if (std::filesystem::status(path, none).type() == std::filesystem::file_type::not_found)
            throw Error(path +
                        ": the file must exist: train a model first, as in: sh examples/run.sh");
    };
}

void Options::files(const std::string& name, std::vector<std::string>& values,
                    const std::string& help) {
    Entry& e = entry(name, help, "");
    e.repeatable = true;
    e.read = [name, &values](const std::vector<std::string>& given) {
        const auto check = [&](const std::string& path) {  // a path is shown whole
            if (path.empty() || !is_utf8(path))
                throw Error(name + ": the value must be the path of a file, in UTF-8: '" + path +
                            "'");
        };
        values.clear();
        for (const std::string& path : given) {
            check(path);
            values.push_back(std::filesystem::absolute(path));
            check(values.back());
        }
    };
    e.get = [&values] { return json(values); };
}

void Options::flag(const std::string& name, bool& value, const std::string& help) {
    Entry& e = *entries_.emplace_back(std::make_unique<Entry>());
    e.name = name;
    e.is_flag = true;
    e.option =
        app_->add_flag(name, e.given, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    e.option->disable_flag_override();
    e.read = [name, &value](const std::vector<std::string>& given) {
        if (given[0] != "true" && given[0] != "false") refuse(name, "true or false", given[0]);
        value = given[0] == "true";
    };
    e.get = [&value] { return json(value); };
}

void Options::words(const std::string& name, std::vector<std::string>& values,
                    const std::string& help) {
    Entry& e = *entries_.emplace_back(std::make_unique<Entry>());
    e.name = name;
    e.is_words = true;
    e.repeatable = true;
    e.option = app_->add_option(name, e.given, help)->expected(0, -1)->type_name("");
    e.read = [&values](const std::vector<std::string>& given) { values = given; };
    e.get = [&values] { return json(values); };
}

[[noreturn]] static void refuse_value(const std::string& name, const std::string& found) {
    throw Error(name + ": a value must follow: " + found);
}

// CLI11 would take the next word, even an option, as the value of --out= and of --out, and has no
// hints.
void Options::require_known_options_with_values(int argc, char** argv) const {
    std::vector<std::string> names{"--help", "--version"};
    bool takes_words = false;
    for (const auto& e : entries_) {
        if (e->is_words) takes_words = true;
        else names.push_back(e->name);
    }
    std::string hint;  // of the option before
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const std::string name = word.substr(0, word.find('='));
        const Entry* e = find(name);
        const bool known =
            e || name == "-h" || std::find(names.begin(), names.end(), name) != names.end();
        if (!known && name.starts_with('-'))
            throw Error(shortened(name) + ": the option must be one that --help lists" +
                        did_you_mean(name, names));
        if (!known && takes_words) continue;
        if (!known)
            throw Error("'" + shortened(word) +
                        "': every word must be an option that --help lists, or its value" + hint);
        hint = e && e->repeatable ? ": " + name + " stands before each value of its own" : "";
        if (!e || e->is_flag) continue;
        const bool has_equals_sign = word.size() > name.size();
        if (has_equals_sign) {
            if (word.size() == name.size() + 1) refuse_value(name, "there is none");
            continue;
        }
        ++i;  // to the value
        if (i == argc) refuse_value(name, "there is none");
        if (find(argv[i])) refuse_value(name, "'" + std::string(argv[i]) + "'");
    }
}

bool Options::parse(int argc, char** argv) {
    require_known_options_with_values(argc, argv);
    try {
        app_->parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        print_result(app_->help());
        return false;
    } catch (const CLI::CallForVersion& version) {
        print_result(version.what());
        return false;
    } catch (const CLI::ParseError& error) {
        std::string text = error.what();
        std::replace(text.begin(), text.end(), '\n', ' ');
        throw Error("options: the command line must be as --help says: " + text);
    }
    for (const auto& e : entries_) {
        if (e->required && e->given.empty())
            throw Error(e->name + ": the option must be given: it is required");
        if (e->given.size() > 1 && !e->repeatable)
            throw Error(e->name + ": the option must be given only once: '" +
                        shortened(e->given[0]) + "', '" + shortened(e->given[1]) + "'");
        e->chosen = !e->given.empty();
        if (e->chosen) e->read(e->given);
    }
    for (const auto& e : entries_) e->check();
    return true;
}

bool Options::parse(const std::vector<std::string>& command_line) {
    std::vector<std::string> words = command_line;
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    return parse(static_cast<int>(argv.size()), argv.data());
}

const Options::Entry* Options::find(std::string_view name) const {
    for (const auto& e : entries_)
        if (e->name == name && !e->is_words) return e.get();
    return nullptr;
}

bool Options::given(std::string_view name) const {
    const Entry* e = find(name);
    return e && !e->given.empty();
}

std::vector<std::string> Options::given_of(const std::vector<std::string>& names) const {
    std::vector<std::string> found;
    for (const std::string& name : names)
        if (given(name)) found.push_back(name);
    return found;
}

std::string Options::blamed(const std::vector<std::string>& names) const {
    const std::vector<std::string> on_command_line = given_of(names);
    if (!on_command_line.empty()) return joined(on_command_line);
    std::vector<std::string> known;
    for (const std::string& name : names)
        if (find(name)) known.push_back(name);
    return joined(known);
}

std::string Options::without_effect(const std::vector<std::string>& names,
                                    const std::string& other) const {
    const std::vector<std::string> idle = given_of(names);
    return idle.empty() ? "" : joined(idle) + ": no effect with " + other;
}

void Options::default_is_of_machine(const std::string& name) {
    for (const auto& e : entries_)
        if (e->name == name) e->of_machine = true;
}

static bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

json Options::stored(const std::vector<std::string>& names) const {
    json values = json::object();
    for (const auto& e : entries_) {
        const bool portable = e->chosen || !e->of_machine;
        if (contains(names, e->name) && portable) values[e->name] = e->get();
    }
    return values;
}

json Options::all_but(const std::vector<std::string>& names) const {
    json values = json::object();
    for (const auto& e : entries_)
        if (!contains(names, e->name)) values[e->name] = e->get();
    return values;
}

// As they would stand on the command line.
static std::vector<std::string> words_of(const json& value, bool repeatable) {
    std::vector<std::string> words;
    const json parts = value.is_array() && repeatable ? value : json::array({value});
    for (const json& part : parts)
        words.push_back(part.is_string() ? part.get<std::string>() : part.dump());
    return words;
}

void Options::restore(const json& stored, const std::vector<std::string>& names,
                      const std::vector<std::string>& may_change, const std::string& subject) {
    for (const std::string& name : names)
        if (!stored.contains(name) && !find(name)->of_machine)
            throw Error(subject + ": every option must be stored: " + name + " is missing");
    for (const auto& [name, value] : stored.items())
        if (!contains(names, name))
            throw Error(subject + ": no option may be stored that this program does not have: " +
                        shortened(name));
    for (const auto& e : entries_) {
        if (!stored.contains(e->name)) continue;
        e->chosen = true;
        const json wanted = e->get();
        try {
            e->read(words_of(stored[e->name], e->repeatable));
        } catch (const Error& error) {
            throw Error(subject + ": " + error.what());
        }
        if (e->given.empty()) continue;
        if (!contains(may_change, e->name) && e->get() != wanted)
            throw Error(e->name + ": with --resume the value must be that of " + subject +
                        ": given " + shortened(wanted.dump()) + ", stored " +
                        shortened(e->get().dump()));
        e->read(e->given);
    }
}

}  // namespace taper::examples
