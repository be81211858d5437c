/// Differentiable matrix product and linear map.
#pragma once

#include <kashi/core/matmul.hpp>
#include <kashi/kernels/linear.hpp>
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
                     // C = op(A) op(B): d op(A) = dC op(B)^T and d op(B) = op(A)^T dC, transposed once more where op
                     // transposes.
                     if (context.needs(0))
                       da = ta ? matmul(context.get(b), dc, {tb, true}) : matmul(dc, context.get(b), {false, !tb});
                     if (context.needs(1))
                       db = tb ? matmul(dc, context.get(a), {true, ta}) : matmul(context.get(a), dc, {!ta, false});
                     return {da, db};
                   });
}

namespace detail {

/// The three maps of a linear layer on rows x [rows,in], weight [out,in], y [rows,out]. As with convolutions, each is
/// linear in both arguments, and its derivatives are the other two.
template <class T>
Variable<T> linear_rows(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias);
template <class T>
Variable<T> linear_data_gradient(const Variable<T>& dy, const Variable<T>& weight);
template <class T>
Variable<T> linear_weight_gradient(const Variable<T>& x, const Variable<T>& dy);

template <class T>
Variable<T> linear_rows(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias) {
  const Index rows = x.size(0), in = weight.size(1), out = weight.size(0);
  Tensor<T> y = Tensor<T>::empty({rows, out});
  Tensor<T> workspace = Tensor<T>::empty({kernels::linear_forward_workspace<T>(rows, in, out)});
  kernels::linear_forward(rows, in, out, x.value().data(), weight.value().data(),
                          bias.defined() ? bias.value().data() : nullptr, y.mutable_data(), workspace.mutable_data());
  return record<T>("linear", std::move(y), {x, weight, bias},
                   [x = Saved(x), w = Saved(weight)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T>& dy = context.grad();
                     return {context.needs(0) ? linear_data_gradient(dy, context.get(w)) : Variable<T>(),
                             context.needs(1) ? linear_weight_gradient(context.get(x), dy) : Variable<T>(),
                             context.needs(2) ? sum_to_channels(dy) : Variable<T>()};
                   });
}

template <class T>
Variable<T> linear_data_gradient(const Variable<T>& dy, const Variable<T>& weight) {
  const Index rows = dy.size(0), in = weight.size(1), out = weight.size(0);
  Tensor<T> dx = Tensor<T>::empty({rows, in});
  Tensor<T> workspace = Tensor<T>::empty({kernels::linear_backward_data_workspace<T>(rows, in, out)});
  kernels::linear_backward_data(rows, in, out, dy.value().data(), weight.value().data(), dx.mutable_data(),
                                workspace.mutable_data());
  return record<T>("linear_backward_data", std::move(dx), {dy, weight},
                   [dy = Saved(dy), w = Saved(weight)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T>& ddx = context.grad();
                     return {context.needs(0) ? linear_rows(ddx, context.get(w), Variable<T>()) : Variable<T>(),
                             context.needs(1) ? linear_weight_gradient(ddx, context.get(dy)) : Variable<T>()};
                   });
}

template <class T>
Variable<T> linear_weight_gradient(const Variable<T>& x, const Variable<T>& dy) {
  const Index rows = x.size(0), in = x.size(1), out = dy.size(1);
  Tensor<T> dw = Tensor<T>::empty({out, in});
  Tensor<T> workspace = Tensor<T>::empty({kernels::linear_backward_weight_workspace<T>(rows, in, out)});
  kernels::linear_backward_weight(rows, in, out, x.value().data(), dy.value().data(), dw.mutable_data(),
                                  workspace.mutable_data());
  return record<T>("linear_backward_weight", std::move(dw), {x, dy},
                   [x = Saved(x), dy = Saved(dy)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T>& ddw = context.grad();
                     return {context.needs(0) ? linear_data_gradient(context.get(dy), ddw) : Variable<T>(),
                             context.needs(1) ? linear_rows(context.get(x), ddw, Variable<T>()) : Variable<T>()};
                   });
}

}  // namespace detail

/// x [...,in] times weight [out,in] transposed, plus bias [out] if defined -> [...,out].
/// Throws ShapeError if sizes do not fit.
template <Differentiable X, Differentiable W, Differentiable B>
VariableOf<X> linear(const X& x, const W& weight, const B& bias) {
  using T = ScalarOf<X>;
  const Variable<T> input = as_variable(x), w = as_variable(weight), b = as_variable(bias);
  require<ShapeError>(w.rank() == 2, "linear: the weight must be [out,in]; got ", w.shape());
  require<ShapeError>(input.rank() >= 1 && input.size(-1) == w.size(1), "linear: the input's last axis must have ",
                      w.size(1), " features; input ", input.shape(), ", weight ", w.shape(),
                      input.rank() == 4 ? " (flatten images first)" : "");
  require<ShapeError>(!b.defined() || b.shape() == Shape{w.size(0)}, "linear: the bias must have shape [", w.size(0),
                      "]; got ", b.shape());
  const Shape result = input.shape().with(-1, w.size(0));
  const Index rows = w.size(1) == 0 ? result.numel() / std::max<Index>(1, w.size(0)) : input.numel() / w.size(1);
  return reshape(detail::linear_rows<T>(reshape(input, Shape{rows, w.size(1)}), w, b), result);
}
template <Differentiable X, Differentiable W>
VariableOf<X> linear(const X& x, const W& weight) {
  return linear(x, weight, Variable<ScalarOf<X>>());
}

}  // namespace kashi::inline v0
