/// What the playground can do with a picture: a list of tools, each a name and a function from a picture to an answer.
/// The page asks for the list, so a new tool needs an entry here and a place on the page.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <kashi/core/tensor.hpp>

namespace playground {

/// `run` gets an [H,W,3] picture in [0,1] and is never called by two threads at once.
struct Tool {
  std::string name;  ///< its address is /api/NAME
  std::function<nlohmann::json(const kashi::Tensor<float>& picture)> run;
};

/// What the page shows beside the tools.
struct About {
  std::string model;
  kashi::Index classes = 0;
  bool is_drawn = false;  ///< the network reads drawings: the page offers a canvas
};

}  // namespace playground
