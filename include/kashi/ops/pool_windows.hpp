/// The loops of pooling on plain tensors, for fixed and adaptive windows alike; ops/pool.hpp makes them differentiable.
///
/// A window is the product of a span of rows and a span of columns, so a plan is two lists of spans.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include <kashi/core/tensor.hpp>
#include <kashi/kernels/channels.hpp>
#include <kashi/kernels/pool_geometry.hpp>

namespace kashi::inline v0::detail {

/// Positions begin, begin + step, ... (count of them) of one axis, and the number that an average divides by.
struct PoolSpan {
  Index begin = 0;
  Index count = 0;
  Index divisor = 1;
};

/// Windows over images [N,H,W,C] with outputs [N,OH,OW,C].
struct PoolPlan {
  Shape input;
  Shape output;
  std::vector<PoolSpan> rows;
  std::vector<PoolSpan> columns;
  Index row_step = 1;
  Index column_step = 1;
};

/// How an average counts the zeros of the padding.
enum class PaddingCount { included, excluded };

/// Spans of one axis. The divisor counts padding if asked, but never what lies beyond it in ceil mode (PyTorch's rule).
inline std::vector<PoolSpan> pool_spans(Index outputs, Index input, Index kernel, Index stride, Index dilation,
                                        kernels::PaddingPair padding, PaddingCount count) {
  std::vector<PoolSpan> spans;
  for (Index o = 0; o < outputs; ++o) {
    const Index start = o * stride - padding.begin;
    const Index skipped = start >= 0 ? 0 : (-start + dilation - 1) / dilation;
    const Index begin = start + skipped * dilation;
    const Index inside = begin >= input ? 0 : std::min(kernel - skipped, (input - begin + dilation - 1) / dilation);
    const Index padded = std::min(kernel, input + padding.end - start);
    spans.push_back({begin, inside, count == PaddingCount::included ? padded : inside});
  }
  return spans;
}

inline PoolPlan pool_plan(const kernels::PoolGeometry& g, PaddingCount count) {
  return {.input = {g.batch, g.in_height, g.in_width, g.channels},
          .output = {g.batch, g.out_height, g.out_width, g.channels},
          .rows = pool_spans(g.out_height, g.in_height, g.kernel.height, g.stride.height, g.dilation.height,
                             {g.pad_top, g.pad_bottom}, count),
          .columns = pool_spans(g.out_width, g.in_width, g.kernel.width, g.stride.width, g.dilation.width,
                                {g.pad_left, g.pad_right}, count),
          .row_step = g.dilation.height,
          .column_step = g.dilation.width};
}

/// Output o of `outputs` covers [floor(o I / O), ceil((o + 1) I / O)): PyTorch's adaptive windows.
inline std::vector<PoolSpan> adaptive_spans(Index outputs, Index input) {
  std::vector<PoolSpan> spans;
  for (Index o = 0; o < outputs; ++o) {
    const Index begin = o * input / outputs, end = ((o + 1) * input + outputs - 1) / outputs;
    spans.push_back({begin, end - begin, end - begin});
  }
  return spans;
}

inline PoolPlan adaptive_plan(const Shape& input, const kernels::Pair& output) {
  return {.input = input,
          .output = {input[0], output.height, output.width, input[3]},
          .rows = adaptive_spans(output.height, input[1]),
          .columns = adaptive_spans(output.width, input[2])};
}

/// Calls f(output pixel, image's first input pixel, rows, columns) for every output pixel, several at a time.
template <class F>
void for_each_window(const PoolPlan& plan, F&& f) {
  const Index out_height = plan.output[1], out_width = plan.output[2], plane = plan.input[1] * plan.input[2];
  parallel_for(plan.output[0] * out_height, 1, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const PoolSpan& rows = plan.rows[static_cast<std::size_t>(row % out_height)];
      for (Index ow = 0; ow < out_width; ++ow)
        f(row * out_width + ow, row / out_height * plane, rows, plan.columns[static_cast<std::size_t>(ow)]);
    }
  });
}

