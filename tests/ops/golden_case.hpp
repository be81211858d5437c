/// Operations against the values of PyTorch, forward and backward; tests/golden/make_golden_ops.py made them.
#pragma once

#include <cmath>

#include "records.hpp"

#include "golden/golden.hpp"

namespace golden {

using namespace kashi;
using records::Call;
using records::labels;

/// The script's inputs; the gradient of the output has k = 49.
inline Tensor<double> numbers(const Shape& shape, Index k, double scale = 1.0) {
  return map(Tensor<double>::arange(shape.numel()),
             [=](double position) {
               const Index i = static_cast<Index>(position);
               return static_cast<double>((7 * i * i + 37 * i + 11 * (k + 1)) % 101 - 50) / 64.0 * scale;
             })
      .reshape(shape);
}

struct Case {
  std::string name;
  std::vector<Shape> inputs;
  Call call;
  double scale = 1.0;
};

/// The largest difference from a stored line, as a share of the line's largest number.
template <class T>
double error(const std::string& name, const Tensor<T>& found) {
  const std::vector<double>& expected = golden_line("ops.txt", name);
  INFO(name << ": shape " << found.shape().to_string());
  REQUIRE(static_cast<Index>(expected.size()) == found.numel());
  double largest = 1e-30, worst = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    worst = std::max(worst, std::abs(expected[i] - static_cast<double>(found.data()[i])));
  }
  return worst / largest;
}

template <class T>
void check(const Case& stored, const records::Forward<T>& forward, double tolerance) {
  std::vector<Variable<T>> inputs;
  for (std::size_t k = 0; k < stored.inputs.size(); ++k)
    inputs.push_back(parameter(numbers(stored.inputs[k], static_cast<Index>(k), stored.scale).template to<T>()));
  const Variable<T> y = forward(inputs);
  INFO(stored.name << ", tolerance " << tolerance);
  CHECK(error(stored.name + "/y", y.value()) <= tolerance);
  const auto gradients = grad<T>({y}, inputs, {.allow_unused = true}, {numbers(y.shape(), 49).template to<T>()});
  for (std::size_t k = 0; k < inputs.size(); ++k)
    CHECK(error(text(stored.name, "/", k), gradients[k].value()) <= tolerance);
}

inline void check_all(const std::vector<Case>& cases) {
  for (const Case& stored : cases) {
    check<double>(stored, stored.call.as_double, 1e-9);
    check<float>(stored, stored.call.as_float, 1e-5);
  }
}

/// Zero gradients where the forward pass rounds.
template <class V>
V rounded(const V& x) {
  using T = typename V::Scalar;
  return elementwise<T>(
      "round", x, [](T v) { return std::nearbyint(v); }, [](const V& v) { return Tensor<T>::zeros(v.shape()); });
}

}  // namespace golden
