/// A convolution whose weights are packed once and used often: inference, or several calls with the same weights.
///
/// The plan holds no memory. It says how many elements the packed weights and the scratch take, packs, and runs with a
/// fused end: bias, residual, ReLU. It belongs to the instruction set and algorithm that were in use when it was made.
/// workspace() counts the threads: ask for it at each run, since set_num_threads() may have raised their number.
#pragma once

#include <kashi/kernels/direct.hpp>
#include <kashi/kernels/dot.hpp>
#include <kashi/kernels/lanes.hpp>
#include <kashi/kernels/route.hpp>
#include <kashi/kernels/stem.hpp>
#include <kashi/kernels/winograd.hpp>

namespace kashi::inline v0::kernels {

/// What happens to results on their way out: + bias [O], + residual (laid out as the result), ReLU
/// (ReLU6 with most = 6). Null means none.
template <class T>
using ConvEpilogue = detail::Epilogue<T>;

namespace detail {

/// The tile of a Winograd route.
constexpr Index winograd_tile(ConvRoute route) { return route == ConvRoute::winograd2 ? 2 : 4; }

}  // namespace detail

/// Forward: y = x * weight. Pack with pack(), run with run(), any number of times.
template <class T>
class ForwardPlan {
 public:
  explicit ForwardPlan(const ConvGeometry& g)
      : g_(g), shape_(detail::forward_shape(g)), lanes_(tiles<T>().lanes), route_(forward_route<T>(g, lanes_)) {}

  const ConvGeometry& geometry() const { return g_; }
  ConvRoute route() const { return route_; }

  /// Elements of the packed weights.
  Index packed_numel() const;
  /// Elements of scratch memory that pack() and run() need.
  Index workspace() const;
  /// Packs weight [O,KH,KW,C/G].
  void pack(const T* weight, T* packed, T* scratch) const;
  /// y = x * weight, then the epilogue.
  void run(const T* x, const T* packed, const ConvEpilogue<T>& epilogue, T* y, T* scratch) const;

 private:
  detail::WinogradPlan winograd() const { return detail::winograd_plan<T>(shape_, detail::winograd_tile(route_)); }

  ConvGeometry g_;
  detail::DirectShape shape_;
  Index lanes_;
  ConvRoute route_;
};

/// Backward-data: dx from dy, every element written; positions that no output reads get 0. Also a transposed
/// convolution.
template <class T>
class BackwardDataPlan {
 public:
  explicit BackwardDataPlan(const ConvGeometry& g)
      : g_(g), lanes_(tiles<T>().lanes), route_(backward_data_route<T>(g, lanes_)) {}

  const ConvGeometry& geometry() const { return g_; }
  ConvRoute route() const { return route_; }

  /// Elements of the packed weights.
  Index packed_numel() const;
  /// Elements of scratch memory that pack() and run() need.
  Index workspace() const;
  /// Packs weight [O,KH,KW,C/G].
  void pack(const T* weight, T* packed, T* scratch) const;
  /// dx from dy. The epilogue serves transposed convolutions: bias [C], residual and ReLU of dx.
  void run(const T* dy, const T* packed, const ConvEpilogue<T>& epilogue, T* dx, T* scratch) const;

 private:
  detail::WinogradPlan winograd() const {
    return detail::winograd_plan<T>(detail::backward_data_shape(g_, 0, 0), detail::winograd_tile(route_));
  }

