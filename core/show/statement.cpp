#include "core/show/statement.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace taper {

// ---- Letters

static bool is_word(char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

// Where the word that begins at i ends.
static std::size_t end_of_word(std::string_view text, std::size_t i) {
    while (i < text.size() && is_word(text[i])) ++i;
    return i;
}

static std::size_t next_letter(std::string_view text, std::size_t i) {
    while (i < text.size() && is_blank(text[i])) ++i;
    return i;
}

// ---- Comments and quotes

// Where what begins at i ends, if it is a comment or stands in quotes; else i.
static std::size_t end_of_unread(std::string_view text, std::size_t i) {
    const auto after = [&](std::string_view mark, std::size_t from) {
        const std::size_t found = text.find(mark, from);
        return found == text.npos ? text.size() : found + mark.size();
    };
    const std::string_view rest = text.substr(i);
    const bool after_word = i > 0 && is_word(text[i - 1]);
    if (rest.starts_with("//")) return std::min(text.find('\n', i), text.size());
    if (rest.starts_with("/*")) return after("*/", i + 2);
    if (rest.starts_with("R\"") && !after_word) {
        const std::size_t open = text.find('(', i);
        if (open == text.npos) return text.size();
        return after(")" + std::string(text.substr(i + 2, open - i - 2)) + "\"", open);
    }
    const bool is_quote = text[i] == '"' || (text[i] == '\'' && !after_word);  // 1'000 is a number
    if (!is_quote) return i;
    std::size_t end = i + 1;
    while (end < text.size() && text[end] != text[i] && text[end] != '\n')
        end += text[end] == '\\' ? 2 : 1;
    return std::min(end + 1, text.size());
}

std::string without_comments(const std::string& text) {
    std::string blanked = text;
    std::size_t i = 0;
    while (i < text.size()) {
        const std::size_t end = end_of_unread(text, i);
        for (std::size_t j = i; j < end; ++j)
            if (blanked[j] != '\n') blanked[j] = ' ';
        i = std::max(end, i + 1);
    }
    return blanked;
}

// ---- The op whose output an expression is

namespace {

// Its calls may record several ops, the last of which makes the value.
struct Composition {
    std::string_view function, last;
    std::array<std::string_view, 6> all;
};

struct Operator {
    char sign;
    std::string_view op;
};

}  // namespace

static constexpr std::array<Composition, 7> compositions{{
    {"mean", "div", {"sum", "div"}},
    {"variance", "div", {"sum", "div", "sub", "square", "sum", "div"}},
    {"stack", "concat", {"reshape", "concat"}},
    {"split_heads", "transpose", {"reshape", "transpose"}},
    {"merge_heads", "reshape", {"transpose", "reshape"}},
    // over another axis than the last
    {"softmax", "softmax", {"transpose", "softmax", "transpose"}},
    {"log_softmax", "log_softmax", {"transpose", "log_softmax", "transpose"}},
}};

static constexpr std::array<Operator, 4> operators{
    {{'+', "add"}, {'-', "sub"}, {'*', "mul"}, {'/', "div"}}};

static std::string_view op_of_sign(char sign) {
    for (const Operator& known : operators)
        if (known.sign == sign) return known.op;
    return "";
}

// Where the bracket that opens at i closes; npos: nowhere.
static std::size_t closing(std::string_view text, std::size_t i) {
    const std::string_view open = "([{", closed = ")]}";
    std::string expected;
    for (; i < text.size(); ++i) {
        if (const std::size_t kind = open.find(text[i]); kind != open.npos) {
            expected += closed[kind];
        } else if (closed.find(text[i]) != closed.npos) {
            if (text[i] != expected.back()) return text.npos;
            expected.pop_back();
            if (expected.empty()) return i;
        }
    }
    return text.npos;
}

// Where template arguments end that begin at i, as <double> before a call; i: there are none.
static std::size_t end_of_template(std::string_view text, std::size_t i) {
    if (i >= text.size() || text[i] != '<') return i;
    int depth = 0;
    for (std::size_t j = i; j < text.size(); ++j) {
        if (text[j] == '<') ++depth;
        if (text[j] == '>' && --depth == 0) {
            const std::size_t next = next_letter(text, j + 1);
            return next < text.size() && text[next] == '(' ? j + 1 : i;
        }
        if (!is_word(text[j]) && std::string_view("<>:, *").find(text[j]) == std::string_view::npos)
            return i;
    }
    return i;
}

// The op of a call `name(arguments)` that is all of the text.
static std::string op_of_call(std::string_view text) {
    std::size_t begin = 0;  // of the last part of the name
    std::size_t i = end_of_word(text, 0);
    while (text.substr(i, 2) == "::") {
        begin = i + 2;
        i = end_of_word(text, begin);
    }
    const std::string_view name = text.substr(begin, i - begin);
    const bool composed = text.substr(0, begin).ends_with("composed::");
    i = end_of_template(text, i);
    if (name.empty() || is_digit(name[0]) || composed || i >= text.size() || text[i] != '(' ||
        closing(text, i) != text.size() - 1)
        return "";
    const bool over_axis =
        (name == "softmax" || name == "log_softmax") && text.substr(i).find(',') != text.npos;
    if (over_axis) return "";  // if it is not the last one, the value is the output of a transpose
    for (const Composition& known : compositions)
        if (known.function == name) return std::string(known.last);
    return std::string(name);
}

static std::string op_of(std::string_view expression) {
    const std::string_view text = trimmed(expression);
    char sum = 0, product = 0;  // the last sign of each
    bool after_operand = false, begins_negative = false;
    std::size_t i = 0;
    while (i < text.size()) {
        const char c = text[i];
        const bool is_number = is_digit(c) || (c == '.' && i + 1 < text.size() &&
                                               is_digit(text[i + 1]) && !after_operand);
        if (is_blank(c)) {
            ++i;
        } else if (is_number) {
            while (i < text.size() && (is_word(text[i]) || text[i] == '.' || text[i] == '\'' ||
                                       ((text[i] == '-' || text[i] == '+') &&
                                        (text[i - 1] == 'e' || text[i - 1] == 'E'))))
                ++i;
            after_operand = true;
        } else if (is_word(c)) {
            i = end_of_template(text, end_of_word(text, i));
            after_operand = true;
        } else if (c == '(' || c == '[' || c == '{') {
            const std::size_t close = closing(text, i);
            if (close == text.npos) return "";
            i = close + 1;
            after_operand = true;
        } else if (text.substr(i, 2) == "->" || text.substr(i, 2) == "::") {
            i += 2;
        } else if (c == '.') {
            ++i;
        } else if (const std::string_view op = op_of_sign(c); !op.empty()) {
            const char next = i + 1 < text.size() ? text[i + 1] : ' ';
            if (next == '=' || (next == c && c != '*')) return "";
            if (after_operand && (c == '+' || c == '-')) sum = c;
            else if (after_operand) product = c;
            else if (c == '-' && i == 0) begins_negative = true;
            after_operand = false;
            ++i;
        } else {
            return "";
        }
    }
    if (sum) return std::string(op_of_sign(sum));
    if (product) return std::string(op_of_sign(product));
    if (begins_negative) return "neg";
    if (!text.empty() && text[0] == '(' && closing(text, 0) == text.size() - 1)
        return op_of(text.substr(1, text.size() - 2));
    return op_of_call(text);
}

// ---- Assignments and statements

// The parts of a text between commas that stand in no bracket.
static std::vector<std::string_view> parts_between_commas(std::string_view text) {
    std::vector<std::string_view> parts;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '(' || text[i] == '[' || text[i] == '{') {
            const std::size_t close = closing(text, i);
            if (close == text.npos) break;
            i = close;
        } else if (text[i] == ',') {
            parts.push_back(text.substr(begin, i - begin));
            begin = i + 1;
        }
    }
    parts.push_back(text.substr(begin));
    return parts;
}

