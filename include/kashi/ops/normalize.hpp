/// The fused core of all normalisations, on values seen as [N,S,G,K].
///
/// Each (n, g) has one mean and one variance, over S and K. Batch norm is N = 1, G = C, K = 1; instance norm G = C, K =
/// 1; group norm G = groups, K = C / G; layer norm S = G = 1. Weight and bias are given by channel, G * K of them.
/// ops/norm.hpp makes the public operations of it. Sums are taken in double, in blocks that the sizes alone decide.
#pragma once

#include <cmath>
#include <vector>

#include <kashi/ops/reduce.hpp>
#include <kashi/ops/unary.hpp>

namespace kashi::inline v0::detail {

/// Values as [N,S,G,K]: M = S * K of them share a mean.
struct NormView {
  Index N = 1, S = 1, G = 1, K = 1;
  Index channels() const { return G * K; }
  Index count() const { return S * K; }
  Shape shape() const { return {N, S, G, K}; }
  Shape statistics() const { return {N, 1, G, 1}; }
  Shape affine() const { return {1, 1, G, K}; }
};

/// How the rows (n, s) are cut into jobs: several whole n, or a piece of one.
struct NormCut {
  Index n_step = 1, s_step = 1, n_blocks = 0, s_blocks = 0;

  explicit NormCut(const NormView& v) {
    const Index rows = std::max<Index>(1, 16384 / std::max<Index>(1, v.channels()));
    s_step = std::max<Index>(1, std::min(v.S, std::max(rows, (v.S + 63) / 64)));
    s_blocks = (v.S + s_step - 1) / s_step;
    n_step = s_blocks > 1 ? 1 : std::max<Index>(1, std::max(rows / std::max<Index>(1, v.S), (v.N + 63) / 64));
    n_blocks = (v.N + n_step - 1) / n_step;
  }

