/// Differentiable convolution and transposed convolution on images [N,H,W,C].
///
/// Forward, backward-data and backward-weight are each linear in both of their arguments, and each one's derivatives
/// are the other two: so all orders of derivatives come from these three.
#pragma once

#include <kashi/kernels/conv.hpp>
#include <kashi/ops/reduce.hpp>

namespace kashi::inline v0 {

using kernels::ConvGeometry;
using kernels::Padding;

/// Options of conv2d: stride, padding (number, {height, width}, {top, bottom, left, right}, nn::same, nn::valid),
/// dilation, groups.
using Conv2dOptions = kernels::ConvOptions;
/// Options of conv_transpose2d: stride, padding, output_padding, groups, dilation.
using ConvTranspose2dOptions = kernels::ConvTransposeOptions;

namespace detail {

inline kernels::Sizes4 sizes4(const char* who, const char* what, const Shape& shape) {
  require<ShapeError>(shape.rank() == 4, who, ": ", what, " must have 4 axes; got ", shape);
  return {shape[0], shape[1], shape[2], shape[3]};
}

inline Shape shape_of(const kernels::Sizes4& sizes) { return Shape(std::span<const Index>(sizes)); }

template <class T>
Tensor<T> conv_forward(const ConvGeometry& g, const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>* bias) {
  Tensor<T> y = Tensor<T>::empty(shape_of(g.output_sizes()));
  const ThreadLimit held(num_threads());  // the workspace has slots for so many
  Tensor<T> workspace = Tensor<T>::empty({kernels::conv2d_forward_workspace<T>(g)});
  kernels::conv2d_forward(g, x.data(), weight.data(), bias ? bias->data() : nullptr, y.mutable_data(),
                          workspace.mutable_data());
  return y;
}

template <class T>
Tensor<T> conv_backward_data(const ConvGeometry& g, const Tensor<T>& dy, const Tensor<T>& weight) {
  Tensor<T> dx = Tensor<T>::empty(shape_of(g.input_sizes()));
  const ThreadLimit held(num_threads());  // the workspace has slots for so many
  Tensor<T> workspace = Tensor<T>::empty({kernels::conv2d_backward_data_workspace<T>(g)});
  kernels::conv2d_backward_data(g, dy.data(), weight.data(), dx.mutable_data(), workspace.mutable_data());
  return dx;
}

template <class T>
Tensor<T> conv_backward_weight(const ConvGeometry& g, const Tensor<T>& x, const Tensor<T>& dy) {
  Tensor<T> dw = Tensor<T>::empty(shape_of(g.weight_sizes()));
  const ThreadLimit held(num_threads());  // the workspace has slots for so many
  Tensor<T> workspace = Tensor<T>::empty({kernels::conv2d_backward_weight_workspace<T>(g)});
  kernels::conv2d_backward_weight(g, x.data(), dy.data(), dw.mutable_data(), workspace.mutable_data());
  return dw;
}

/// The three maps of one geometry as differentiable operations.
template <class T>
Variable<T> conv_data_gradient(const ConvGeometry& g, const Variable<T>& dy, const Variable<T>& weight);
template <class T>
Variable<T> conv_weight_gradient(const ConvGeometry& g, const Variable<T>& x, const Variable<T>& dy);

template <class T>
Variable<T> conv_with_geometry(const ConvGeometry& g, const Variable<T>& x, const Variable<T>& weight,
                               const Variable<T>& bias) {
  Tensor<T> y = conv_forward(g, x.value(), weight.value(), bias.defined() ? &bias.value() : nullptr);
  const Announce announced(g);
  return record<T>("conv2d", std::move(y), {x, weight, bias},
                   [g, x = Saved(x), w = Saved(weight)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T>& dy = context.grad();
                     return {context.needs(0) ? conv_data_gradient(g, dy, context.get(w)) : Variable<T>(),
                             context.needs(1) ? conv_weight_gradient(g, context.get(x), dy) : Variable<T>(),
                             context.needs(2) ? sum_to_channels(dy) : Variable<T>()};
                   });
}

template <class T>
Variable<T> conv_data_gradient(const ConvGeometry& g, const Variable<T>& dy, const Variable<T>& weight) {
  const Announce announced(g);
  return record<T>("conv2d_backward_data", conv_backward_data(g, dy.value(), weight.value()), {dy, weight},
                   [g, dy = Saved(dy), w = Saved(weight)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T>& ddx = context.grad();
                     return {
                         context.needs(0) ? conv_with_geometry(g, ddx, context.get(w), Variable<T>()) : Variable<T>(),
                         context.needs(1) ? conv_weight_gradient(g, ddx, context.get(dy)) : Variable<T>()};
                   });
}

template <class T>
Variable<T> conv_weight_gradient(const ConvGeometry& g, const Variable<T>& x, const Variable<T>& dy) {
  return record<T>("conv2d_backward_weight", conv_backward_weight(g, x.value(), dy.value()), {x, dy},
                   [g, x = Saved(x), dy = Saved(dy)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T>& ddw = context.grad();
                     return {
                         context.needs(0) ? conv_data_gradient(g, context.get(dy), ddw) : Variable<T>(),
                         context.needs(1) ? conv_with_geometry(g, context.get(x), ddw, Variable<T>()) : Variable<T>()};
                   });
}

/// A transposed convolution is the data gradient of the convolution with geometry `g`; the bias is added as it stores.
template <class T>
Variable<T> conv_transpose_with_geometry(const ConvGeometry& g, const Variable<T>& x, const Variable<T>& weight,
                                         const Variable<T>& bias) {
  const kernels::BackwardDataPlan<T> plan(g);
  Tensor<T> y = Tensor<T>::empty(shape_of(g.input_sizes()));
  const ThreadLimit held(num_threads());  // the workspace has slots for so many
  Tensor<T> workspace = Tensor<T>::empty({kernels::conv2d_backward_data_workspace<T>(g)});
  kernels::detail::pack_and_run(plan, x.value().data(), weight.value().data(),
                                bias.defined() ? bias.value().data() : nullptr, y.mutable_data(),
                                workspace.mutable_data());
  const Announce announced(g);
  return record<T>("conv_transpose2d", std::move(y), {x, weight, bias},
                   [g, x = Saved(x), w = Saved(weight)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T>& dy = context.grad();
                     return {
                         context.needs(0) ? conv_with_geometry(g, dy, context.get(w), Variable<T>()) : Variable<T>(),
                         context.needs(1) ? conv_weight_gradient(g, dy, context.get(x)) : Variable<T>(),
                         context.needs(2) ? sum_to_channels(dy) : Variable<T>()};
                   });
}

inline void check_bias(const char* who, bool defined, const Shape& bias, Index channels) {
  require<ShapeError>(!defined || bias == Shape{channels}, who, ": the bias must have shape [", channels, "]; got ",
                      bias);
}

/// The geometry of conv2d(x, weight, bias, options). Throws as conv2d does.
template <class T>
ConvGeometry conv2d_checked_geometry(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                                     const Conv2dOptions& options) {
  const ConvGeometry g = kernels::conv2d_geometry("conv2d", sizes4("conv2d", "the input", x.shape()),
                                                  sizes4("conv2d", "the weight", weight.shape()), options);
  check_bias("conv2d", bias.defined(), bias.shape(), g.out_channels);
  return g;
}

}  // namespace detail

/// Convolution (cross-correlation) of x [N,H,W,C] with weight [O,KH,KW,C/groups], plus bias [O] if defined ->
/// [N,OH,OW,O]. Throws ShapeError or ValueError if sizes or options do not fit.
template <Differentiable X, Differentiable W, Differentiable B>
VariableOf<X> conv2d(const X& x, const W& weight, const B& bias, const Conv2dOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> input = as_variable(x), w = as_variable(weight), b = as_variable(bias);
  return detail::conv_with_geometry<T>(detail::conv2d_checked_geometry(input, w, b, options), input, w, b);
}
template <Differentiable X, Differentiable W>
VariableOf<X> conv2d(const X& x, const W& weight, const Conv2dOptions& options = {}) {
  return conv2d(x, weight, Variable<ScalarOf<X>>(), options);
}

/// Transposed convolution of x [N,H,W,I] with weight [I,KH,KW,O/groups], plus bias [O] if defined:
/// output size (H - 1) * stride - padding + dilation * (KH - 1) + output_padding + 1.
/// Throws ShapeError or ValueError if sizes or options do not fit.
template <Differentiable X, Differentiable W, Differentiable B>
VariableOf<X> conv_transpose2d(const X& x, const W& weight, const B& bias, const ConvTranspose2dOptions& options = {}) {
  using T = ScalarOf<X>;
  const char* who = "conv_transpose2d";
  const Variable<T> input = as_variable(x), w = as_variable(weight), b = as_variable(bias);
  const ConvGeometry g = kernels::conv_transpose2d_geometry(who, detail::sizes4(who, "the input", input.shape()),
                                                            detail::sizes4(who, "the weight", w.shape()), options);
  detail::check_bias(who, b.defined(), b.shape(), g.in_channels);
  return detail::conv_transpose_with_geometry<T>(g, input, w, b);
}
template <Differentiable X, Differentiable W>
VariableOf<X> conv_transpose2d(const X& x, const W& weight, const ConvTranspose2dOptions& options = {}) {
  return conv_transpose2d(x, weight, Variable<ScalarOf<X>>(), options);
}

}  // namespace kashi::inline v0
