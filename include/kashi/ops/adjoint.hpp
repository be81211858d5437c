/// Linear operations: the gradient of a linear map is its adjoint, whose gradient is the map again.
#pragma once

#include <utility>

#include <kashi/autograd/function.hpp>

namespace kashi::inline v0 {

/// forward(x) as a differentiable operation of every order. `forward` and `adjoint` map a Tensor to a Tensor, are
/// linear, and satisfy <forward(x), y> = <x, adjoint(y)>.
template <class T, class Forward, class Adjoint>
Variable<T> linear_operation(const char* name, const Variable<T>& x, Forward forward, Adjoint adjoint) {
  Tensor<T> value = forward(x.value());
  return record<T>(name, std::move(value), {x},
                   [name, forward, adjoint](const GradContext<T>& context) -> Gradients<T> {
                     return {linear_operation<T>(name, context.grad(), adjoint, forward)};
                   });
}

}  // namespace kashi::inline v0
