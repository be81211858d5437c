/// Rules that change the names of a foreign state dict into a network's own.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>

namespace kashi::inline v0::nn {

/// `from` is a whole name in which each `*` stands for any text, the shortest that fits; the stars of `to` put in what
/// was found, in order.
///
///     {"backbone.*", "*"}                        backbone.conv1.weight -> conv1.weight
///     {"blocks.*.bn1.*", "features.*.1.*"}       blocks.3.bn1.bias -> features.3.1.bias
struct RenameRule {
  std::string from;
  std::string to;
};

namespace detail {

/// What the stars of `pattern` stand for in `name`, found from the position of both on; false if it does not fit.
inline bool match_stars(std::string_view pattern, std::string_view name, std::vector<std::string_view>& found) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1), tail = name.substr(star);
  for (std::size_t length = 0; length <= tail.size(); ++length) {
    found.push_back(tail.substr(0, length));
    if (match_stars(rest, tail.substr(length), found)) return true;
    found.pop_back();
  }
  return false;
}

inline std::string fill_stars(std::string_view pattern, const std::vector<std::string_view>& found) {
  std::string out;
  std::size_t next = 0;
  for (const char c : pattern) {
    if (c != '*')
      out += c;
    else if (next < found.size())
      out += found[next++];
  }
  return out;
}

}  // namespace detail

/// The name after all rules, in order; a rule whose `from` does not fit leaves it alone.
inline std::string rename(std::string name, const std::vector<RenameRule>& rules) {
  for (const RenameRule& rule : rules) {
    std::vector<std::string_view> found;
    if (detail::match_stars(rule.from, name, found)) name = detail::fill_stars(rule.to, found);
  }
  return name;
}

}  // namespace kashi::inline v0::nn
