#include "examples/classifier/documents.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include "core/error.hpp"
#include "examples/common/progress.hpp"

namespace taper::examples {

namespace fs = std::filesystem;

namespace {

void check_label(const std::string& label, const std::string& place) {
    if (label.empty()) throw Error(place + ": a label must not be empty: ''");
    for (const CodePoint& c : CodePoints(label))
        if (!c.valid) throw Error(place + ": a label must be UTF-8: '" + shortened(label) + "'");
}

Document document_of(std::string_view line, const std::string& place) {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos)
        throw Error(place + ": a line must be label, tab, text: there is no tab: '" +
                    shortened(line) + "'");
    Document document{std::string(line.substr(0, tab)), std::string(line.substr(tab + 1)), place};
    check_label(document.label, place);
    if (document.text.empty()) throw Error(place + ": the text behind the tab must not be empty");
    return document;
}

// The bytes without the blank lines at their end.
std::string_view without_blank_end(std::string_view bytes) {
    const std::size_t last = bytes.find_last_not_of("\r\n");
    const std::size_t end = last == bytes.npos ? 0 : bytes.find('\n', last);
    return bytes.substr(0, end);
}

Documents read_lines(const std::string& path, Encoding encoding) {
    const Text text = read_text(path, encoding);
    std::string_view rest = without_blank_end(text.bytes);
    Documents found;
    std::size_t number = 0;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        ++number;
        found.documents.push_back(document_of(line, path + ":" + std::to_string(number)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return found;
}

// What a directory holds, by name.
std::vector<fs::path> entries_of(const fs::path& directory) {
    std::vector<fs::path> entries;
    for (const auto& entry : fs::directory_iterator(directory)) entries.push_back(entry.path());
    std::sort(entries.begin(), entries.end());
    return entries;
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

// "a, b and 3 more": of these items at most so many.
std::string listed(const std::vector<std::string>& items, std::size_t most) {
    std::string text;
    for (std::size_t i = 0; i < std::min(items.size(), most); ++i)
        text += (i > 0 ? ", " : "") + items[i];
    if (items.size() > most) text += " and " + grouped(items.size() - most) + " more";
    return text;
}

std::string quoted(const std::string& name) { return "'" + shortened(name) + "'"; }

Documents read_folders(const std::string& path, Encoding encoding) {
    Documents found;
    std::size_t left_out = 0;
    for (const fs::path& folder : entries_of(path)) {
        if (is_hidden(folder) || !fs::is_directory(folder)) {
            ++left_out;
            continue;
        }
        const std::string label = folder.filename().string();
        check_label(label, folder.string());
        const std::size_t before = found.documents.size();
        for (const fs::path& file : entries_of(folder)) {
            if (is_hidden(file) || !fs::is_regular_file(file)) {
                ++left_out;
                continue;
            }
            Text text = read_text(file.string(), encoding);
            found.documents.push_back({label, std::move(text.bytes), std::move(text.path)});
        }
        if (found.documents.size() == before)
            found.notices.push_back(folder.string() + ": no class: the folder has no document");
    }
    const std::string entries = counted(left_out, "entry", "entries") + " left out";
    if (found.documents.empty())
        throw Error(path + ": there must be a folder for each class with documents in it: " + path +
                    " has none: " + entries);
    if (left_out > 0)
        found.notices.push_back(path + ": " + entries +
                                ": hidden, or neither a folder of a class nor a file in one");
    return found;
}

}  // namespace

Documents read_documents(const std::string& path, Encoding encoding) {
    Documents found =
        fs::is_directory(path) ? read_folders(path, encoding) : read_lines(path, encoding);
    if (found.documents.empty()) throw Error(path + ": there must be a document: there is none");
    return found;
}

std::vector<std::string> class_names_of(std::span<const Document> documents) {
    std::set<std::string> names;
    for (const Document& document : documents) names.insert(document.label);
    return {names.begin(), names.end()};
}

std::size_t class_of(const Document& document, std::span<const std::string> class_names) {
    const auto name = std::lower_bound(class_names.begin(), class_names.end(), document.label);
    return static_cast<std::size_t>(name - class_names.begin());
}

std::string classes_text(std::span<const Document> documents) {
    std::map<std::string, std::size_t> counts;
    for (const Document& document : documents) ++counts[document.label];
    std::vector<std::string> items;
    for (const auto& [name, count] : counts)
        items.push_back(quoted(name) + " " + counted(count, "document", "documents"));
    constexpr std::size_t most = 20;
    return listed(items, most);
}

void require_known_classes(std::span<const Document> documents,
                           std::span<const std::string> class_names) {
    for (const Document& document : documents) {
        if (std::binary_search(class_names.begin(), class_names.end(), document.label)) continue;
        std::vector<std::string> items;
        for (const std::string& name : class_names) items.push_back(quoted(name));
        constexpr std::size_t most = 10;
        throw Error(document.place + ": every class of --test must be one of --train: " +
                    quoted(document.label) + ": --train has " + listed(items, most));
    }
}

std::string hash_of(std::span<const Document> documents) {
    std::uint64_t hash = hash_of(std::string_view());
    for (const Document& document : documents) {
        const std::string sizes = std::to_string(document.label.size()) + " " +
                                  std::to_string(document.text.size()) + " ";
        for (const std::string* bytes : {&sizes, &document.label, &document.text})
            hash = hash_of(*bytes, hash);
    }
    return digits_of(hash);
}

}  // namespace taper::examples
