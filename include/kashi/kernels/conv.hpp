/// Convolution on NHWC, forward and both backward passes, for float and double and any geometry.
///
/// x [N,H,W,C], weight [O,KH,KW,C/G], y [N,OH,OW,O]; pointers are dense and need no alignment. Scratch memory comes
/// from the caller: `conv2d_..._workspace<T>(geometry)` says how many elements; its content before and after means
/// nothing. Same bits for every number of threads. With weights that stay the same, conv_plan.hpp packs them once.
#pragma once

#include <kashi/kernels/backward_weight.hpp>
#include <kashi/kernels/conv_plan.hpp>

namespace kashi::inline v0::kernels {

namespace detail {

template <class Plan>
Index plan_workspace(const Plan& plan) {
  return round_up(plan.packed_numel(), 16) + plan.workspace();
}

/// Packs into the workspace and runs.
template <class Plan, class T>
void pack_and_run(const Plan& plan, const T* in, const T* weight, const T* bias, T* out, T* workspace) {
  T* scratch = workspace + round_up(plan.packed_numel(), 16);
  plan.pack(weight, workspace, scratch);
  plan.run(in, workspace, {bias, nullptr, false}, out, scratch);
}

}  // namespace detail

/// Elements of scratch memory that conv2d_forward() needs.
template <class T>
Index conv2d_forward_workspace(const ConvGeometry& g) {
  return detail::plan_workspace(ForwardPlan<T>(g));
}

/// y = x * weight + bias. `bias` [O] may be null.
template <class T>
void conv2d_forward(const ConvGeometry& g, const T* x, const T* weight, const T* bias, T* y, T* workspace) {
  detail::pack_and_run(ForwardPlan<T>(g), x, weight, bias, y, workspace);
}

/// Elements of scratch memory that conv2d_backward_data() needs.
template <class T>
Index conv2d_backward_data_workspace(const ConvGeometry& g) {
  return detail::plan_workspace(BackwardDataPlan<T>(g));
}

/// dx = gradient of the input, overwritten; positions that no output reads get 0.
template <class T>
void conv2d_backward_data(const ConvGeometry& g, const T* dy, const T* weight, T* dx, T* workspace) {
  detail::pack_and_run<BackwardDataPlan<T>, T>(BackwardDataPlan<T>(g), dy, weight, nullptr, dx, workspace);
}

/// Elements of scratch memory that conv2d_backward_weight() needs.
template <class T>
Index conv2d_backward_weight_workspace(const ConvGeometry& g) {
  const Index lanes = tiles<T>().lanes;
  switch (backward_weight_route<T>(g, lanes)) {
    case ConvRoute::lanes:
      return detail::LaneGradientPlan(g, lanes).workspace();
    case ConvRoute::stem:
      return detail::StemPlan(g, lanes).weight_workspace();
    case ConvRoute::winograd2:
      return detail::WinogradWeightPlan(g, 2, lanes).workspace();
    case ConvRoute::winograd4:
      return detail::WinogradWeightPlan(g, 4, lanes).workspace();
    default:
      return detail::BackwardWeightPlan(g, lanes).workspace();
  }
}

/// dweight = gradient of the weight, overwritten.
template <class T>
void conv2d_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dweight, T* workspace) {
  if (g.out_pixels() == 0) {
    std::fill_n(dweight, g.weight_numel(), T(0));
    return;
  }
  const ConvRoute route = backward_weight_route<T>(g, tiles<T>().lanes);
  if constexpr (std::is_same_v<T, float>) {
    if (route == ConvRoute::winograd2 || route == ConvRoute::winograd4) {
      return detail::winograd_backward_weight(g, detail::winograd_tile(route), x, dy, dweight, workspace);
    }
  }
  if (route == ConvRoute::lanes) return detail::lanes_backward_weight(g, x, dy, dweight, workspace);
  if (route == ConvRoute::stem) return detail::stem_backward_weight(g, x, dy, dweight, workspace);
  detail::direct_backward_weight(g, x, dy, dweight, workspace);
}

KASHI_INSTANTIATE(Index conv2d_forward_workspace<float>(const ConvGeometry&))
KASHI_INSTANTIATE(Index conv2d_forward_workspace<double>(const ConvGeometry&))
KASHI_INSTANTIATE(void conv2d_forward<float>(const ConvGeometry&, const float*, const float*, const float*, float*,
                                             float*))
KASHI_INSTANTIATE(void conv2d_forward<double>(const ConvGeometry&, const double*, const double*, const double*, double*,
                                              double*))
KASHI_INSTANTIATE(Index conv2d_backward_data_workspace<float>(const ConvGeometry&))
KASHI_INSTANTIATE(Index conv2d_backward_data_workspace<double>(const ConvGeometry&))
KASHI_INSTANTIATE(void conv2d_backward_data<float>(const ConvGeometry&, const float*, const float*, float*, float*))
KASHI_INSTANTIATE(void conv2d_backward_data<double>(const ConvGeometry&, const double*, const double*, double*,
                                                    double*))
KASHI_INSTANTIATE(Index conv2d_backward_weight_workspace<float>(const ConvGeometry&))
KASHI_INSTANTIATE(Index conv2d_backward_weight_workspace<double>(const ConvGeometry&))
KASHI_INSTANTIATE(void conv2d_backward_weight<float>(const ConvGeometry&, const float*, const float*, float*, float*))
KASHI_INSTANTIATE(void conv2d_backward_weight<double>(const ConvGeometry&, const double*, const double*, double*,
                                                      double*))

}  // namespace kashi::inline v0::kernels
