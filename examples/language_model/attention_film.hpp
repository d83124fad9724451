// A film of the attention of one text over the training of a model: a frame, which is a picture of
// its own, at each evaluation, and a page that shows one after another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "examples/language_model/attention_captions.hpp"
#include "examples/language_model/pictures.hpp"
#include "examples/language_model/training.hpp"

namespace taper::examples {

// A frame as its page knows it. Its file holds the same, as JSON in its metadata, so that a run
// that goes on has the frames from before.
struct FilmFrame {
    std::uint64_t step;
    std::string run;    // a hash: frames of another run or text are not joined
    std::string label;  // "step 100: loss 2.31, validation loss 2.40"
    std::size_t width, height;
    std::vector<MapPlace> places;       // of the heads' maps in it
    std::vector<std::string> captions;  // of the heads
};

// Error, which names --plot: frames could not be written there, or the directory is that of the
// run. Asked before any long work.
void check_film(const TrainingOptions& options);

class AttentionFilm {
  public:
    // A film of the first 32 tokens of a text. run: all that tells this run from others; steps: how
    // many are done of it. Error, which names --plot: the directory has frames of another run or
    // text, or a file of such a name that is none.
    AttentionFilm(std::string directory, const Tokenizer& tokenizer, const TokenIds& ids,
                  const std::string& run, std::uint64_t steps);

    // Draws the frame of this step (0: before training) and the page. The first one makes frames go
    // of steps that were not done yet when the film began: a killed run may have had them. What
    // cannot be written is said once, and ends no run.
    void add(const StepMetrics& metrics, const nn::Linformer<float>& model);
    // Where all that was to be drawn is there: its page; else "".
    std::string page() const;

  private:
    void remove_later_frames();
    FilmFrame draw_frame(const StepMetrics& metrics, const nn::Linformer<float>& model);

    std::string directory_;
    PlottedText text_;
    std::string run_;
    std::vector<FilmFrame> frames_;   // in the order of their steps
    std::vector<std::string> later_;  // files of steps that are not done yet
    std::vector<std::string> titles_;
    bool drawn_ = false;
    bool said_undrawn_ = false;
};

inline constexpr std::size_t most_filmed_tokens = 32;

// The film that --plot asks for, of --plot-text, else of the example, at most `length` tokens of
// it; run and steps: as of AttentionFilm. Error: also where the text has no token, or one that the
// vocabulary does not have.
std::optional<AttentionFilm> film_of(const TrainingOptions& options, const Tokenizer& tokenizer,
                                     const TokenIds& example, std::size_t length,
                                     const std::string& run, std::uint64_t steps);
// What adds a frame to it. The film must outlive it.
AfterEvaluation frames_of(std::optional<AttentionFilm>& film);
// Where it is, if it was drawn.
void say_film(const std::optional<AttentionFilm>& film);

// The page of these frames of a text, which are files beside it.
std::string film_page(const std::vector<FilmFrame>& frames, const std::vector<std::string>& titles,
                      const PlottedText& text, const ColourScale& scale);
std::string frame_file(std::uint64_t step);  // "frame_0000000100.svg"

}  // namespace taper::examples
