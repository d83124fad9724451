// The models of table_2: what is pretrained, what is fine-tuned on which task, and what came of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "examples/common/options.hpp"
#include "examples/paper/report.hpp"
#include "examples/paper/runs.hpp"
#include "examples/paper/verse_tasks.hpp"

namespace taper::examples {

struct Table2Options : PaperOptions {
    std::string text;
    std::uint64_t length = 64;
    std::uint64_t width = 64;
    std::uint64_t heads = 8;
    std::uint64_t layers = 2;
    std::uint64_t batch = 32;
    std::uint64_t pretraining_steps = 3000;
    std::uint64_t steps = 600;        // of fine-tuning
    std::uint64_t most_train = 8000;  // examples of a task
    std::uint64_t most_test = 3000;
    double pretraining_lr = 3e-3;
    double lr = 2e-3;

    Table2Options() : PaperOptions("table_2") { seeds = 1; }
    void declare_all(Options& options);
    void fit(const Options& options);  // the settings of --quick, where others were not given
    void check_sizes(const Options& options) const;
    std::uint64_t less_k() const { return length / 4; }  // the paper's 128 of 512
    std::uint64_t more_k() const { return length / 2; }  // the paper's 256 of 512
};

// What differs between the models.
struct Table2Model {
    std::uint64_t k = 0;  // 0: full attention
    std::string sharing = "headwise";
    bool pretrained = true;

    std::string name() const;  // of its directories
    std::string text() const;  // for people
};

Table2Model full_attention(bool pretrained = true);

// Those of the table, then those that are compared with them: from nothing, and k = 1.
std::vector<Table2Model> table_2_models(const Table2Options& o);

// Of the test examples of a task.
struct Judgement {
    double accuracy;
    double standard_error;  // of a sample of so many examples
    double macro_f1;
};

// What needs no model.
struct TaskBaselines {
    Judgement naive_bayes;
    double most_frequent;  // the accuracy of always guessing the most frequent class
};

struct Table2Results {
    std::vector<std::string> tasks;
    std::map<std::string, TaskBaselines> baselines;  // by task
    std::map<std::string, std::map<std::string, std::vector<Judgement>>>
        of;  // model, task: a seed each

    const std::vector<Judgement>& judgements(const Table2Model& model,
                                             const std::string& task) const;
    // Of each seed, the mean over the tasks.
    std::vector<double> averages(const Table2Model& model) const;
    // Of the mean over tasks and seeds, as far as the examples are a sample: the seeds share them.
    double standard_error(const Table2Model& model) const;
    double naive_bayes_average() const;
};

// Writes the tasks and the text to OUT/data, pretrains, fine-tunes, and judges. What is done
// already is not done again. Returns the exit status: not 0 where a signal stopped it.
int train_table_2(const Table2Options& o, const std::string& own_path, Table2Results& results);

}  // namespace taper::examples
