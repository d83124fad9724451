// Labelled documents: read from a file of lines or from a folder a class, and checked. What becomes
// of them is in encoded_documents.hpp.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "examples/common/text.hpp"

namespace taper::examples {

struct Document {
    std::string label;  // the name of its class
    std::string text;
    std::string place;  // for messages: FILE:LINE, or the file
};

struct Documents {
    std::vector<Document> documents;
    std::vector<std::string> notices;  // one line each, for the user
};

// The documents at a path.
//     file       A line is a document: label, tab, text. The text is all that follows the first
//                tab, quotes and further tabs too. A carriage return before the end of a line
//                belongs to that end. Blank lines at the end of the file are none.
//     directory  A folder is a class of its name, a file in it a document. They come in the order
//                of their names. What begins with a dot, and all that is neither such a folder nor
//                such a file, is left out.
// Error, which names FILE:LINE or the file: a line without a tab, a label or a text that is empty,
// a label that is not UTF-8, and what read_text refuses; or a path that has no document.
Documents read_documents(const std::string& path, Encoding encoding);

// Each label once, by name: in the order of their bytes.
std::vector<std::string> class_names_of(std::span<const Document> documents);

// The number of its class, whose name is among these.
std::size_t class_of(const Document& document, std::span<const std::string> class_names);
// "'a' 100 documents, 'b' 1 document": the classes and how much there is of each, at most twenty.
std::string classes_text(std::span<const Document> documents);
// Error, which names the place and the classes, at most ten: that of a document is none of these.
void require_known_classes(std::span<const Document> documents,
                           std::span<const std::string> class_names);

// Of labels and texts, in their order: 16 hexadecimal digits.
std::string hash_of(std::span<const Document> documents);

}  // namespace taper::examples
