/// Differentiable pooling of images [N,H,W,C]: largest and mean element of windows, fixed, adaptive and global.
///
/// Rules are PyTorch's: the gradient of a maximum goes to the first of equals in row-major order, and NaN wins.
#pragma once

#include <memory>

#include <kashi/ops/adjoint.hpp>
#include <kashi/ops/pool_windows.hpp>
#include <kashi/ops/reduce.hpp>

namespace kashi::inline v0 {

/// Options of max_pool2d: kernel, stride (0: the kernel's size), padding (at most half of the kernel), dilation,
/// ceil_mode.
using MaxPool2dOptions = kernels::PoolOptions;

/// Options of avg_pool2d, in PyTorch's order.
struct AvgPool2dOptions {
  kernels::Pair kernel = 2;
  kernels::Pair stride = 0;       ///< 0: the kernel's size
  kernels::Padding padding = 0;   ///< at most half of the kernel
  bool ceil_mode = false;         ///< round output sizes up
  bool count_include_pad = true;  ///< divide by the window's size with its padding
  Index divisor_override = 0;     ///< divide by this number unless 0
};

namespace detail {

inline const Shape& check_images(const char* who, const Shape& shape) {
  require<ShapeError>(shape.rank() == 4, who, ": images [N,H,W,C] are needed; got ", shape);
  return shape;
}

/// The checked geometry of pooling windows over `shape`.
inline kernels::PoolGeometry pool_geometry(const char* who, const Shape& shape, const kernels::PoolOptions& options) {
  check_images(who, shape);
  return kernels::pool2d_geometry(who, {shape[0], shape[1], shape[2], shape[3]}, options);
}

inline PoolPlan checked_adaptive_plan(const char* who, const Shape& shape, const kernels::Pair& output) {
  check_images(who, shape);
  require(output.height >= 1 && output.width >= 1, who, ": the output size must be positive; got ", output);
  require<ShapeError>(shape[1] >= 1 && shape[2] >= 1, who, ": images can't be empty; got ", shape);
  return adaptive_plan(shape, output);
}

/// The windows as a plan to keep, checked for finding maxima.
inline std::shared_ptr<const PoolPlan> checked_max_plan(const char* name, PoolPlan windows) {
  require<ShapeError>(windows.input[1] * windows.input[2] <= std::numeric_limits<std::int32_t>::max(), name,
                      ": an image has too many pixels; input ", windows.input);
  for (const auto* spans : {&windows.rows, &windows.columns})
    for (const PoolSpan& span : *spans)
      require<ShapeError>(span.count >= 1, name, ": a window holds padding only; input ", windows.input);
  return std::make_shared<const PoolPlan>(std::move(windows));
}

/// The plan of max_pool2d(x, options) for x of this shape. Throws as max_pool2d does.
inline std::shared_ptr<const PoolPlan> max_pool_plan(const char* name, const Shape& shape,
                                                     const MaxPool2dOptions& options) {
  return checked_max_plan(name, pool_plan(pool_geometry(name, shape, options), PaddingCount::excluded));
}

template <class T>
Variable<T> max_pool_with_plan(const char* name, PoolPlan windows, const Variable<T>& x) {
  const auto plan = checked_max_plan(name, std::move(windows));
  const bool recorded = grad_enabled() && x.requires_grad();
  PoolPositions positions;
  Tensor<T> y = max_pool(*plan, x.value(), recorded ? &positions : nullptr);
  return record<T>(name, std::move(y), {x}, [name, plan, positions](const GradContext<T>& context) -> Gradients<T> {
    return {linear_operation(
        name, context.grad(),
        [plan, positions](const Tensor<T>& dy) { return scatter_to_positions(*plan, positions, dy); },
        [plan, positions](const Tensor<T>& dx) { return gather_from_positions(*plan, positions, dx); })};
  });
}

template <class T>
Variable<T> avg_pool_with_plan(const char* name, PoolPlan windows, Index divisor, const Variable<T>& x) {
  const auto plan = std::make_shared<const PoolPlan>(std::move(windows));
  return linear_operation(
      name, x, [plan, divisor](const Tensor<T>& v) { return avg_pool(*plan, divisor, v); },
      [plan, divisor](const Tensor<T>& dy) { return spread_over_windows(*plan, divisor, dy); });
}

}  // namespace detail

/// Largest element of each window: [N,H,W,C] -> [N,OH,OW,C]. Padding never wins.
/// Throws ShapeError or ValueError if sizes or options do not fit.
template <Differentiable X>
VariableOf<X> max_pool2d(const X& x, const MaxPool2dOptions& options = {}) {
  const auto input = as_variable(x);
  const auto geometry = detail::pool_geometry("max_pool2d", input.shape(), options);
  const Announce announced(geometry);
  return detail::max_pool_with_plan("max_pool2d", detail::pool_plan(geometry, detail::PaddingCount::excluded), input);
}

/// Mean of each window: [N,H,W,C] -> [N,OH,OW,C].
/// Throws ShapeError or ValueError if sizes or options do not fit.
template <Differentiable X>
VariableOf<X> avg_pool2d(const X& x, const AvgPool2dOptions& options = {}) {
  const auto input = as_variable(x);
  require(options.divisor_override >= 0, "avg_pool2d: divisor_override can't be negative; got ",
          options.divisor_override);
  const auto geometry = detail::pool_geometry(
      "avg_pool2d", input.shape(),
      {.kernel = options.kernel, .stride = options.stride, .padding = options.padding, .ceil_mode = options.ceil_mode});
  const Announce announced(geometry);
  const auto count = options.count_include_pad ? detail::PaddingCount::included : detail::PaddingCount::excluded;
  return detail::avg_pool_with_plan("avg_pool2d", detail::pool_plan(geometry, count), options.divisor_override, input);
}

/// Mean over windows that divide the image into output.height x output.width parts: [N,H,W,C] -> [N,OH,OW,C].
/// Throws ShapeError or ValueError if sizes do not fit.
template <Differentiable X>
VariableOf<X> adaptive_avg_pool2d(const X& x, const kernels::Pair& output) {
  const auto input = as_variable(x);
  return detail::avg_pool_with_plan(
      "adaptive_avg_pool2d", detail::checked_adaptive_plan("adaptive_avg_pool2d", input.shape(), output), 0, input);
}

/// Largest element over windows that divide the image into output.height x output.width parts.
/// Throws ShapeError or ValueError if sizes do not fit.
template <Differentiable X>
VariableOf<X> adaptive_max_pool2d(const X& x, const kernels::Pair& output) {
  const auto input = as_variable(x);
  return detail::max_pool_with_plan("adaptive_max_pool2d",
                                    detail::checked_adaptive_plan("adaptive_max_pool2d", input.shape(), output), input);
}

/// Mean over all pixels: [N,H,W,C] -> [N,C]. Throws ShapeError if images are empty.
template <Differentiable X>
VariableOf<X> global_avg_pool2d(const X& x) {
  const auto input = as_variable(x);
  detail::checked_adaptive_plan("global_avg_pool2d", input.shape(), 1);
  return mean(input, {1, 2});
}

/// Largest element over all pixels: [N,H,W,C] -> [N,C]. Throws ShapeError if images are empty.
template <Differentiable X>
VariableOf<X> global_max_pool2d(const X& x) {
  const auto input = as_variable(x);
  const auto y = detail::max_pool_with_plan(
      "global_max_pool2d", detail::checked_adaptive_plan("global_max_pool2d", input.shape(), 1), input);
  return reshape(y, Shape{input.size(0), input.size(3)});
}

}  // namespace kashi::inline v0
