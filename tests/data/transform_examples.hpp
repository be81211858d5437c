/// Small images for the tests of transforms.
#pragma once

#include <kashi/data/example.hpp>

namespace kashi_tests {

/// [H,W,C] with the numbers 0, 1, 2, ...
inline kashi::Tensor<float> ramp(kashi::Index H, kashi::Index W, kashi::Index C) {
  return kashi::Tensor<kashi::Index>::arange(H * W * C).to<float>().reshape({H, W, C});
}

inline kashi::Tensor<float> noise_image(kashi::Index H, kashi::Index W, kashi::Index C) {
  return kashi::random::Generator(5).uniform<float>({H, W, C});
}

/// The example after a transform with the numbers of (seed 1, epoch 0, index).
inline kashi::data::Example apply(const kashi::data::Transform& transform, kashi::data::Example example,
                                  kashi::Index index = 0) {
  kashi::data::RandomStream random(1, 0, index);
  transform(example, random);
  return example;
}

inline kashi::Tensor<float> apply(const kashi::data::Transform& transform, const kashi::Tensor<float>& image,
                                  kashi::Index index = 0) {
  return apply(transform, kashi::data::Example{.image = image}, index).image;
}

}  // namespace kashi_tests
