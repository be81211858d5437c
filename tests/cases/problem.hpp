/// Problem strings: convolutions as one line of text, read by tests and benchmarks, so that a case needs no C++.
///
///     n2 h56 w56 c64 o64 k3 s1 p1 g1 d1   # a name
///
/// n batch, h w input size, c input channels, o output channels, k kernel, s stride, p padding, d dilation, g groups;
/// with two axes kh kw sh sw dh dw, with four sides pt pb pl pr; t1 for a transposed convolution. k, s, d, g default to
/// 1, p and t to 0; w to h. The name after # is optional; lines that hold only a comment are left out.
#pragma once

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <kashi/kernels/conv_geometry.hpp>

namespace problems {

using kashi::Index;

struct Problem {
  std::string name;
  std::string text;
  kashi::kernels::ConvGeometry geometry;
  bool is_transposed = false;  ///< then `geometry` is the convolution whose backward-data it is
};

/// Parses one line, without its name. Throws ValueError that names the word which is wrong.
inline Problem parse_problem(const std::string& line) {
  std::map<std::string, Index> values{{"n", 1}, {"s", 1}, {"d", 1}, {"g", 1}, {"k", 1}, {"p", 0}, {"t", 0}};
  static const std::string known = " n h w c o k s p g d t kh kw sh sw dh dw pt pb pl pr ";
  std::istringstream words(line);
  for (std::string word; words >> word && word[0] != '#';) {
    const std::size_t digits = word.find_first_of("0123456789");
    const std::string key = word.substr(0, digits);
    const bool is_known = digits != std::string::npos && known.find(" " + key + " ") != std::string::npos;
    kashi::require<kashi::ValueError>(is_known, "problem: unknown word \"", word, "\" in \"", line, "\"");
    values[key] = std::stoll(word.substr(digits));
  }
  const auto get = [&](const std::string& key, const std::string& instead) {
    const auto at = values.find(values.count(key) != 0 ? key : instead);
    kashi::require<kashi::ValueError>(at != values.end(), "problem: ", key, " is missing in \"", line, "\"");
    return at->second;
  };
  const Index groups = get("g", "g");
  const kashi::kernels::ConvOptions options{.stride = {get("sh", "s"), get("sw", "s")},
                                            .padding = {get("pt", "p"), get("pb", "p"), get("pl", "p"), get("pr", "p")},
                                            .dilation = {get("dh", "d"), get("dw", "d")},
                                            .groups = groups};
  using kashi::kernels::conv_transpose_output_size;
  const Index channels = get("c", "c"), out = get("o", "o"), kernel_height = get("kh", "k"),
              kernel_width = get("kw", "k");
  Problem problem{.name = {}, .text = line, .geometry = {}, .is_transposed = get("t", "t") != 0};
  if (!problem.is_transposed) {
    problem.geometry =
        kashi::kernels::conv2d_geometry("problem", {get("n", "n"), get("h", "h"), get("w", "h"), channels},
                                        {out, kernel_height, kernel_width, channels / groups}, options);
    return problem;
  }
  const Index height = conv_transpose_output_size(get("h", "h"), kernel_height, get("sh", "s"), get("dh", "d"),
                                                  {get("pt", "p"), get("pb", "p")}, 0);
  const Index width = conv_transpose_output_size(get("w", "h"), kernel_width, get("sw", "s"), get("dw", "d"),
                                                 {get("pl", "p"), get("pr", "p")}, 0);
  problem.geometry = kashi::kernels::conv2d_geometry("problem", {get("n", "n"), height, width, out},
                                                     {channels, kernel_height, kernel_width, out / groups}, options);
  return problem;
}

/// The convolution of one line.
inline kashi::kernels::ConvGeometry parse(const std::string& line) { return parse_problem(line).geometry; }

/// All problems of a file. Throws IoError if it can't be read.
inline std::vector<Problem> read(const std::string& path) {
  std::ifstream file(path);
  kashi::require<kashi::IoError>(file.good(), "problems: can't read ", path);
  std::vector<Problem> problems;
  for (std::string line; std::getline(file, line);) {
    const std::size_t hash = line.find('#');
    std::string text = line.substr(0, hash);
    text.erase(text.find_last_not_of(" \t\r") + 1);
    if (text.empty()) continue;
    std::string name = hash == std::string::npos ? text : line.substr(hash + 1);
    name.erase(0, name.find_first_not_of(' '));
    Problem problem = parse_problem(text);
    problem.name = name;
    problems.push_back(problem);
  }
  return problems;
}

}  // namespace problems
