/// Records of operations: one each, with samples, error inputs and kinks. The gradient tests, the tests of messages and
/// threads, and docs/operations.md come from them.
///
/// A family's file makes its records and registers them; records_test.cpp checks whatever was registered.
#pragma once

#include <catch2/catch.hpp>

#include <functional>
#include <string>
#include <vector>

#include <kashi/autograd/grad_check.hpp>
#include <kashi/ops/arithmetic.hpp>

namespace records {

using namespace kashi;

template <class T>
using Forward = std::function<Variable<T>(const std::vector<Variable<T>>&)>;

/// A computation for both number types.
struct Call {
  Forward<float> as_float;
  Forward<double> as_double;

  Call() = default;
  /// From a generic lambda over the inputs: [](const auto& x) { return relu(x[0]); }
  template <class F>
  Call(F f) : as_float(f), as_double(f) {}  // NOLINT: a lambda is a call
};

/// Inputs at which an operation is checked.
struct Sample {
  std::string name;
  std::vector<Tensor<double>> inputs;
  Call call;
  GradCheckOptions options = {};  ///< kinks, skipped elements, or other settings of grad_check
  bool gradients = true;          ///< false: only the test of thread counts (large inputs)
};

/// Inputs that must throw, and the whole text.
struct ErrorInput {
  std::vector<Shape> inputs;
  Call call;
  std::string message;
};

struct Operation {
  std::string signature;  ///< as a user calls it
  std::string summary;    ///< formula or rule, for the page of operations
  std::vector<Sample> samples;
  std::vector<ErrorInput> errors = {};
  int order = 2;  ///< how often it can be differentiated in these tests
};

struct Family {
  std::string title;
  std::string header;
  std::vector<Operation> operations;
};

inline std::vector<Family>& registry() {
  static std::vector<Family> families;
  return families;
}

/// Registers a family; used as `const bool registered = records::add({...});`.
inline bool add(Family family) {
  registry().push_back(std::move(family));
  return true;
}

/// Normal numbers that depend on the seed alone.
inline Tensor<double> normal(const Shape& shape, std::uint64_t seed = 1) {
  return random::Generator(seed).normal<double>(shape);
}
inline Tensor<double> uniform(const Shape& shape, double low, double high, std::uint64_t seed = 1) {
  return random::Generator(seed).uniform<double>(shape, low, high);
}

/// Labels 0..classes-1 in turn.
inline Tensor<Index> labels(const Shape& shape, Index classes) {
  return map(Tensor<Index>::arange(shape.numel()), [classes](Index i) { return (i * 7 + 3) % classes; }).reshape(shape);
}

}  // namespace records
