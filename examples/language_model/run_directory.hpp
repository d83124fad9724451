// The directory of a run: who may begin one in it, and that it stays the run's own as long as the
// run lives.
#pragma once

#include <sys/types.h>

#include <array>
#include <optional>
#include <string>

namespace taper::examples {

// All files of a run directory; those of its model are among them.
inline constexpr std::array run_files = {
    "checkpoint.safetensors", "model.safetensors", "config.json", "tokenizer.json",
    "metrics.jsonl",          "samples.txt",       "loss.svg",    "results.json"};

// A file or directory by its device and inode, not by its name. As long as it is open no other one
// has these numbers.
class FileIdentity {
  public:
    // Of the open file, or without a descriptor of the one that has this path now.
    // std::system_error: there is none.
    explicit FileIdentity(std::string path, int descriptor = -1);
    // std::runtime_error "PATH: RULE: ..." where the path is no longer this one's.
    void require_still_there(const std::string& rule) const;

  private:
    std::string path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

class RunDirectory {
  public:
    explicit RunDirectory(std::string path) : path_(std::move(path)) {}
    ~RunDirectory();
    RunDirectory(const RunDirectory&) = delete;
    RunDirectory& operator=(const RunDirectory&) = delete;

    // Error if it cannot hold a new run: it must be new or empty, or hold no more than a run in
    // which no step was done.
    void require_new() const;
    // Makes the directory, asks require_new() again, and removes what such a run left but the
    // checkpoint, which the new one replaces.
    void begin();
    // Error if it holds no run, or another program is writing it.
    void reopen();
    // Once begun or reopened. std::runtime_error if the path leads elsewhere by now, perhaps to
    // another run.
    void require_ours() const;

  private:
    void claim();
    std::string path_;
    int descriptor_ = -1;  // its lock is the claim
    std::optional<FileIdentity> identity_;
};

}  // namespace taper::examples
