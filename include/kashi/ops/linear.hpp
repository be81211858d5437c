/// Differentiable matrix product and linear map.
#pragma once

#include <kashi/core/matmul.hpp>
#include <kashi/ops/reduce.hpp>

namespace kashi::inline v0 {

/// Matrix product [m,k] x [k,n] -> [m,n], each operand optionally transposed.
template <class T>
Variable<T> matmul(const Variable<T>& a, const Variable<T>& b, MatmulOptions options = {}) {
  return record<T>("matmul", matmul(a.value(), b.value(), options), {a, b},
                   [a = Saved(a), b = Saved(b), options](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T>& dc = context.grad();
                     const auto [ta, tb] = options;
                     Variable<T> da, db;
                     // C = op(A) op(B): d op(A) = dC op(B)^T and d op(B) = op(A)^T dC, transposed once more where op transposes.
                     if (context.needs(0)) da = ta ? matmul(context.get(b), dc, {tb, true}) : matmul(dc, context.get(b), {false, !tb});
                     if (context.needs(1)) db = tb ? matmul(dc, context.get(a), {true, ta}) : matmul(context.get(a), dc, {!ta, false});
                     return {da, db};
                   });
}

/// x [...,in] times weight [out,in] transposed, plus bias [out] if defined -> [...,out].
/// Throws ShapeError if sizes do not fit.
template <Differentiable X, Differentiable W, Differentiable B>
VariableOf<X> linear(const X& x, const W& weight, const B& bias) {
  using T = ScalarOf<X>;
  const Variable<T> input = as_variable(x), w = as_variable(weight), b = as_variable(bias);
  require<ShapeError>(w.rank() == 2, "linear: the weight must be [out,in]; got ", w.shape());
  require<ShapeError>(input.rank() >= 1 && input.size(-1) == w.size(1), "linear: the input's last axis must have ", w.size(1), " features; input ", input.shape(), ", weight ", w.shape(),
                      input.rank() == 4 ? " (flatten images first)" : "");
  require<ShapeError>(!b.defined() || b.shape() == Shape{w.size(0)}, "linear: the bias must have shape [", w.size(0), "]; got ", b.shape());
  const Shape result = input.shape().with(-1, w.size(0));
  const Index rows = w.size(1) == 0 ? result.numel() / std::max<Index>(1, w.size(0)) : input.numel() / w.size(1);
  const Variable<T> y = matmul(reshape(input, Shape{rows, w.size(1)}), w, {.transpose_b = true});
  return reshape(b.defined() ? add(y, b) : y, result);
}
template <Differentiable X, Differentiable W>
VariableOf<X> linear(const X& x, const W& weight) {
  return linear(x, weight, Variable<ScalarOf<X>>());
}

}  // namespace kashi::inline v0
