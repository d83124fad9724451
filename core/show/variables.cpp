#include "core/show/variables.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>

#include "core/io/file.hpp"
#include "core/show/statement.hpp"

namespace taper {

namespace {

// The text of a file, by its lines.
class SourceFile {
  public:
    explicit SourceFile(std::string text) : text_(std::move(text)), code_(without_comments(text_)) {
        for (std::size_t i = 0; i < text_.size(); ++i)
            if (i == 0 || text_[i - 1] == '\n') begins_.push_back(i);
        begins_.push_back(text_.size());
    }

    std::string line(int number) const {
        const auto [begin, end] = bounds(number);
        const std::string text = text_.substr(begin, end - begin);
        const std::string blanks = " \t\r\n";
        const std::size_t first = text.find_first_not_of(blanks);
        return first == text.npos ? ""
                                  : text.substr(first, text.find_last_not_of(blanks) + 1 - first);
    }

    std::vector<Statement> statements(int number) const {
        const auto [begin, end] = bounds(number);
        return statements_in(code_, begin, end);
    }

  private:
    // Of a line, which counts from 1; an empty part where there is none.
    std::pair<std::size_t, std::size_t> bounds(int number) const {
        const auto i = static_cast<std::size_t>(number);
        if (number < 1 || i >= begins_.size()) return {0, 0};
        return {begins_[i - 1], begins_[i]};
    }

    std::string text_, code_;
    std::vector<std::size_t> begins_;  // of the lines, and the end of the text
};

// Which variable the output of an op that was called on a line goes to.
struct Taker {
    std::string variable;
    std::size_t assignment = 0;  // where it begins in its file
    // An execution may record the op several times: the last one is taken.
    bool last_alone = false;
};

}  // namespace

static Taker taker_of(const SourceFile& file, const Call& call) {
    const std::vector<Statement> statements = file.statements(call.source.line);
    std::size_t spelled = 0;
    std::vector<const Assignment*> takers;
    for (const Statement& statement : statements) {
        spelled += times_spelled(statement.text, call.op);
        for (const Assignment& assignment : statement.assignments)
            if (assignment.op == call.op) takers.push_back(&assignment);
    }
    if (takers.empty()) return {};
    const Assignment& taker = *takers.back();  // the only one, or the next line returns
    if (spelled > 1 && times_spelled(taker.text, call.op) != spelled) return {};
    return {taker.variable, taker.begin, spelled > 1};
}

// Of files by their names; null: it cannot be read, or does not say what the program was made of.
static std::shared_ptr<const SourceFile> read_source(const std::string& path) {
    namespace fs = std::filesystem;
    constexpr std::size_t largest = 4'000'000;  // bytes
    std::error_code error;
    const auto built = fs::last_write_time("/proc/self/exe", error);
    const bool is_known = !error;  // not on every system
    const auto written = fs::last_write_time(path, error);
    if (error || (is_known && written > built)) return nullptr;
    try {
        return std::make_shared<const SourceFile>(read_file(path, largest));
    } catch (const std::runtime_error&) {  // Error and std::system_error
        return nullptr;
    }
}

template <class F>
static std::vector<CalledLine> lines_of_calls(const std::vector<Call>& calls, F file_of) {
    std::vector<CalledLine> lines(calls.size());
    std::map<std::pair<std::string, std::string>, Taker> takers;       // by place and op
    std::map<std::pair<std::string, std::size_t>, std::size_t> lasts;  // by file and assignment
    for (std::size_t i = 0; i < calls.size(); ++i) {
        const Call& call = calls[i];
        if (call.source.line == 0 || !call.source.file) continue;
        const std::string path = call.source.file;
        const auto file = file_of(path);
        if (!file) continue;
        lines[i].text = file->line(call.source.line);
        const std::pair key{path + ":" + std::to_string(call.source.line), std::string(call.op)};
        auto known = takers.find(key);
        if (known == takers.end()) known = takers.emplace(key, taker_of(*file, call)).first;
        const Taker& taker = known->second;
        if (taker.variable.empty()) continue;
        const auto [last, is_first] = lasts.try_emplace({path, taker.assignment}, i);
        if (taker.last_alone && !is_first) lines[last->second].variable.clear();
        last->second = i;
        lines[i].variable = taker.variable;
    }
    return lines;
}

std::vector<CalledLine> called_lines(const std::vector<Call>& calls) {
    std::map<std::string, std::shared_ptr<const SourceFile>> files;
    return lines_of_calls(calls, [&](const std::string& path) {
        const auto known = files.find(path);
        if (known != files.end()) return known->second;
        return files.emplace(path, read_source(path)).first->second;
    });
}

std::vector<CalledLine> called_lines(const std::vector<Call>& calls, const std::string& file_text) {
    const auto file = std::make_shared<const SourceFile>(file_text);
    return lines_of_calls(calls, [&](const std::string&) { return file; });
}

}  // namespace taper
