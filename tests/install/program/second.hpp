#pragma once

#include <kashi/kashi.hpp>

/// Pictures with one of two patterns, [N,8,8,1].
struct Pictures {
  kashi::Tensor<float> images;
  kashi::Tensor<kashi::Index> labels;
};

Pictures striped_pictures(kashi::Index count);

float accuracy(const kashi::nn::Sequential<float>& net, const Pictures& pictures);
