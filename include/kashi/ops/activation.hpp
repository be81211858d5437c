/// Differentiable activation functions. Definitions and constants are PyTorch's.
///
/// The derivative at a kink is the one from the left: 0 for ReLU at 0.
#pragma once

#include <cmath>
#include <numbers>

#include <kashi/ops/unary.hpp>

namespace kashi::inline v0 {

/// max(x, 0). Keeps its result, not its input, for the gradient: the next layer holds it anyway.
template <Differentiable X>
VariableOf<X> relu(const X& input) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  Tensor<T> value = map(x.value(), [](T v) { return v > T{0} ? v : v != v ? v : T{0}; });
  return record<T>("relu", value, {x}, [y = SavedOutput(value)](const GradContext<T>& context) -> Gradients<T> {
    const Variable<T> out = context.get(y);
    if (context.create_graph()) return {mul(context.grad(), map(out.value(), [](T v) { return v > T{0} ? T{1} : T{0}; }))};
    return {zip(context.grad().value(), out.value(), [](T g, T v) { return v > T{0} ? g : T{0}; })};
  });
}

}  // namespace kashi::inline v0
