/// Rules about the text of the library's headers: which folder may include which, and what no header may hold.
///
/// The checks take text, so that the tests can show them text that breaks a rule.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace architecture {

/// Path below include/, such as "kashi/core/tensor.hpp", to the file's text.
using Headers = std::map<std::string, std::string>;

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Headers read_headers(const std::filesystem::path& include_folder) {
  Headers headers;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(include_folder)) {
    if (!entry.is_regular_file()) continue;
    headers[std::filesystem::relative(entry.path(), include_folder).generic_string()] = read(entry.path());
  }
  return headers;
}

/// What stands between <> or "" in the #include lines, with the delimiters.
inline std::vector<std::string> includes(const std::string& text) {
  static const std::regex line(R"((?:^|\n)[ \t]*#[ \t]*include[ \t]*(<[^>\n]*>|"[^"\n]*"))");
  std::vector<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), line), end; it != end; ++it) found.push_back((*it)[1]);
  return found;
}

/// The folder of "kashi/core/detail/x.hpp" is "core"; of "kashi/kashi.hpp" it is "".
inline std::string folder_of(const std::string& header) {
  const std::size_t first = header.find('/');
  const std::size_t second = header.find('/', first + 1);
  return second == std::string::npos ? "" : header.substr(first + 1, second - first - 1);
}

/// Folder to the folders that it may include besides itself.
inline const std::map<std::string, std::set<std::string>>& allowed_folders() {
  static const std::map<std::string, std::set<std::string>> allowed = [] {
    std::map<std::string, std::set<std::string>> result;
    std::set<std::string> below;
    const std::vector<std::vector<std::string>> floors = {
        {"core"},   {"kernels"}, {"autograd"},         {"ops"}, {"nn"}, {"optim"}, {"data", "io", "plot"},
        {"models"}, {"train"},   {"explain", "vision"}};
    for (const auto& floor : floors) {
      for (const auto& folder : floor) result[folder] = below;
      below.insert(floor.begin(), floor.end());
    }
    result["io"] = {"core"};
    result["plot"] = {"core", "io"};
    result["data"] = {"core", "io"};
    return result;
  }();
  return allowed;
}

/// Why `from` may not include `to` (both below include/); empty when it may.
inline std::string forbidden(const std::string& from, const std::string& to) {
  const std::string source = folder_of(from);
  const std::string target = folder_of(to);
  if (source.empty()) return "";
  if (target.empty()) return "only a user includes the umbrella";
  if (source == target) return "";
  const auto allowed = allowed_folders().find(source);
  if (allowed == allowed_folders().end()) return "the folder " + source + " stands on no floor";
  if (!allowed->second.contains(target)) return source + " may not include " + target;
  const bool is_plain =
      to == "kashi/core/compiled.hpp" || to == "kashi/core/error.hpp" || to == "kashi/core/parallel.hpp";
  if (source == "kernels" && !is_plain) {
    return "kernels may include only compiled.hpp, error.hpp and parallel.hpp of core";
  }
  return "";
}

/// One line for each broken rule of the include graph.
inline std::vector<std::string> broken_arrows(const Headers& headers) {
  std::vector<std::string> broken;
  for (const auto& [header, text] : headers) {
    for (const std::string& include : includes(text)) {
      const std::string target = include.substr(1, include.size() - 2);
      if (include.front() == '"') {
        broken.push_back(header + ": includes " + include + "; write it as <kashi/...>");
      } else if (target.starts_with("kashi/")) {
        const std::string reason = forbidden(header, target);
        if (!reason.empty()) broken.push_back(header + ": includes " + include + "; " + reason);
        if (!headers.contains(target)) broken.push_back(header + ": includes " + include + "; there is no such file");
      } else if (target == "iostream") {
        broken.push_back(header + ": includes <iostream>; the library prints nothing");
      }
    }
  }
  return broken;
}

namespace detail {

/// Depth first; `open` is the path from the start to `header`.
inline void find_cycles(const Headers& headers, const std::string& header, std::vector<std::string>& open,
                        std::set<std::string>& done, std::vector<std::string>& cycles) {
  const auto again = std::find(open.begin(), open.end(), header);
  if (again != open.end()) {
    std::string cycle;
    for (auto it = again; it != open.end(); ++it) cycle += *it + " -> ";
    cycles.push_back(cycle + header);
    return;
  }
  const auto found = headers.find(header);
  if (found == headers.end() || !done.insert(header).second) return;
  open.push_back(header);
  for (const std::string& include : includes(found->second)) {
    find_cycles(headers, include.substr(1, include.size() - 2), open, done, cycles);
  }
  open.pop_back();
}

}  // namespace detail

/// One line for each circle of headers that include each other.
inline std::vector<std::string> cycles(const Headers& headers) {
  std::vector<std::string> found;
  std::set<std::string> done;
  std::vector<std::string> open;
  for (const auto& [header, text] : headers) detail::find_cycles(headers, header, open, done, found);
  return found;
}

/// Headers (.hpp) that `start` does not reach through its includes, direct or indirect.
inline std::vector<std::string> unreached(const Headers& headers, const std::string& start) {
  std::set<std::string> reached;
  std::vector<std::string> open{start};
  while (!open.empty()) {
    const std::string header = open.back();
    open.pop_back();
    const auto found = headers.find(header);
    if (found == headers.end() || !reached.insert(header).second) continue;
    for (const std::string& include : includes(found->second)) open.push_back(include.substr(1, include.size() - 2));
  }
  std::vector<std::string> missing;
  for (const auto& [header, text] : headers) {
    if (header.ends_with(".hpp") && !reached.contains(header)) missing.push_back(header);
  }
  return missing;
}

/// Headers (.hpp) without `#pragma once`. Other files are parts that one header includes several times.
inline std::vector<std::string> without_pragma_once(const Headers& headers) {
  std::vector<std::string> found;
  for (const auto& [header, text] : headers) {
    if (header.ends_with(".hpp") && text.find("#pragma once") == std::string::npos) found.push_back(header);
  }
  return found;
}

}  // namespace architecture
