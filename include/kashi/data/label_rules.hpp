/// Where an image's label comes from: rules from a path to the name of a class.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

namespace kashi::inline v0::data {

/// From an image's path (as found, with '/' between folders) to the name of its class. An empty name means that there
/// is none, which is an error of the dataset.
using LabelRule = std::function<std::string(const std::string& path)>;

namespace detail {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

inline std::string_view file_name(std::string_view path) { return path.substr(path.find_last_of('/') + 1); }

/// Names that are whole numbers in numeric order ("9" before "10"), all others as text.
inline bool class_name_less(const std::string& a, const std::string& b) {
  const auto is_number = [](const std::string& name) { return std::all_of(name.begin(), name.end(), is_digit); };
  if (!is_number(a) || !is_number(b)) return is_number(a) != is_number(b) ? is_number(a) : a < b;
  const auto significant = [](const std::string& name) {
    return std::string_view(name).substr(std::min(name.find_first_not_of('0'), name.size()));
  };
  const std::string_view x = significant(a), y = significant(b);
  if (x.size() != y.size()) return x.size() < y.size();
  return x != y ? x < y : a < b;
}

}  // namespace detail

/// The beginning of the file name: what stands before the first '_', or else the digits that it begins with.
/// "3_0012.png" and "3 (12).png" are of class "3", "cat_7.png" of class "cat"; "photo.png" has no label.
inline std::string label_from_name(const std::string& path) {
  const std::string_view name = detail::file_name(path);
  if (const auto bar = name.find('_'); bar != std::string_view::npos) return std::string(name.substr(0, bar));
  return std::string(name.begin(), std::find_if_not(name.begin(), name.end(), detail::is_digit));
}

/// The name of the folder that holds the file: "train/cat/7.png" is of class "cat".
inline std::string label_from_folder(const std::string& path) {
  const auto end = path.find_last_of('/');
  return end == std::string::npos ? "" : std::string(detail::file_name(std::string_view(path).substr(0, end)));
}

}  // namespace kashi::inline v0::data
