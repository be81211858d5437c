/// Kernels by channel on values [rows, channels]: batch norm in training (with ReLU in the same pass), bias gradients,
/// and the windows of pooling.
///
/// Sums go over blocks of rows that fit in cache; blocks are added in their order, in double. Same bits for every
/// number of threads. Scratch memory comes from the caller.
#pragma once

#include <algorithm>

#include <kashi/kernels/simd.hpp>

namespace kashi::inline v0::kernels {

/// y = (x - mean) * scale + shift (+ residual), then perhaps ReLU; mean, scale and shift by channel.
template <class T>
struct NormalizeJob {
  Index rows = 0;
  Index channels = 0;
  const T* x = nullptr;
  const T* mean = nullptr;
  const T* scale = nullptr;
  const T* shift = nullptr;
  const T* residual = nullptr;  ///< [rows, channels], or null
  bool relu = false;
  T* y = nullptr;
};

/// Images whose pixels are pooled by windows side by side that share none; a rest at the right and bottom has no
/// window.
struct PooledImages {
  Index height = 0;
  Index width = 0;
  Index window_height = 1;
  Index window_width = 1;
  Index out_height() const { return height / window_height; }
  Index out_width() const { return width / window_width; }
};

/// A row of windows over normalised pixels: y = the largest of max((x - mean) * scale + shift, 0) in each, by channel.
/// `where` (may be null) gets the pixel within its image of the first largest, -1 where the result is 0: there ReLU
/// stops the gradient.
template <class T>
struct NormalizePoolJob {
  PooledImages images;
  Index channels = 0;
  const T* x = nullptr;  ///< the first window's first pixel
  const T* mean = nullptr;
  const T* scale = nullptr;
  const T* shift = nullptr;
  Index position = 0;  ///< of that pixel within its image
  T* y = nullptr;
  std::int32_t* where = nullptr;
};

/// The backward pass of a normalisation on a block of rows. `output` (the result after ReLU, or null) masks dy. With
/// `where`, dy [windows, channels] comes from normalize_pool() instead, and a row is a pixel of `images`.
template <class T>
struct NormalizeGradientJob {
  Index rows = 0;
  Index channels = 0;
  const T* x = nullptr;
  const T* dy = nullptr;
  const T* output = nullptr;
  const T* mean = nullptr;
  T* sums = nullptr;      ///< sum of dy
  T* products = nullptr;  ///< sum of dy * (x - mean)
  const T* scale = nullptr;
  const T* offset = nullptr;
  const T* slope = nullptr;
  T* dx = nullptr;
  const std::int32_t* where = nullptr;
  PooledImages images{};
  Index first = 0;  ///< with `where`: the first row's pixel
};

/// One instruction set's kernels by channel.
template <class T>
struct ChannelKernels {
  void (*statistics)(Index, Index, const T*, T*, T*);
  void (*normalize)(const NormalizeJob<T>&);
  void (*normalize_pool)(const NormalizePoolJob<T>&);
  void (*gradient_sums)(const NormalizeGradientJob<T>&);
  void (*gradient)(const NormalizeGradientJob<T>&);
  void (*maximum)(Index, Index, const T* const*, const std::int32_t*, T*, std::int32_t*);
  void (*sum)(Index, Index, const T* const*, T, T*);
  void (*add_to)(Index, Index, T* const*, T, const T*);
  void (*sum_rows)(Index, Index, const T*, T*);
  void (*sum_where)(Index, Index, const T* const*, const std::int32_t* const*, std::int32_t, T*);
};

}  // namespace kashi::inline v0::kernels

#define KASHI_REGION <kashi/kernels/regions/channels.inl>
#include <kashi/kernels/regions/each_isa.inl>

