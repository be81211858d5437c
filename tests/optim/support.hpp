/// What the tests of optimizers share: golden values, a parameter with a given gradient, comparison of bits.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <kashi/autograd/engine.hpp>
#include <kashi/ops/arithmetic.hpp>

#include "golden/golden.hpp"

/// The numbers of a line of tests/golden/optim.txt, by its name.
inline const std::vector<double>& golden(const std::string& name) { return golden_line("optim.txt", name); }

/// Lets `gradient` be the parameter's whole gradient.
template <class T>
void set_gradient(kashi::Variable<T> parameter, const kashi::Tensor<T>& gradient) {
  parameter.zero_grad();
  parameter.backward(gradient.clone());
}

template <class T>
kashi::Variable<T> vector_parameter(std::vector<T> values) {
  return kashi::parameter(kashi::Tensor<T>({static_cast<kashi::Index>(values.size())}, values));
}

template <class T>
bool same_bits(const kashi::Tensor<T>& a, const kashi::Tensor<T>& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.numel()) * sizeof(T)) == 0;
}

/// The one-line text of the error that `f` throws.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const kashi::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}
