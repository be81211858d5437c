/// Numbers by formula, as tests/golden/make_golden_models.py has them.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include <kashi/nn/state_dict.hpp>

namespace formula {

using kashi::Index;
using kashi::Shape;
using kashi::Tensor;

inline std::uint64_t seed_of(const std::string& name) {
  std::uint64_t value = 0xCBF29CE484222325u;
  for (const char c : name) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return value;
}

inline std::uint64_t bits(std::uint64_t seed, Index i) {
  std::uint64_t x = static_cast<std::uint64_t>(i + 1) * 0x9E3779B97F4A7C15u + seed;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

/// In [-1, 1).
inline double uniform(std::uint64_t seed, Index i) {
  return static_cast<double>(bits(seed, i) >> 40) / 8388608.0 - 1.0;
}

template <class T>
Tensor<T> uniform(const std::string& name, const Shape& shape) {
  auto out = Tensor<T>::empty(shape);
  const std::uint64_t seed = seed_of(name);
  for (Index i = 0; i < out.numel(); ++i) out.mutable_data()[i] = static_cast<T>(uniform(seed, i));
  return out;
}

/// A parameter or buffer in PyTorch's layout.
template <class T>
Tensor<T> value_of(const std::string& name, const Shape& shape) {
  double scale = 0.1, shift = 0.0;
  if (name.ends_with("running_var"))
    scale = 0.5, shift = 1.0;
  else if (name.ends_with("running_mean") || name.ends_with("bias"))
    scale = 0.1;
  else if (shape.rank() == 1)
    scale = 0.5, shift = 1.0;
  else
    scale = std::sqrt(6.0 * static_cast<double>(shape[0]) / static_cast<double>(shape.numel()));
  auto out = Tensor<T>::empty(shape);
  const std::uint64_t seed = seed_of(name);
  for (Index i = 0; i < out.numel(); ++i) out.mutable_data()[i] = static_cast<T>(shift + scale * uniform(seed, i));
  return out;
}

/// L2 norm, and sums with two vectors of signs. The second and third of two tensors differ by about the norm of their
/// difference.
struct Summary {
  double norm = 0, a = 0, b = 0;
};

template <class T>
Summary summary(const std::string& name, const Tensor<T>& tensor) {
  Summary out;
  const std::uint64_t seed_a = seed_of(name + "a"), seed_b = seed_of(name + "b");
  for (Index i = 0; i < tensor.numel(); ++i) {
    const auto x = static_cast<double>(tensor.data()[i]);
    out.norm += x * x;
    out.a += (bits(seed_a, i) >> 63) != 0 ? x : -x;
    out.b += (bits(seed_b, i) >> 63) != 0 ? x : -x;
  }
  out.norm = std::sqrt(out.norm);
  return out;
}

}  // namespace formula