/// Calls f(output pixel, image's first input pixel, rows, columns, first channel, end channel) so that no two calls at
/// a time write to the same input: images and blocks of channels are apart, windows of one block come in order.
template <class F>
void for_each_window_in_order(const PoolPlan& plan, F&& f) {
  constexpr Index block = 64;
  const Index out_height = plan.output[1], out_width = plan.output[2], channels = plan.input[3];
  const Index plane = plan.input[1] * plan.input[2], blocks = (channels + block - 1) / block;
  parallel_for(plan.output[0] * blocks, 1, [&](Index begin, Index end) {
    for (Index job = begin; job < end; ++job) {
      const Index image = job / blocks, first = job % blocks * block, last = std::min(channels, first + block);
      for (Index oh = 0; oh < out_height; ++oh)
        for (Index ow = 0; ow < out_width; ++ow)
          f((image * out_height + oh) * out_width + ow, image * plane, plan.rows[static_cast<std::size_t>(oh)],
            plan.columns[static_cast<std::size_t>(ow)], first, last);
    }
  });
}

/// Calls f(pixel within the image) for every position of a window, in row-major order.
template <class F>
void for_each_position(const PoolPlan& plan, const PoolSpan& rows, const PoolSpan& columns, F&& f) {
  for (Index i = 0; i < rows.count; ++i) {
    const Index row = (rows.begin + i * plan.row_step) * plan.input[2] + columns.begin;
    for (Index j = 0; j < columns.count; ++j) f(row + j * plan.column_step);
  }
}

/// The calling thread's list for the pixels of one window; it keeps its memory from window to window.
template <class T>
std::vector<const T*>& window_pixels() {
  thread_local std::vector<const T*> pixels;
  return pixels;
}

/// Where each maximum was found: the pixel within its image, or -1 where no gradient goes anywhere.
using PoolPositions = Tensor<std::int32_t>;

/// The largest element of each window; NaN wins. `positions`, unless null, gets the first of equals in row-major order.
template <class T>
Tensor<T> max_pool(const PoolPlan& plan, const Tensor<T>& x, PoolPositions* positions) {
  Tensor<T> y = Tensor<T>::empty(plan.output);
  if (positions != nullptr) *positions = PoolPositions::empty(plan.output);
  T* out = y.mutable_data();
  std::int32_t* found = positions != nullptr ? positions->mutable_data() : nullptr;
  const T* in = x.data();
  const Index channels = plan.input[3];
  for_each_window(plan, [&](Index o, Index image, const PoolSpan& rows, const PoolSpan& columns) {
    std::vector<const T*>& pixels = window_pixels<T>();
    thread_local std::vector<std::int32_t> places;
    pixels.clear();
    places.clear();
    for_each_position(plan, rows, columns, [&](Index pixel) {
      pixels.push_back(in + (image + pixel) * channels);
      places.push_back(static_cast<std::int32_t>(pixel));
    });
    kernels::max_window(channels, static_cast<Index>(pixels.size()), pixels.data(), places.data(), out + o * channels,
                        found != nullptr ? found + o * channels : nullptr);
  });
  return y;
}

/// The windows that reach each position of one axis: those of position p are windows[first[p]] up to windows[first[p +
/// 1]].
struct PoolReach {
  std::vector<Index> first;
  std::vector<Index> windows;

  PoolReach(const std::vector<PoolSpan>& spans, Index step, Index size) : first(static_cast<std::size_t>(size) + 1) {
    const auto for_each = [&](auto&& f) {
      for (std::size_t o = 0; o < spans.size(); ++o)
        for (Index i = 0; i < spans[o].count; ++i) f(static_cast<std::size_t>(spans[o].begin + i * step), o);
    };
    for_each([&](std::size_t p, std::size_t) { ++first[p + 1]; });
    for (std::size_t p = 0; p < static_cast<std::size_t>(size); ++p) first[p + 1] += first[p];
    windows.resize(static_cast<std::size_t>(first.back()));
    std::vector<Index> next = first;
    for_each(
        [&](std::size_t p, std::size_t o) { windows[static_cast<std::size_t>(next[p]++)] = static_cast<Index>(o); });
  }
  std::span<const Index> of(Index position) const {
    const auto begin = first[static_cast<std::size_t>(position)], end = first[static_cast<std::size_t>(position) + 1];
    return std::span(windows).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  }
};

