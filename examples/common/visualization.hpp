/// Class visualization as the programs use it: the ways to make a picture by name, with settings that suit photographs.
#pragma once

#include <string>
#include <vector>

#include <kashi/explain/class_visualization.hpp>

#include "common/photo_network.hpp"

namespace examples {

/// A way to make a picture of a class.
struct VisualizationMethod {
  std::string name;
  std::string about;
  kashi::explain::ClassVisualizationOptions options;
  double dropout = 0;  ///< share of channels that the network loses in each step
};

/// All ways, from the plainest to the best.
std::vector<VisualizationMethod> visualization_methods();

/// A way by name, for a network's sizes. Throws ValueError for a name that is not known.
VisualizationMethod visualization_method(const std::string& name, const PhotoNetwork& network, const Flags& flags);

/// The picture [side,side,3] of a class, 8 bits.
kashi::Tensor<std::uint8_t> class_picture(const PhotoNetwork& network, kashi::Index class_index,
                                          const VisualizationMethod& method,
                                          const kashi::explain::VisualizationStep<float>& after_step = {});

}  // namespace examples