namespace kashi::inline v0::kernels {

namespace detail {

template <class T>
const ChannelKernels<T>& by_channel() {
  return KASHI_BY_ISA(channel_kernels<T>);
}

KASHI_INSTANTIATE(const ChannelKernels<float>& by_channel<float>())
KASHI_INSTANTIATE(const ChannelKernels<double>& by_channel<double>())

/// Rows of a block: it stays in the first-level cache, and there are not too many blocks to add.
inline Index rows_of_block(Index rows, Index channels) {
  return std::max({Index{1}, 4096 / std::max<Index>(1, channels), (rows + 1023) / 1024});
}
inline Index blocks_of_rows(Index rows, Index channels) {
  return rows == 0 ? 0 : (rows + rows_of_block(rows, channels) - 1) / rows_of_block(rows, channels);
}

/// Calls f(block, first row, rows) for every block of rows, on several threads.
template <class F>
void for_each_row_block(Index rows, Index channels, F&& f) {
  const Index size = rows_of_block(rows, channels);
  parallel_for(blocks_of_rows(rows, channels), 8, [&](Index begin, Index end) {
    for (Index block = begin; block < end; ++block) f(block, block * size, std::min(size, rows - block * size));
  });
}

/// total[c] = the sum over blocks of parts[block * step + c], in double.
template <class T>
void add_blocks(Index blocks, Index step, Index channels, const T* parts, T* total) {
  constexpr Index width = 16;
  for (Index c0 = 0; c0 < channels; c0 += width) {
    const Index count = std::min(width, channels - c0);
    double sums[width] = {};
    for (Index block = 0; block < blocks; ++block) {
      for (Index c = 0; c < count; ++c) sums[c] += static_cast<double>(parts[block * step + c0 + c]);
    }
    for (Index c = 0; c < count; ++c) total[c0 + c] = static_cast<T>(sums[c]);
  }
}

}  // namespace detail

/// Elements of scratch memory for channel_statistics(), normalize_gradient_sums() and sum_rows().
inline Index channel_sums_workspace(Index rows, Index channels) {
  return 2 * channels * detail::blocks_of_rows(rows, channels);
}

/// Mean and biased variance of every channel of x [rows, channels]. Two passes per block, so a large mean costs no
/// digits.
template <class T>
void channel_statistics(Index rows, Index channels, const T* x, T* mean, T* variance, T* workspace) {
  detail::for_each_row_block(rows, channels, [&](Index block, Index first, Index count) {
    T* part = workspace + block * 2 * channels;
    detail::by_channel<T>().statistics(count, channels, x + first * channels, part, part + channels);
  });
  const Index size = detail::rows_of_block(rows, channels);
  const Index blocks = detail::blocks_of_rows(rows, channels);
  constexpr Index width = 16;  // channels at a time, so that blocks are read along memory
  for (Index c0 = 0; c0 < channels; c0 += width) {
    const Index most = std::min(width, channels - c0);
    double centre[width] = {}, squares[width] = {};
    const auto for_each_part = [&](auto&& f) {
      for (Index b = 0; b < blocks; ++b)
        f(static_cast<double>(std::min(size, rows - b * size)), workspace + b * 2 * channels + c0);
    };
    for_each_part([&](double count, const T* part) {
      for (Index c = 0; c < most; ++c) centre[c] += count * static_cast<double>(part[c]);
    });
    for (Index c = 0; c < most; ++c) centre[c] = rows > 0 ? centre[c] / static_cast<double>(rows) : 0;
    for_each_part([&](double count, const T* part) {
      for (Index c = 0; c < most; ++c) {
        const double distance = static_cast<double>(part[c]) - centre[c];
        squares[c] += static_cast<double>(part[channels + c]) + count * distance * distance;
      }
    });
    for (Index c = 0; c < most; ++c) {
      mean[c0 + c] = static_cast<T>(centre[c]);
      variance[c0 + c] = static_cast<T>(rows > 0 ? squares[c] / static_cast<double>(rows) : 0);
    }
  }
}

/// y = (x - mean) * scale + shift (+ residual), then perhaps ReLU, for all rows of the job.
template <class T>
void normalize_channels(const NormalizeJob<T>& job) {
  detail::for_each_row_block(job.rows, job.channels, [&](Index, Index first, Index count) {
    NormalizeJob<T> block = job;
    block.rows = count;
    block.x += first * job.channels;
    block.y += first * job.channels;
    if (job.residual != nullptr) block.residual += first * job.channels;
    detail::by_channel<T>().normalize(block);
  });
}

/// Batch norm, ReLU and max pooling of the job's images x [batch, height, width, channels] in one pass.
template <class T>
void normalize_pool(const NormalizePoolJob<T>& job, Index batch) {
  const PooledImages& images = job.images;
  const Index out_row = images.out_width() * job.channels;
  parallel_for(batch * images.out_height(), 1, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      NormalizePoolJob<T> part = job;
      part.position = row % images.out_height() * images.window_height * images.width;
      part.x += (row / images.out_height() * images.height * images.width + part.position) * job.channels;
      part.y += row * out_row;
      if (job.where != nullptr) part.where += row * out_row;
      detail::by_channel<T>().normalize_pool(part);
    }
  });
}

