/// Tables in CSV files, and the classes of pictures from them.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/shape.hpp>

namespace examples {

/// The rows of a CSV file, each with the fields of the named columns in the order asked for; quotes may hold commas.
/// Throws IoError, or FormatError for a missing column or a row that is too short.
std::vector<std::vector<std::string>> read_csv(const std::filesystem::path& path,
                                               const std::vector<std::string>& columns);

/// File names and classes from the columns file and class_index. Throws as above, and FormatError for a class that is
/// no number or a table without rows.
std::vector<std::pair<std::string, kashi::Index>> read_classes(const std::filesystem::path& path);

}  // namespace examples
