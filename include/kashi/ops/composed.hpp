/// Second derivatives of fused operations: the operation is written once more from differentiable ones.
#pragma once

#include <vector>

#include <kashi/autograd/engine.hpp>
#include <kashi/ops/arithmetic.hpp>

namespace kashi::inline v0 {

/// For a fused rule under create_graph(): the gradients of `composed`, the operation's result made of differentiable
/// operations on its saved `inputs`, weighted by the gradient that arrived. Inputs without gradient get none.
template <class T>
Gradients<T> gradients_of_composed(const GradContext<T>& context, const Variable<T>& composed,
                                   const std::vector<Variable<T>>& inputs) {
  std::vector<Variable<T>> wanted;
  for (const auto& input : inputs)
    if (input.requires_grad()) wanted.push_back(input);
  const auto found = grad<T>({composed}, wanted, {.create_graph = true, .allow_unused = true}, {context.grad()});
  Gradients<T> gradients;
  std::size_t next = 0;
  for (const auto& input : inputs) gradients.push_back(input.requires_grad() ? found[next++] : Variable<T>());
  return gradients;
}

}  // namespace kashi::inline v0