namespace detail {

/// The part of a job that starts at row `first`.
template <class T>
NormalizeGradientJob<T> rows_of_job(const NormalizeGradientJob<T>& job, Index first, Index count) {
  NormalizeGradientJob<T> part = job;
  part.rows = count;
  part.x += first * job.channels;
  part.first = first;
  if (job.where == nullptr) part.dy += first * job.channels;
  if (job.output != nullptr) part.output += first * job.channels;
  if (job.dx != nullptr) part.dx += first * job.channels;
  return part;
}

}  // namespace detail

/// job.sums = sum of dy and job.products = sum of dy * (x - mean), by channel; dy masked by job.output.
/// The workspace as channel_sums_workspace().
template <class T>
void normalize_gradient_sums(const NormalizeGradientJob<T>& job, T* workspace) {
  const Index channels = job.channels;
  detail::for_each_row_block(job.rows, channels, [&](Index block, Index first, Index count) {
    NormalizeGradientJob<T> part = detail::rows_of_job(job, first, count);
    part.sums = workspace + block * 2 * channels;
    part.products = part.sums + channels;
    detail::by_channel<T>().gradient_sums(part);
  });
  const Index blocks = detail::blocks_of_rows(job.rows, channels);
  detail::add_blocks(blocks, 2 * channels, channels, workspace, job.sums);
  detail::add_blocks(blocks, 2 * channels, channels, workspace + channels, job.products);
}

/// job.dx = (dy - offset - (x - mean) * slope) * scale, by channel; dy masked by job.output. For batch norm in
/// training: scale = weight * inverse, offset = mean of dy, slope = inverse^2 * mean of dy * (x - mean).
template <class T>
void normalize_gradient(const NormalizeGradientJob<T>& job) {
  detail::for_each_row_block(job.rows, job.channels, [&](Index, Index first, Index count) {
    detail::by_channel<T>().gradient(detail::rows_of_job(job, first, count));
  });
}

/// sums [channels] = the sum over the rows of x [rows, channels]: the gradient of a bias.
template <class T>
void sum_rows(Index rows, Index channels, const T* x, T* sums, T* workspace) {
  detail::for_each_row_block(rows, channels, [&](Index block, Index first, Index count) {
    detail::by_channel<T>().sum_rows(count, channels, x + first * channels, workspace + block * channels);
  });
  detail::add_blocks(detail::blocks_of_rows(rows, channels), channels, channels, workspace, sums);
}

/// y[c] = the largest of count >= 1 pixels' values, by channel; `where` (may be null) gets positions[i] of the first
/// largest. NaN wins.
template <class T>
void max_window(Index channels, Index count, const T* const* pixels, const std::int32_t* positions, T* y,
                std::int32_t* where) {
  detail::by_channel<T>().maximum(channels, count, pixels, positions, y, where);
}

/// dx[c] = the sum of dy[i][c] over the windows i whose maximum came from `position`: the backward pass of
/// max_window().
template <class T>
void sum_where(Index channels, Index count, const T* const* dy, const std::int32_t* const* where, std::int32_t position,
               T* dx) {
  detail::by_channel<T>().sum_where(channels, count, dy, where, position, dx);
}

/// y[c] = factor * the sum of the pixels' values, by channel.
template <class T>
void sum_window(Index channels, Index count, const T* const* pixels, T factor, T* y) {
  detail::by_channel<T>().sum(channels, count, pixels, factor, y);
}

/// Every pixel += factor * dy, by channel: the backward pass of sum_window().
template <class T>
void add_to_window(Index channels, Index count, T* const* pixels, T factor, const T* dy) {
  detail::by_channel<T>().add_to(channels, count, pixels, factor, dy);
}

}  // namespace kashi::inline v0::kernels
