/// Mirror images, whose answers are averaged with those of the images themselves.
#pragma once

#include <algorithm>

#include <kashi/core/tensor.hpp>

namespace examples {

/// Left and right exchanged in [N,H,W,C].
inline kashi::Tensor<float> mirrored(const kashi::Tensor<float>& images) {
  using kashi::Index;
  kashi::Tensor<float> out = kashi::Tensor<float>::empty(images.shape());
  const Index width = images.size(2), channels = images.size(3), rows = images.size(0) * images.size(1);
  float* to = out.mutable_data();
  for (Index row = 0; row < rows; ++row)
    for (Index x = 0; x < width; ++x)
      to = std::copy_n(images.data() + (row * width + width - 1 - x) * channels, channels, to);
  return out;
}

}  // namespace examples
