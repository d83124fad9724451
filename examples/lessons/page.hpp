// The option --page FILE of a lesson: its tape as a page, to be opened in a browser.
#pragma once

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "core/io/file.hpp"
#include "core/show/inspect.hpp"

namespace taper::lessons {

class Page {
  public:
    // Of main's arguments: none, or --page FILE. --help prints the usage and ends with status 0,
    // anything else with 2.
    Page(int argc, char** argv) {
        const std::string option = argc > 1 ? argv[1] : "";
        if (argc == 3 && option == "--page" && *argv[2] != '\0') file_ = argv[2];
        else if (argc == 2 && option.starts_with("--page=") && option.size() > 7)
            file_ = option.substr(7);
        else if (argc > 1) {
            const bool help = argc == 2 && option == "--help";
            (help ? std::cout : std::cerr)
                << "usage: " << argv[0] << " [--page FILE]\n"
                << "  --page FILE   write the lesson's tape to FILE, a page for a browser\n";
            std::exit(help ? 0 : 2);
        }
    }

    // Writes the tape where --page says so. For gradients the tape must have kept them:
    // tape.backward(loss, Keep::everything). A file that cannot be written ends the program with
    // status 1.
    template <class T> void show(const Tape<T>& tape, const std::string& title) const {
        if (file_.empty()) return;
        try {
            write_file(file_, as_page(tape, title));
        } catch (const std::exception& error) {
            std::cerr << "--page: " << error.what() << "\n";
            std::exit(1);
        }
        std::cout << "  The page of this tape is in " << file_ << ": open it in a browser.\n";
    }

  private:
    std::string file_;  // empty: none is asked for
};

}  // namespace taper::lessons
