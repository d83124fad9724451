#include "examples/language_model/run_log.hpp"

#include <array>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"

namespace taper::examples {

namespace {

constexpr std::string_view sample_heading = "== step ";

// The lines of a file one after another, never all at once. A last line without its end was cut by
// a kill: it is none.
class Lines {
  public:
    explicit Lines(const std::string& path) {
        if (std::filesystem::exists(path)) file_.emplace(path);
    }

    // Without its end, and good until the next call. None: there are no more.
    std::optional<std::string_view> next() {
        constexpr std::size_t longest = 1 << 26;
        std::size_t end = buffer_.find('\n', position_);
        while (end == buffer_.npos) {
            if (buffer_.size() - position_ > longest)
                throw Error(file_->path() + ":" + std::to_string(number_ + 1) +
                            ": a line must have at most " + std::to_string(longest) +
                            " bytes: it has more");
            buffer_.erase(0, position_);
            offset_ += position_;
            position_ = 0;
            const std::size_t searched = buffer_.size();
            if (!file_ || !read_block()) return std::nullopt;
            end = buffer_.find('\n', searched);
        }
        const std::string_view line = std::string_view(buffer_).substr(position_, end - position_);
        position_ = end + 1;
        ++number_;
        return line;
    }

    // Of the last line: its number, from 1 on, and where it ends in the file.
    std::uint64_t number() const { return number_; }
    std::uint64_t end() const { return offset_ + position_; }

  private:
    bool read_block() {
        std::array<char, 1 << 16> block;
        const std::size_t count = file_->read(offset_ + buffer_.size(), block.data(), block.size());
        buffer_.append(block.data(), count);
        return count > 0;
    }

    std::optional<InputFile> file_;
    std::string buffer_;
    std::uint64_t offset_ = 0;  // of the buffer in the file
    std::uint64_t number_ = 0;
    std::size_t position_ = 0;  // of the next line in the buffer
};

// The end of the samples up to this step.
std::uint64_t end_of_samples(const std::string& path, std::uint64_t step) {
    Lines lines(path);
    std::uint64_t end = 0;
    while (const auto line = lines.next()) {
        if (line->starts_with(sample_heading)) {
            std::uint64_t number = 0;
            const std::string_view digits = line->substr(sample_heading.size());
            std::from_chars(digits.data(), digits.data() + digits.size(), number);
            if (number > step) break;
        }
        end = lines.end();
    }
    return end;
}

// The steps of metrics.jsonl, and where the line of each ends in the file.
template <class Visit> void each_line(const std::string& metrics_path, Visit visit) {
    Lines lines(metrics_path);
    std::uint64_t last = 0;  // the step of the line before
    while (const auto line = lines.next()) {
        const std::string subject = metrics_path + ":" + std::to_string(lines.number());
        const auto metrics = StepMetrics::from_json(*line, subject);
        if (metrics.step <= last)
            throw Error(subject + ": the steps must ascend: " + std::to_string(metrics.step) +
                        " after " + std::to_string(last));
        last = metrics.step;
        visit(metrics, lines.end());
    }
}

std::string metrics_path_of(const std::string& directory) { return directory + "/metrics.jsonl"; }

}  // namespace

std::vector<StepMetrics> recorded_steps(const std::string& directory) {
    std::vector<StepMetrics> steps;
    each_line(metrics_path_of(directory),
              [&](const StepMetrics& metrics, std::uint64_t) { steps.push_back(metrics); });
    return steps;
}

void RunLog::open(std::uint64_t step) {
    const std::string metrics_path = metrics_path_of(directory_);
    const std::string samples_path = path("samples.txt");
    std::uint64_t count = 0;  // lines that are kept
    std::uint64_t end = 0;    // of the last of them
    each_line(metrics_path, [&](const StepMetrics& metrics, std::uint64_t end_of_line) {
        if (metrics.step > step) return;
        add(metrics);
        ++count;
        end = end_of_line;
    });
    if (count < step)
        say_line(metrics_path + ": of the " + std::to_string(step) + " steps done, " +
                 std::to_string(step - count) + " have no line");
    metrics_.emplace(metrics_path, end);
    samples_.emplace(samples_path, end_of_samples(samples_path, step));
    for (const std::string& file : {metrics_path, samples_path}) identities_.emplace_back(file);
}

void RunLog::add(const StepMetrics& metrics) {
    curves_.add(metrics);
    if (!metrics.val_loss) return;
    if (!best_ || *metrics.val_loss < *best_->val_loss) best_ = metrics;
}

void RunLog::record(const StepMetrics& metrics) {
    metrics_->append(metrics.json() + "\n");
    add(metrics);
}

void RunLog::sample(std::uint64_t step, const std::string& text) {
    samples_->append(std::string(sample_heading) + std::to_string(step) + "\n" + text);
}

void RunLog::require_there() const {
    for (const FileIdentity& identity : identities_)
        identity.require_still_there(
            "the run's log must stay where it is as long as the run goes on");
}

void RunLog::sync() {
    metrics_->sync();
    samples_->sync();
}

void RunLog::draw() {
    const std::vector<Curve> curves = curves_.curves();
    if (curves.empty()) return;
    std::string reason = "the program gnuplot could not draw it (Debian: gnuplot-nox)";
    try {
        drawn_ = plot(path("loss.svg"), "The loss of each step, beside losses that need no model",
                      "step", loss_unit_, curves, Scale::linear, Titles::beside_curves);
    } catch (const std::system_error& error) {  // a run can do without
        drawn_ = false;
        reason = error.what();
    }
    if (drawn_ || said_undrawn_) return;
    said_undrawn_ = true;
    const bool old = std::filesystem::exists(path("loss.svg"));
    say_line((old ? "loss.svg is an older one: " : "no loss.svg: ") + reason);
}

}  // namespace taper::examples
