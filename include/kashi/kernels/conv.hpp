/// Convolution on NHWC, forward and both backward passes, for float and double and any geometry.
///
/// x [N,H,W,C], weight [O,KH,KW,C/G], y [N,OH,OW,O]; pointers are dense and need no alignment. Scratch memory comes from
/// the caller: `conv2d_..._workspace<T>(geometry)` says how many elements; its content before and after means nothing.
/// Same bits for every thread count.
#pragma once

#include <algorithm>

#include <kashi/core/parallel.hpp>
#include <kashi/kernels/backward_weight.hpp>
#include <kashi/kernels/direct.hpp>
#include <kashi/kernels/dot.hpp>
#include <kashi/kernels/lanes.hpp>
#include <kashi/kernels/route.hpp>
#include <kashi/kernels/stem.hpp>
#include <kashi/kernels/winograd.hpp>

namespace kashi::inline v0::kernels {

namespace detail {

/// Calls winograd(tile size) or direct(), as the route says; Winograd exists for float only.
template <class T, class Winograd, class Direct>
auto with_winograd(ConvRoute route, Winograd&& winograd, Direct&& direct) {
  if constexpr (std::is_same_v<T, float>) {
    if (route == ConvRoute::winograd4) return winograd(std::integral_constant<int, 4>{});
    if (route == ConvRoute::winograd2) return winograd(std::integral_constant<int, 2>{});
  }
  return direct();
}

}  // namespace detail

/// Elements of scratch memory that conv2d_forward() needs.
template <class T>
Index conv2d_forward_workspace(const ConvGeometry& g) {
  const detail::DirectShape shape = detail::forward_shape(g);
  return detail::with_winograd<T>(
      conv_route<T>(g), [&](auto tile) { return detail::winograd_conv_workspace<tile, T>(shape); },
      [&] {
        if (detail::lanes_fit<T>(g)) return detail::lanes_workspace<T>(g);
        return detail::stem_fits(g) ? detail::stem_workspace<T>(g) : detail::direct_conv_workspace<T>(shape);
      });
}

/// y = x * weight + bias. `bias` [O] may be null.
template <class T>
void conv2d_forward(const ConvGeometry& g, const T* x, const T* weight, const T* bias, T* y, T* workspace) {
  const detail::DirectShape shape = detail::forward_shape(g);
  detail::with_winograd<T>(
      conv_route<T>(g), [&](auto tile) { detail::winograd_conv<tile>(shape, x, weight, bias, y, workspace); },
      [&] {
        if (detail::lanes_fit<T>(g)) return detail::lanes_forward(g, x, weight, bias, y, workspace);
        if (detail::stem_fits(g)) return detail::stem_forward(g, x, weight, bias, y, workspace);
        detail::direct_conv(shape, x, weight, bias, y, workspace);
      });
}

/// Elements of scratch memory that conv2d_backward_data() needs.
template <class T>
Index conv2d_backward_data_workspace(const ConvGeometry& g) {
  return detail::with_winograd<T>(
      conv_route<T>(g),
      [&](auto tile) { return detail::winograd_conv_workspace<tile, T>(detail::backward_data_shape(g, 0, 0)); },
      [&] {
        if (detail::lanes_fit<T>(g)) return detail::lanes_workspace<T>(g);
        return detail::dot_fits(g) ? detail::dot_workspace<T>(g) : detail::direct_backward_data_workspace<T>(g);
      });
}

/// dx = gradient of the input, overwritten; positions that no output reads get 0.
template <class T>
void conv2d_backward_data(const ConvGeometry& g, const T* dy, const T* weight, T* dx, T* workspace) {
  detail::with_winograd<T>(
      conv_route<T>(g),
      [&](auto tile) {
        detail::winograd_conv<tile, T>(detail::backward_data_shape(g, 0, 0), dy, weight, nullptr, dx, workspace);
      },
      [&] {
        if (detail::lanes_fit<T>(g)) return detail::lanes_backward_data(g, dy, weight, dx, workspace);
        if (detail::dot_fits(g)) return detail::dot_backward_data(g, dy, weight, dx, workspace);
        detail::direct_backward_data(g, dy, weight, dx, workspace);
      });
}

/// Elements of scratch memory that conv2d_backward_weight() needs.
template <class T>
Index conv2d_backward_weight_workspace(const ConvGeometry& g) {
  return detail::with_winograd<T>(
      conv_route<T>(g),
      [&](auto tile) { return detail::WinogradWeightPlan<tile>(g, tiles<T>().lanes).workspace(); },
      [&] {
        if (detail::lanes_fit<T>(g)) return detail::lanes_weight_workspace<T>(g);
        return detail::stem_weight_fits<T>(g) ? detail::StemPlan(g, tiles<T>().lanes).weight_workspace()
                                              : detail::BackwardWeightPlan(g, tiles<T>().lanes).workspace();
      });
}

/// dweight = gradient of the weight, overwritten.
template <class T>
void conv2d_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dweight, T* workspace) {
  detail::with_winograd<T>(
      conv_route<T>(g), [&](auto tile) { detail::winograd_backward_weight<tile>(g, x, dy, dweight, workspace); },
      [&] {
        if (detail::lanes_fit<T>(g)) return detail::lanes_backward_weight(g, x, dy, dweight, workspace);
        if (detail::stem_weight_fits<T>(g)) return detail::stem_backward_weight(g, x, dy, dweight, workspace);
        detail::direct_backward_weight(g, x, dy, dweight, workspace);
      });
}

}  // namespace kashi::inline v0::kernels