/// Adds every output's number to the input that its maximum came from: each input looks through the windows that reach
/// it, in row-major order, so that it is written once.
template <class T>
Tensor<T> scatter_to_positions(const PoolPlan& plan, const PoolPositions& positions, const Tensor<T>& dy) {
  Tensor<T> dx = Tensor<T>::empty(plan.input);
  T* out = dx.mutable_data();
  const Index height = plan.input[1], width = plan.input[2], channels = plan.input[3];
  const PoolReach rows(plan.rows, plan.row_step, height), columns(plan.columns, plan.column_step, width);
  parallel_for(plan.input[0] * height, 1, [&, in = dy.data(), found = positions.data()](Index begin, Index end) {
    std::vector<const T*>& values = window_pixels<T>();
    thread_local std::vector<const std::int32_t*> where;
    for (Index row = begin; row < end; ++row) {
      const Index image = row / height, h = row % height;
      for (Index w = 0; w < width; ++w) {
        values.clear();
        where.clear();
        for (const Index oh : rows.of(h)) {
          for (const Index ow : columns.of(w)) {
            const Index at = ((image * plan.output[1] + oh) * plan.output[2] + ow) * channels;
            values.push_back(in + at);
            where.push_back(found + at);
          }
        }
        kernels::sum_where(channels, static_cast<Index>(values.size()), values.data(), where.data(),
                           static_cast<std::int32_t>(h * width + w), out + (row * width + w) * channels);
      }
    }
  });
  return dx;
}

/// Takes every output's number from the input that its maximum came from: the adjoint of scatter_to_positions.
template <class T>
Tensor<T> gather_from_positions(const PoolPlan& plan, const PoolPositions& positions, const Tensor<T>& x) {
  Tensor<T> y = Tensor<T>::empty(plan.output);
  T* out = y.mutable_data();
  const Index channels = plan.input[3];
  for_each_window(plan,
                  [&, in = x.data(), where = positions.data()](Index o, Index image, const PoolSpan&, const PoolSpan&) {
                    for (Index c = 0; c < channels; ++c) {
                      const Index pixel = where[o * channels + c];
                      out[o * channels + c] = pixel < 0 ? T{0} : in[(image + pixel) * channels + c];
                    }
                  });
  return y;
}

/// The sum of each window divided by its spans' divisors, or by `divisor` unless 0.
template <class T>
Tensor<T> avg_pool(const PoolPlan& plan, Index divisor, const Tensor<T>& x) {
  Tensor<T> y = Tensor<T>::empty(plan.output);
  T* out = y.mutable_data();
  const Index channels = plan.input[3];
  for_each_window(plan, [&, in = x.data()](Index o, Index image, const PoolSpan& rows, const PoolSpan& columns) {
    std::vector<const T*>& pixels = window_pixels<T>();
    pixels.clear();
    for_each_position(plan, rows, columns, [&](Index pixel) { pixels.push_back(in + (image + pixel) * channels); });
    const Index count = divisor != 0 ? divisor : rows.divisor * columns.divisor;
    kernels::sum_window(channels, static_cast<Index>(pixels.size()), pixels.data(), T{1} / static_cast<T>(count),
                        out + o * channels);
  });
  return y;
}

/// Spreads every output's number evenly over its window: the adjoint of avg_pool.
template <class T>
Tensor<T> spread_over_windows(const PoolPlan& plan, Index divisor, const Tensor<T>& dy) {
  Tensor<T> dx = Tensor<T>::zeros(plan.input);
  T* out = dx.mutable_data();
  const Index channels = plan.input[3];
  for_each_window_in_order(plan, [&, in = dy.data()](Index o, Index image, const PoolSpan& rows,
                                                     const PoolSpan& columns, Index first, Index last) {
    const T count = static_cast<T>(divisor != 0 ? divisor : rows.divisor * columns.divisor);
    for_each_position(plan, rows, columns, [&](Index pixel) {
      T* p = out + (image + pixel) * channels;
      for (Index c = first; c < last; ++c) p[c] += in[o * channels + c] / count;
    });
  });
  return dx;
}

}  // namespace kashi::inline v0::detail
