/// Differentiable dropout: elements or whole channels set to 0 at random in training (Srivastava et al. 2014).
#pragma once

#include <cstdint>

#include <kashi/core/random.hpp>
#include <kashi/ops/adjoint.hpp>
#include <kashi/ops/arithmetic.hpp>

namespace kashi::inline v0 {

namespace detail {

/// 1 with probability keep, else 0, one byte each. Four elements share a block of random words.
inline Tensor<std::uint8_t> keep_mask(const Shape& shape, double keep, random::Generator& generator) {
  Tensor<std::uint8_t> mask = Tensor<std::uint8_t>::empty(shape);
  const random::Philox stream = generator.next_stream();
  const double limit = keep * 4294967296.0;  // 2^32
  const Index count = mask.numel();
  parallel_for((count + 3) / 4, 2048, [&, out = mask.mutable_data()](Index begin, Index end) {
    for (Index block = begin; block < end; ++block) {
      const auto words = stream.block(static_cast<std::uint64_t>(block));
      for (Index i = block * 4; i < std::min(count, block * 4 + 4); ++i)
        out[i] = static_cast<double>(words[static_cast<std::size_t>(i % 4)]) < limit ? 1 : 0;
    }
  });
  return mask;
}

/// x / keep where the mask is 1, else 0.
template <class T>
Tensor<T> apply_mask(const Tensor<T>& x, const Tensor<std::uint8_t>& mask, double keep) {
  Tensor<T> y = Tensor<T>::empty(x.shape());
  const T scale = static_cast<T>(1.0 / keep);
  parallel_for(x.numel(), elementwise_grain,
               [&, in = x.data(), kept = mask.data(), out = y.mutable_data()](Index begin, Index end) {
                 for (Index i = begin; i < end; ++i) out[i] = kept[i] != 0 ? in[i] * scale : T{0};
               });
  return y;
}

inline void check_dropout(const char* who, double p) {
  require(p >= 0.0 && p <= 1.0, who, ": p must lie in [0, 1]; got ", p);
}

}  // namespace detail

/// In training, each element becomes 0 with probability p and is divided by 1 - p otherwise; else x itself.
/// Takes one stream of the generator. Throws ValueError for a p outside [0, 1].
template <Differentiable X>
VariableOf<X> dropout(const X& input, double p = 0.5, bool training = true,
                      random::Generator& generator = default_generator()) {
  using T = ScalarOf<X>;
  detail::check_dropout("dropout", p);
  const Variable<T> x = as_variable(input);
  if (!training || p == 0.0) return x;
  const auto masked = [mask = detail::keep_mask(x.shape(), 1.0 - p, generator), p](const Tensor<T>& v) {
    return detail::apply_mask(v, mask, 1.0 - p);
  };
  return linear_operation("dropout", x, masked, masked);
}

/// The same for whole channels of images [N,H,W,C] (Tompson et al. 2015).
/// Throws ValueError for a p outside [0, 1], ShapeError for other ranks.
template <Differentiable X>
VariableOf<X> dropout2d(const X& input, double p = 0.5, bool training = true,
                        random::Generator& generator = default_generator()) {
  using T = ScalarOf<X>;
  detail::check_dropout("dropout2d", p);
  const Variable<T> x = as_variable(input);
  require<ShapeError>(x.rank() == 4, "dropout2d: images [N,H,W,C] are needed; got ", x.shape());
  if (!training || p == 0.0) return x;
  const Shape channels{x.size(0), 1, 1, x.size(3)};
  return mul(x,
             detail::apply_mask(Tensor<T>::ones(channels), detail::keep_mask(channels, 1.0 - p, generator), 1.0 - p));
}

}  // namespace kashi::inline v0
