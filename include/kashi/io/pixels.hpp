/// Pixels as bytes and as floats.
#pragma once

#include <algorithm>
#include <cstdint>

#include <kashi/core/tensor.hpp>

namespace kashi::inline v0::io {

/// Bytes 0..255 as numbers 0..1, any shape.
inline Tensor<float> to_float(const Tensor<std::uint8_t>& bytes) {
  auto out = Tensor<float>::empty(bytes.shape());
  std::transform(bytes.data(), bytes.data() + bytes.numel(), out.mutable_data(),
                 [](std::uint8_t value) { return static_cast<float>(value) / 255.0f; });
  return out;
}

/// Numbers as bytes: 0..1 becomes 0..255, rounded; beyond is clamped; NaN becomes 0. Any shape.
inline Tensor<std::uint8_t> to_bytes(const Tensor<float>& values) {
  auto out = Tensor<std::uint8_t>::empty(values.shape());
  std::transform(values.data(), values.data() + values.numel(), out.mutable_data(), [](float value) {
    const float clamped = value > 0.0f ? std::min(value, 1.0f) : 0.0f;
    return static_cast<std::uint8_t>(clamped * 255.0f + 0.5f);
  });
  return out;
}

}  // namespace kashi::inline v0::io
