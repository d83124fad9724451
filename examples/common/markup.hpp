// Text inside SVG and HTML.
#pragma once

#include <string>
#include <string_view>

namespace taper::examples {

// As the text of an element or of a quoted attribute: &, <, > and quotes become entities. Control
// characters become spelled bytes (\n, \x1B) and bytes that are no UTF-8 too, as no such file may
// hold them.
std::string markup(std::string_view text);

// JSON inside SVG and HTML, in a script too: it spells & and < by their numbers, so that nothing
// ends the element it stands in.
std::string markup_json(std::string_view json);

// A token as a label: a space is seen as ␣, what cannot be seen is spelled (\n). Of more than
// `most` characters the first ones, and an ellipsis.
inline constexpr std::size_t longest_label = 14;
std::string visible(std::string_view token, std::size_t most = longest_label);

}  // namespace taper::examples
