/// Reads tests/golden/*.txt: each line a name, then numbers.
#pragma once

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

/// The numbers of a line of tests/golden/FILE, by its name.
inline const std::vector<double>& golden_line(const std::string& file, const std::string& name) {
  static std::map<std::string, std::map<std::string, std::vector<double>>> files;
  auto& lines = files[file];
  if (lines.empty()) {
    std::ifstream stream(std::string(KASHI_SOURCE_DIR "/tests/golden/") + file);
    std::string line;
    while (std::getline(stream, line)) {
      std::istringstream words(line);
      std::string key;
      words >> key;
      for (std::string word; words >> word;) lines[key].push_back(std::stod(word));
    }
  }
  INFO("tests/golden/" << file << " has no line " << name);
  REQUIRE(lines.contains(name));
  return lines.at(name);
}