  ConvGeometry g_;
  Index lanes_;
  ConvRoute route_;
};

template <class T>
Index ForwardPlan<T>::packed_numel() const {
  switch (route_) {
    case ConvRoute::lanes:
      return detail::lane_weights_numel(g_, lanes_);
    case ConvRoute::stem:
      return detail::StemPlan(g_, lanes_).packed_numel();
    case ConvRoute::direct:
      return detail::direct_plan<T>(shape_).packed_numel();
    default:
      return winograd().packed_numel();
  }
}

template <class T>
Index ForwardPlan<T>::workspace() const {
  switch (route_) {
    case ConvRoute::lanes:
      return round_up(g_.in_channels, lanes_);
    case ConvRoute::stem:
      return detail::StemPlan(g_, lanes_).forward_scratch();
    case ConvRoute::direct:
      return detail::direct_plan<T>(shape_).scratch_numel();
    default:
      return winograd().scratch_numel();
  }
}

template <class T>
void ForwardPlan<T>::pack(const T* weight, T* packed, T* scratch) const {
  switch (route_) {
    case ConvRoute::lanes:
      return detail::lane_pack(g_, lanes_, false, weight, packed);
    case ConvRoute::stem:
      return detail::stem_pack(detail::StemPlan(g_, lanes_), weight, packed);
    case ConvRoute::direct:
      return detail::pack_direct(detail::direct_plan<T>(shape_), weight, packed);
    default:
      if constexpr (std::is_same_v<T, float>) detail::winograd_pack(winograd(), weight, packed, scratch);
  }
}

template <class T>
void ForwardPlan<T>::run(const T* x, const T* packed, const ConvEpilogue<T>& epilogue, T* y, T* scratch) const {
  switch (route_) {
    case ConvRoute::lanes:
      return detail::run_lanes(shape_, x, packed, epilogue, y, scratch);
    case ConvRoute::stem:
      return detail::run_stem(detail::StemPlan(g_, lanes_), x, packed, epilogue, y, scratch);
    case ConvRoute::direct:
      return detail::run_direct(detail::direct_plan<T>(shape_), x, packed, epilogue, y, scratch);
    default:
      if constexpr (std::is_same_v<T, float>) detail::run_winograd(winograd(), x, packed, epilogue, y, scratch);
  }
}

template <class T>
Index BackwardDataPlan<T>::packed_numel() const {
  switch (route_) {
    case ConvRoute::lanes:
      return detail::lane_weights_numel(g_, lanes_);
    case ConvRoute::dot:
      return detail::dot_packed_numel(g_, lanes_);
    case ConvRoute::direct: {
      Index sum = 0;
      detail::for_each_phase(g_, [&](const auto& s) { sum += detail::direct_plan<T>(s).packed_numel(); });
      return sum;
    }
    default:
      return winograd().packed_numel();
  }
}

template <class T>
Index BackwardDataPlan<T>::workspace() const {
  switch (route_) {
    case ConvRoute::lanes:
      return round_up(g_.in_channels, lanes_);
    case ConvRoute::dot:
      return 0;
    case ConvRoute::direct:
      return detail::direct_plan<T>(detail::backward_data_shape(g_, 0, 0)).scratch_numel();
    default:
      return winograd().scratch_numel();
  }
}

template <class T>
void BackwardDataPlan<T>::pack(const T* weight, T* packed, T* scratch) const {
  switch (route_) {
    case ConvRoute::lanes:
      return detail::lane_pack(g_, lanes_, true, weight, packed);
    case ConvRoute::dot:
      return detail::dot_pack(g_, lanes_, weight, packed);
    case ConvRoute::direct:
      return detail::for_each_phase(g_, [&](const auto& s) {
        const detail::DirectPlan plan = detail::direct_plan<T>(s);
        detail::pack_direct(plan, weight, packed);
        packed += plan.packed_numel();
      });
    default:
      if constexpr (std::is_same_v<T, float>) detail::winograd_pack(winograd(), weight, packed, scratch);
  }
}

template <class T>
void BackwardDataPlan<T>::run(const T* dy, const T* packed, const ConvEpilogue<T>& epilogue, T* dx, T* scratch) const {
  switch (route_) {
    case ConvRoute::lanes:
      return detail::for_each_phase(g_,
                                    [&](const auto& s) { detail::run_lanes(s, dy, packed, epilogue, dx, scratch); });
    case ConvRoute::dot:
      return detail::for_each_phase(g_, [&](const auto& s) { detail::run_dot(g_, s, dy, packed, epilogue, dx); });
    case ConvRoute::direct:
      return detail::for_each_phase(g_, [&](const auto& s) {
        const detail::DirectPlan plan = detail::direct_plan<T>(s);
        detail::run_direct(plan, dy, packed, epilogue, dx, scratch);
        packed += plan.packed_numel();
      });
    default:
      if constexpr (std::is_same_v<T, float>) detail::run_winograd(winograd(), dy, packed, epilogue, dx, scratch);
  }
}

KASHI_INSTANTIATE(class ForwardPlan<float>)
KASHI_INSTANTIATE(class ForwardPlan<double>)
KASHI_INSTANTIATE(class BackwardDataPlan<float>)
KASHI_INSTANTIATE(class BackwardDataPlan<double>)

}  // namespace kashi::inline v0::kernels
