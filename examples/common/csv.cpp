#include "common/csv.hpp"

#include <algorithm>

#include "common/named_network.hpp"

namespace examples {

using namespace kashi;

namespace {

/// The fields of a line of CSV; quotes may hold commas.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> out{""};
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

}  // namespace

std::vector<std::vector<std::string>> read_csv(const std::filesystem::path& path,
                                               const std::vector<std::string>& columns) {
  const std::vector<std::string> lines = lines_of_file(path);
  require<FormatError>(!lines.empty(), "'", path.string(), "' is empty");
  const std::vector<std::string> header = fields_of(lines[0]);
  std::vector<std::size_t> places;
  for (const std::string& column : columns) {
    const auto found = std::find(header.begin(), header.end(), column);
    require<FormatError>(found != header.end(), "'", path.string(), "' has no column \"", column,
                         "\"; its first line is: ", lines[0]);
    places.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  std::vector<std::vector<std::string>> out;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const std::vector<std::string> fields = fields_of(lines[i]);
    out.emplace_back();
    for (const std::size_t place : places) {
      require<FormatError>(place < fields.size(), "'", path.string(), "', line ", i + 1, ": there are only ",
                           fields.size(), " fields: ", lines[i]);
      out.back().push_back(fields[place]);
    }
  }
  return out;
}

std::vector<std::pair<std::string, Index>> read_classes(const std::filesystem::path& path) {
  std::vector<std::pair<std::string, Index>> out;
  for (const auto& row : read_csv(path, {"file", "class_index"})) {
    const bool is_number =
        !row[1].empty() && row[1].size() < 10 && row[1].find_first_not_of("0123456789") == std::string::npos;
    require<FormatError>(is_number, "'", path.string(), "': class_index must be a number; got \"", row[1], "\" for '",
                         row[0], "'");
    out.emplace_back(row[0], std::stol(row[1]));
  }
  require<FormatError>(!out.empty(), "'", path.string(), "' names no picture");
  return out;
}

}  // namespace examples
