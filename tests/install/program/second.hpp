#pragma once

#include <string>

#include <kashi/core/tensor.hpp>

std::string describe(const kashi::Tensor<float>& x);
