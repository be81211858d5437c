/// What the playground can do with a picture: a list of tools, each a name and a function from a picture to an answer.
/// The page asks for the list, so a new tool needs an entry here and a place on the page.
#pragma once

#include <charconv>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <kashi/core/tensor.hpp>

namespace playground {

/// What stands behind the '?' of a request's address.
class Parameters {
 public:
  Parameters() = default;
  explicit Parameters(std::map<std::string, std::string> values) : values_(std::move(values)) {}

  /// A number between two others. Throws ValueError for anything else.
  double number(const std::string& name, double otherwise, double lowest, double highest) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    const std::string& written = found->second;
    double value = 0;
    const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
    const bool is_number =
        error == std::errc() && end == written.data() + written.size() && value >= lowest && value <= highest;
    kashi::require(is_number, name, " must be a number between ", lowest, " and ", highest);
    return value;
  }

 private:
  std::map<std::string, std::string> values_;
};

/// `run` gets an [H,W,3] picture in [0,1] and is never called by two threads at once.
struct Tool {
  std::string name;  ///< its address is /api/NAME
  std::function<nlohmann::json(const kashi::Tensor<float>& picture, const Parameters& parameters)> run;
};

/// What the page shows beside the tools.
struct About {
  std::string model;
  kashi::Index classes = 0;
  bool is_drawn = false;  ///< the network reads drawings: the page offers a canvas
};

}  // namespace playground