// The first sign of assignment that stands in no bracket; npos: there is none.
static std::size_t assignment_sign(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '(' || text[i] == '[' || text[i] == '{') {
            i = closing(text, i);
            if (i == text.npos) return i;
        } else if (text[i] == '=') {
            const bool compares =
                (i > 0 && std::string_view("=!<>").find(text[i - 1]) != std::string_view::npos) ||
                text.substr(i + 1, 1) == "=";
            return compares ? text.npos : i;
        }
    }
    return text.npos;
}

// `Var<double> y = x * w`, `y = x * w` or `y += x`; no variable where it is another text.
static Assignment assignment_of(std::string_view text, std::size_t begin) {
    Assignment none{begin, text, "", ""};
    const std::size_t sign = assignment_sign(text);
    if (sign == text.npos || sign == 0) return none;
    const std::string_view op_of_compound = op_of_sign(text[sign - 1]);
    const std::size_t end_of_left = op_of_compound.empty() ? sign : sign - 1;
    const std::string_view left = trimmed(text.substr(0, end_of_left));
    std::size_t word = left.size();
    while (word > 0 && is_word(left[word - 1])) --word;
    const std::string_view variable = left.substr(word);
    const std::string_view before = left.substr(0, word);
    const bool is_member = before.ends_with('.') || before.ends_with("->") || before.ends_with(':');
    if (variable.empty() || is_digit(variable[0]) || is_member) return none;
    const std::string op =
        op_of_compound.empty() ? op_of(text.substr(sign + 1)) : std::string(op_of_compound);
    return {begin, text, std::string(variable), op};
}