  /// Calls f(n, first s, end s, job) for every piece of the values, jobs at a time; a job's pieces come in order.
  template <class F>
  void for_each(const NormView& v, F&& f) const {
    parallel_for(n_blocks * s_blocks, 1, [&](Index begin, Index end) {
      for (Index job = begin; job < end; ++job) {
        const Index s = job % s_blocks * s_step, last = std::min(v.N, (job / s_blocks + 1) * n_step);
        for (Index n = job / s_blocks * n_step; n < last; ++n) f(n, s, std::min(v.S, s + s_step), job);
      }
    });
  }
};

/// Calls f(channel, group) for every channel of a row; either loop runs along memory.
template <class F>
void for_each_channel(const NormView& v, F&& f) {
  if (v.K == 1) {
    for (Index c = 0; c < v.G; ++c) f(c, c);
    return;
  }
  for (Index g = 0; g < v.G; ++g)
    for (Index c = g * v.K; c < (g + 1) * v.K; ++c) f(c, g);
}

/// R numbers that are summed together, in one pass over the values.
template <std::size_t R>
using Sums = std::array<double, R>;

/// totals[r, g] += the sum of f(channel, group)[r] over the group's channels.
template <std::size_t R, class F>
void add_group_sums(const NormView& v, double* totals, F&& f) {
  constexpr std::size_t lanes = 8;  // several chains of additions, since one would wait for itself
  for (Index g = 0; g < v.G; ++g) {
    std::array<Sums<R>, lanes> part{};
    for (Index k = 0; k < v.K; ++k) {
      const Sums<R> values = f(g * v.K + k, g);
      for (std::size_t r = 0; r < R; ++r) part[static_cast<std::size_t>(k) % lanes][r] += values[r];
    }
    for (const Sums<R>& sums : part)
      for (std::size_t r = 0; r < R; ++r) totals[static_cast<Index>(r) * v.G + g] += sums[r];
  }
}

/// Sums over S and K for every (n, g): the row f(n, s) gives a function of (channel, group) whose R results are summed.
/// Result [R,N,1,G,1] in double.
template <std::size_t R, class Row>
Tensor<double> group_sums(const NormView& v, Row&& row) {
  const NormCut cut(v);
  Tensor<double> parts = Tensor<double>::zeros({v.N, cut.s_blocks, static_cast<Index>(R), v.G});
  double* partial = parts.mutable_data();
  cut.for_each(v, [&](Index n, Index s, Index s_end, Index job) {
    double* totals = partial + (n * cut.s_blocks + job % cut.s_blocks) * static_cast<Index>(R) * v.G;
    for (; s < s_end; ++s) {
      const auto f = row(n, s);
      if (v.K > 1) {
        add_group_sums<R>(v, totals, f);
        continue;
      }
      for (Index g = 0; g < v.G; ++g) {
        const Sums<R> values = f(g, g);
        for (std::size_t r = 0; r < R; ++r) totals[static_cast<Index>(r) * v.G + g] += values[r];
      }
    }
  });
  return permute(sum(parts, {1}), {1, 0, 2}).reshape({static_cast<Index>(R), v.N, 1, v.G, 1});
}

/// Sums over N and S for every channel. Result [R,G*K] in double.
template <std::size_t R, class Row>
Tensor<double> channel_sums(const NormView& v, Row&& row) {
  const NormCut cut(v);
  Tensor<double> parts = Tensor<double>::zeros({cut.n_blocks * cut.s_blocks, static_cast<Index>(R), v.channels()});
  double* partial = parts.mutable_data();
  cut.for_each(v, [&](Index n, Index s, Index s_end, Index job) {
    double* totals = partial + job * static_cast<Index>(R) * v.channels();
    for (; s < s_end; ++s) {
      const auto f = row(n, s);
      for_each_channel(v, [&](Index c, Index g) {
        const Sums<R> values = f(c, g);
        for (std::size_t r = 0; r < R; ++r) totals[static_cast<Index>(r) * v.channels() + c] += values[r];
      });
    }
  });
  return sum(parts, {0});
}

/// Mean and biased variance of each (n, g).
struct NormStatistics {
  Tensor<double> mean;      // [N,1,G,1]
  Tensor<double> variance;  // [N,1,G,1]
};

/// Two passes, since one loses digits when the mean is large.
template <class T>
NormStatistics norm_statistics(const NormView& v, const Tensor<T>& x) {
  const double share = 1.0 / static_cast<double>(v.count());
  const T* in = x.data();
  const Tensor<double> mean = group_sums<1>(v,
                                            [&](Index n, Index s) {
                                              return [p = in + (n * v.S + s) * v.channels()](Index c, Index) {
                                                return Sums<1>{static_cast<double>(p[c])};
                                              };
                                            })[0] *
                              share;
  const double* m = mean.data();
  Tensor<double> variance =
      group_sums<1>(v,
                    [&](Index n, Index s) {
                      return [p = in + (n * v.S + s) * v.channels(), m = m + n * v.G](Index c, Index g) {
                        const double distance = static_cast<double>(p[c]) - m[g];
                        return Sums<1>{distance * distance};
                      };
                    })[0] *
      share;
  return {mean, variance};
}

/// What both passes need of the statistics, in the values' own type.
template <class T>
struct NormScale {
  Tensor<T> mean;     // [N,1,G,1]
  Tensor<T> inverse;  // 1 / sqrt(variance + eps), [N,1,G,1]
  bool is_constant;   // the statistics do not depend on x
};

template <class T>
NormScale<T> norm_scale(const NormStatistics& s, double eps, bool is_constant) {
  return {s.mean.to<T>(),
          map(s.variance, [eps](double variance) { return static_cast<T>(1.0 / std::sqrt(variance + eps)); }),
          is_constant};
}

/// Weight or bias by channel, or `absent` everywhere.
template <class T>
Tensor<T> affine_values(const NormView& v, const Variable<T>& given, T absent) {
  return given.defined() ? given.value() : Tensor<T>::full({v.channels()}, absent);
}

/// (x - mean) * inverse * weight + bias.
template <class T>
Tensor<T> normalize(const NormView& v, const Tensor<T>& x, const NormScale<T>& scale, const Tensor<T>& weight,
                    const Tensor<T>& bias) {
  Tensor<T> y = Tensor<T>::empty(x.shape());
  T* result = y.mutable_data();
  NormCut(v).for_each(v, [&, in = x.data(), w = weight.data(), b = bias.data()](Index n, Index s, Index s_end, Index) {
    const T* mean = scale.mean.data() + n * v.G;
    const T* inverse = scale.inverse.data() + n * v.G;
    for (; s < s_end; ++s) {
      const T* p = in + (n * v.S + s) * v.channels();
      T* out = result + (n * v.S + s) * v.channels();
      for_each_channel(v, [&](Index c, Index g) { out[c] = (p[c] - mean[g]) * (inverse[g] * w[c]) + b[c]; });
    }
  });
  return y;
}

/// dx, dweight and dbias in one go: with z = (x - mean) * inverse and g = dy * weight,
/// dx = inverse * (g - mean(g) - z * mean(g z)), or inverse * g for constant statistics; dweight = sum(dy z), dbias =
/// sum(dy).
template <class T>
std::array<Tensor<T>, 3> normalize_backward(const NormView& v, const Tensor<T>& x, const NormScale<T>& scale,
                                            const Tensor<T>& weight, const Tensor<T>& dy) {
  const T* in = x.data();
  const T* up = dy.data();
  const T* w = weight.data();
  // One row: f(channel, group) = {dy * factor, dy * z * factor}.
  const auto products = [&](bool weighted) {
    return [&, weighted](Index n, Index s) {
      const Index at = (n * v.S + s) * v.channels();
      return [p = in + at, u = up + at, w, weighted, mean = scale.mean.data() + n * v.G,
              inverse = scale.inverse.data() + n * v.G](Index c, Index g) {
        const T gradient = weighted ? u[c] * w[c] : u[c];
        return Sums<2>{static_cast<double>(gradient), static_cast<double>(gradient * (p[c] - mean[g]) * inverse[g])};
      };
    };
  };
  const Tensor<double> affine = channel_sums<2>(v, products(false));
  Tensor<double> means;  // mean(g) and mean(g z), [2,N,1,G,1]
  if (scale.is_constant)
    means = Tensor<double>::zeros({2, v.N, 1, v.G, 1});
  else if (v.N == 1 && v.K == 1)
    means = (affine * weight.template to<double>()).reshape({2, 1, 1, v.G, 1});  // a channel is a group
  else
    means = group_sums<2>(v, products(true));
  means = means * (1.0 / static_cast<double>(v.count()));
  const Tensor<T> mean_g = means[0].template to<T>(), mean_gz = means[1].template to<T>();

  Tensor<T> dx = Tensor<T>::empty(x.shape());
  T* result = dx.mutable_data();
  NormCut(v).for_each(v, [&](Index n, Index s, Index s_end, Index) {
    const T* mean = scale.mean.data() + n * v.G;
    const T* inverse = scale.inverse.data() + n * v.G;
    const T* m1 = mean_g.data() + n * v.G;
    const T* m2 = mean_gz.data() + n * v.G;
    for (; s < s_end; ++s) {
      const Index at = (n * v.S + s) * v.channels();
      for_each_channel(v, [&, p = in + at, u = up + at, out = result + at](Index c, Index g) {
        const T z = (p[c] - mean[g]) * inverse[g];
        out[c] = inverse[g] * (u[c] * w[c] - m1[g] - z * m2[g]);
      });
    }
  });
  return {dx, affine[1].template to<T>(), affine[0].template to<T>()};
}

/// The same from differentiable operations, for second derivatives. `x`, `dy` of any shape; `weight` may be undefined.
template <class T>
std::array<Variable<T>, 3> normalize_backward_composed(const NormView& v, const Variable<T>& x,
                                                       const NormScale<T>& scale, double eps, const Variable<T>& weight,
                                                       const Variable<T>& dy) {
  const Axes group{1, 3}, rows{0, 1};
  const Variable<T> values = reshape(x, v.shape()), up = reshape(dy, v.shape());
  Variable<T> centered, inverse(scale.inverse);
  if (scale.is_constant) {
    centered = sub(values, scale.mean);
  } else {
    centered = sub(values, mean(values, group, true));
    inverse = pow(add(mean(square(centered), group, true), eps), -0.5);
  }
  const Variable<T> z = mul(centered, inverse);
  const Variable<T> g = weight.defined() ? mul(up, reshape(weight, v.affine())) : up;
  const Variable<T> inner =
      scale.is_constant ? g : sub(g, add(mean(g, group, true), mul(z, mean(mul(g, z), group, true))));
  const Shape channels{v.channels()};
  return {reshape(mul(inner, inverse), x.shape()), reshape(sum(mul(up, z), rows), channels),
          reshape(sum(up, rows), channels)};
}

/// Normalisation as an operation. `weight` and `bias` have shape [G*K] or are undefined.
template <class T>
Variable<T> normalize_operation(const char* name, const NormView& v, const Variable<T>& x, const NormScale<T>& scale,
                                double eps, const Variable<T>& weight, const Variable<T>& bias) {
  Tensor<T> y = normalize(v, x.value(), scale, affine_values(v, weight, T{1}), affine_values(v, bias, T{0}));
  const Announce announced(v);
  return record<T>(name, std::move(y), {x, weight, bias},
                   [v, scale, eps, x = Saved(x), w = Saved(weight)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T> values = context.get(x), factor = context.get(w);
                     if (context.create_graph()) {
                       const auto [dx, dw, db] =
                           normalize_backward_composed(v, values, scale, eps, factor, context.grad());
                       return {dx, dw, db};
                     }
                     const auto [dx, dw, db] = normalize_backward(
                         v, values.value(), scale, affine_values(v, factor, T{1}), context.grad().value());
                     return {Variable<T>(dx), Variable<T>(dw), Variable<T>(db)};
                   });
}

}  // namespace kashi::inline v0::detail
