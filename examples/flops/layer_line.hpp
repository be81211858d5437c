/// One line of a network file taken apart: `name: kind 3 32 key=value`.
#pragma once

#include <charconv>
#include <map>
#include <string>
#include <vector>

#include <kashi/kernels/padding.hpp>

namespace flops {

using kashi::Index;
using kashi::require;
using kashi::ValueError;

inline constexpr Index largest_channels = Index{1} << 30;
inline constexpr Index largest_window = 4096;

/// What a person typed, safe to print and short.
inline std::string shown(const std::string& word) {
  std::string out;
  for (const char c : word.substr(0, 40)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return "\"" + out + (word.size() > 40 ? "...\"" : "\"");
}

/// A whole number in [low, high].
inline Index parse_index(const std::string& what, const std::string& word, Index low, Index high) {
  Index value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  require<ValueError>(error != std::errc::invalid_argument && end == word.data() + word.size(), what,
                      " must be a whole number; got ", shown(word));
  require<ValueError>(error == std::errc() && value >= low && value <= high, what, " must be ", low, "..", high,
                      "; got ", shown(word));
  return value;
}

/// "3" or "3x5".
inline kashi::kernels::Pair parse_pair(const std::string& what, const std::string& word, Index low) {
  const std::size_t cross = word.find('x');
  if (cross == std::string::npos) return parse_index(what, word, low, largest_window);
  require<ValueError>(cross > 0 && cross + 1 < word.size(), what, " must be a number or two, as 3 or 3x5; got ",
                      shown(word));
  return {parse_index(what, word.substr(0, cross), low, largest_window),
          parse_index(what, word.substr(cross + 1), low, largest_window)};
}

/// "same", "valid", "1", "1,2" (height, width) or "1,2,3,4" (top, bottom, left, right).
inline kashi::kernels::Padding parse_padding(const std::string& word) {
  if (word == "same") return kashi::kernels::same;
  if (word == "valid") return kashi::kernels::valid;
  std::vector<Index> sizes;
  for (std::size_t begin = 0; begin <= word.size();) {
    const std::size_t end = std::min(word.find(',', begin), word.size());
    sizes.push_back(parse_index("padding", word.substr(begin, end - begin), 0, largest_window));
    begin = end + 1;
  }
  require<ValueError>(sizes.size() == 1 || sizes.size() == 2 || sizes.size() == 4,
                      "padding must be same, valid, one number, two or four; got ", shown(word));
  if (sizes.size() == 1) return sizes[0];
  return sizes.size() == 2 ? kashi::kernels::Padding(sizes[0], sizes[1])
                           : kashi::kernels::Padding(sizes[0], sizes[1], sizes[2], sizes[3]);
}

/// The words of a line. What a layer reads is ticked off, so that what is left over can be complained about.
class LayerLine {
 public:
  explicit LayerLine(const std::string& line) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : line.substr(0, line.find('#')) + " ") {
      const bool is_space = c == ' ' || c == '\t' || c == '\r';
      if (!is_space) word += c;
      if (!is_space || word.empty()) continue;
      words.push_back(word);
      word.clear();
    }
    std::size_t next = 0;
    if (!words.empty() && words[0].back() == ':') {
      name_ = words[0].substr(0, words[0].size() - 1);
      require<ValueError>(!name_.empty() && words.size() > 1,
                          "a name must stand in front of a layer, as in `stem: conv 3 32 kernel=7`");
      next = 1;
    }
    if (next < words.size()) kind_ = words[next++];
    for (; next < words.size(); ++next) {
      const std::size_t equals = words[next].find('=');
      if (equals == std::string::npos) {
        require<ValueError>(options_.empty(), "numbers come before options; got ", shown(words[next]), " after one");
        numbers_.push_back(words[next]);
        continue;
      }
      const std::string key = words[next].substr(0, equals);
      require<ValueError>(!key.empty(), "an option is written without spaces, as in kernel=3; got ",
                          shown(words[next]));
      require<ValueError>(options_.emplace(key, words[next].substr(equals + 1)).second, "option ", shown(key),
                          " is given twice");
    }
  }

  bool empty() const { return kind_.empty(); }
  const std::string& kind() const { return kind_; }
  const std::string& name() const { return name_; }

  /// Number i of the line, named in errors. Throws ValueError if it is not there or out of range.
  Index number(std::size_t i, const std::string& what, Index low = 1, Index high = largest_channels) {
    return parse_index(what, word(i, what), low, high);
  }
  const std::string& word(std::size_t i, const std::string& what) {
    require<ValueError>(i < numbers_.size(), kind_, " needs ", what);
    used_ = std::max(used_, i + 1);
    return numbers_[i];
  }
  bool has_number(std::size_t i) const { return i < numbers_.size(); }

  /// The text of an option, or `otherwise`.
  std::string option(const std::string& key, const std::string& otherwise) {
    const auto found = options_.find(key);
    if (found == options_.end()) return otherwise;
    std::string value = found->second;
    options_.erase(found);
    return value;
  }
  bool flag(const std::string& key, bool otherwise) {
    const std::string value = option(key, otherwise ? "true" : "false");
    require<ValueError>(value == "true" || value == "false", key, " must be true or false; got ", shown(value));
    return value == "true";
  }
  kashi::kernels::Pair pair(const std::string& key, const std::string& otherwise, Index low = 1) {
    const std::string value = option(key, otherwise);
    require<ValueError>(!value.empty(), kind_, " needs ", key, "=");
    return parse_pair(key, value, low);
  }

  /// Throws ValueError for whatever the layer did not read.
  void require_all_used() const {
    require<ValueError>(used_ >= numbers_.size(), kind_,
                        " has a number too many: ", numbers_.size() > used_ ? shown(numbers_[used_]) : "");
    require<ValueError>(options_.empty(), kind_, " has no option ",
                        options_.empty() ? "" : shown(options_.begin()->first));
  }

 private:
  std::string name_;
  std::string kind_;
  std::vector<std::string> numbers_;
  std::map<std::string, std::string> options_;
  std::size_t used_ = 0;
};

}  // namespace flops