// Longer ones are not read.
static constexpr std::size_t longest_statement = 4000;

// Where the statement that begins at i ends: before a ; or where a block begins or ends.
static std::size_t end_of_statement(std::string_view text, std::size_t i) {
    const std::size_t begin = i;
    const std::size_t most = std::min(text.size(), begin + longest_statement);
    while (i < most && text[i] != ';' && text[i] != '}' && text[i] != ')') {
        const bool opens_block =
            text[i] == '{' && assignment_sign(text.substr(begin, i - begin)) == text.npos;
        if (opens_block) return i;
        if (text[i] == '(' || text[i] == '[' || text[i] == '{') {
            const std::size_t close = closing(text.substr(0, most), i);
            if (close == text.npos) return most;
            i = close;
        }
        ++i;
    }
    return i;
}

std::vector<Statement> statements_in(std::string_view text, std::size_t begin, std::size_t end) {
    const std::size_t earliest = begin - std::min(begin, longest_statement);
    std::size_t start = begin;
    while (start > earliest && std::string_view(";{}").find(text[start - 1]) == text.npos) --start;
    std::vector<Statement> statements;
    while (start < end) {
        const std::size_t stop = end_of_statement(text, start);
        Statement statement{text.substr(start, stop - start), {}};
        const bool in_bracket = text.substr(stop, 1) == ")";  // it began in the middle
        for (const std::string_view part : parts_between_commas(statement.text)) {
            const auto place = static_cast<std::size_t>(part.data() - text.data());
            const Assignment found = assignment_of(part, place);
            if (!found.variable.empty() && !in_bracket) statement.assignments.push_back(found);
        }
        if (stop > begin) statements.push_back(std::move(statement));
        start = stop + 1;
    }
    return statements;
}

// ---- How often an op is spelled

static std::size_t calls_of(std::string_view text, std::string_view function) {
    std::size_t calls = 0;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t end = end_of_word(text, i);
        if (end == i) {
            ++i;
            continue;
        }
        const std::size_t next = next_letter(text, end_of_template(text, end));
        const bool is_call = next < text.size() && text[next] == '(';
        calls += is_call && text.substr(i, end - i) == function;
        i = end;
    }
    return calls;
}

static std::size_t signs_in(std::string_view text, char sign) {
    std::size_t signs = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != sign) continue;
        const char next = i + 1 < text.size() ? text[i + 1] : ' ';
        const bool is_other = (sign != '*' && next == sign) || (sign == '-' && next == '>');
        if (is_other) ++i;
        else ++signs;
    }
    return signs;
}

std::size_t times_spelled(std::string_view text, std::string_view op) {
    std::size_t times = calls_of(text, op);
    for (const Operator& known : operators)
        if (known.op == op || (op == "neg" && known.sign == '-'))
            times += signs_in(text, known.sign);
    for (const Composition& known : compositions) {
        if (known.function == op) continue;  // counted as a call
        const auto made = std::count(known.all.begin(), known.all.end(), op);
        times += static_cast<std::size_t>(made) * calls_of(text, known.function);
    }
    return times;
}

}  // namespace taper
