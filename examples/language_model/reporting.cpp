#include "examples/language_model/reporting.hpp"

#include <algorithm>
#include <chrono>

#include "examples/common/program.hpp"

namespace taper::examples {

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

void Reporter::begin(std::uint64_t steps_done, std::size_t parameters,
                     const std::vector<std::string>& outline, std::size_t validation) {
    say_line(grouped(parameters) + " parameters");
    for (const std::string& line : outline) say_line(line);
    if (steps_done > 0) say_line("goes on after step " + grouped(steps_done));
    standing_.step = steps_done;
    standing_.steps = options_.steps;
    // Backward takes about twice the time of forward.
    validation_steps_ = static_cast<double>(validation) / static_cast<double>(options_.batch) / 3;
    began_at_ = now();
    reported_at_ = began_at_;
    refresh();
}

std::optional<double> Reporter::seconds_left() const {
    if (!standing_.loss) return std::nullopt;
    const auto times = [&](std::uint64_t every) {
        return static_cast<double>(times_due(standing_.step, standing_.steps, every));
    };
    const double step = step_.mean_or(0);
    return times(1) * step +
           times(options_.eval_every) * validation_.mean_or(validation_steps_ * step) +
           times(options_.save_every) * save_.mean_or(0);
}

Standing Reporter::standing() const {
    Standing standing = standing_;
    standing.elapsed = now() - began_at_;
    standing.left = seconds_left();
    return standing;
}

void Reporter::trained(const StepMetrics& metrics, double seconds) {
    recent_.add(metrics.loss, metrics.tokens_per_second * seconds, seconds);
    step_.add(seconds);
    standing_.step = metrics.step;
    standing_.loss = recent_.loss();
    standing_.tokens_per_second = recent_.tokens_per_second();
}

void Reporter::validating() {
    standing_.validating = true;
    refresh();
}

void Reporter::say_report(const Standing& standing) {
    const auto columns = terminal_columns();
    say_line(report_line(standing, columns ? *columns - 1 : any_width));
    reported_at_ = now();
    refreshed_at_ = 0;
}

void Reporter::report() {
    standing_.validating = false;
    say_report(standing());
}

void Reporter::refresh() {
    constexpr double between_drawings = 0.2;  // seconds
    constexpr double between_lines = 10;      // seconds
    const double time = now();
    if (time - refreshed_at_ < between_drawings) return;
    refreshed_at_ = time;
    if (const auto columns = terminal_columns()) {
        say_in_place(progress_line(standing(), *columns - 1));
        return;
    }
    if (time - reported_at_ < between_lines || !standing_.loss || standing_.validating) return;
    Standing without_validation = standing();
    without_validation.validation.reset();
    say_report(without_validation);
}

void Reporter::validated(double seconds) { validation_.add(seconds); }

void Reporter::saved(double seconds) { save_.add(seconds); }

// The command of another program of ours, in the folder that this one was called in.
static std::string command_beside(const std::string& program, const std::string& name) {
    const std::size_t slash = program.rfind('/');
    return shell_quoted(slash == program.npos ? name : program.substr(0, slash + 1) + name);
}

// The program that uses such a model.
static std::string user_of(ModelKind kind) {
    if (kind == ModelKind::classifier) return "classify";
    return kind == ModelKind::causal ? "generate" : "fill_mask";
}

void say_done(const TrainingOptions& options, const RunLog& log) {
    say_line("done: the model is in " + options.out);
    if (const auto& best = log.best())
        say_line("best validation loss: " + fixed(*best->val_loss, 4) + " at step " +
                 grouped(best->step));
    if (log.drawn()) say_line("loss over the steps: " + options.out + "/loss.svg");
}

void say_how_to_use(const std::string& program, const TrainingOptions& options, ModelKind kind,
                    const std::string& beginning) {
    say_line("now try:");
    std::string command = command_beside(program, user_of(kind));
    command += " --model " + shell_quoted(options.out);
    if (kind == ModelKind::causal) {
        if (!beginning.empty()) command += " --prompt " + shell_quoted(beginning);
    } else if (kind == ModelKind::classifier) {
        command += " --text " + shell_quoted(beginning);
    } else {
        const bool has_spaces = beginning.find(' ') != beginning.npos;
        const std::string text = beginning + (has_spaces ? " " : "") + "[MASK]";
        command += " --text " + shell_quoted(text);
    }
    say_unbroken("  " + command + "\n");
}

void say_how_to_resume(const std::string& program, const TrainingOptions& options) {
    say_line("to go on:");
    say_unbroken("  " + shell_quoted(program) + " --resume --out " + shell_quoted(options.out) +
                 "\n");
}

// Without what stands before the first space and behind the last, where a word is between them.
static std::string whole_words(const std::string& text) {
    const std::size_t first = text.find(' ');
    const std::size_t last = text.rfind(' ');
    const bool has_word = text.find_first_not_of(' ', first) < last;
    return has_word ? text.substr(first + 1, last - first - 1) : text;
}

// What comes first of what a terminal shows as it is, without spaces before it.
static std::string plain_beginning(std::string_view bytes) {
    std::string text;
    for (const CodePoint& c : CodePoints(bytes)) {
        const bool shown = c.valid && escaped(c.bytes) == c.bytes;
        const bool leading_space = text.empty() && c.bytes == " ";
        if (!shown && !text.empty()) break;
        if (shown && !leading_space) text += c.bytes;
    }
    return text;
}

std::string beginning_of(const TokenIds& document, const Tokenizer& tokenizer) {
    constexpr std::size_t most = 40;  // tokens
    const std::size_t tokens = std::min(document.size(), most);
    const std::string bytes = tokenizer.decode(std::span(document).first(tokens));
    const std::string text = plain_beginning(bytes);
    if (text.empty()) return std::string(first_code_point(bytes).bytes);
    const bool is_cut = tokens < document.size() && bytes.ends_with(text);
    return is_cut ? text.substr(0, text.rfind(' ')) : text;
}

std::string beginning_of(const Corpus& corpus, const Tokenizer& tokenizer, std::size_t length) {
    const auto window = corpus.training_window(Random(0, "beginning"), 0);
    const std::size_t tokens = std::clamp<std::size_t>(length / 2, 1, 8);
    const std::string bytes = tokenizer.decode(window.first(tokens));
    std::string text = whole_words(plain_beginning(bytes));
    const CodePoint first = first_code_point(bytes);
    // Without a prompt generate begins with a newline.
    if (text.empty() && !tokenizer.mask_id() && first.bytes != "\n") text = first.bytes;
    if (!tokenizer.mask_id()) return text;
    // The mask must fit beside it. Cut out, the text may have more tokens.
    const bool fits = tokenizer.encode(text).size() < length;
    return fits ? text : "";
}

}  // namespace taper::examples
