/// What the tests of layers share: the inputs of tests/golden/make_golden_nn.py, and comparison with golden lines.
#pragma once

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <kashi/core/tensor.hpp>

#include "golden/golden.hpp"

/// Number i of an input of seed s is ((7 i i + 37 i + 11 s) mod 101 - 50) / 64.
template <class T>
kashi::Tensor<T> formula_numbers(const kashi::Shape& shape, kashi::Index seed) {
  auto out = kashi::Tensor<T>::empty(shape);
  T* values = out.mutable_data();
  for (kashi::Index i = 0; i < out.numel(); ++i)
    values[i] = static_cast<T>((7 * i * i + 37 * i + 11 * seed) % 101 - 50) / 64;
  return out;
}

/// The largest relative difference that is borne, and the absolute one near zero.
struct Tolerance {
  double relative;
  double absolute;
};

/// Compares numbers with a line of nn.txt.
template <class T>
void check_golden(const std::string& line, const std::vector<T>& found, Tolerance tolerance) {
  const std::vector<double>& expected = golden_line("nn.txt", line);
  INFO(line);
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    INFO("number " << i);
    REQUIRE(static_cast<double>(found[i]) ==
            Approx(expected[i]).epsilon(tolerance.relative).margin(tolerance.absolute));
  }
}

template <class T>
void check_golden(const std::string& line, const kashi::Tensor<T>& found, Tolerance tolerance) {
  check_golden(line, found.to_vector(), tolerance);
}
