/// Depthwise convolution and groups of 4 channels in three directions: several groups share a vector.
///
/// Lane l holds channel l. For groups of 4 the input is rotated within its group, one rotation after the other, and the
/// weights are stored as rotated diagonals; depthwise is the same with one rotation.
#pragma once

#include <kashi/kernels/direct.hpp>
#include <kashi/kernels/route.hpp>
#include <kashi/kernels/slots.hpp>

namespace kashi::inline v0::kernels {

/// Neighbouring outputs of one row, all channels: kernel rows at in_offsets and weight_offsets, each with column_taps taps.
template <class T>
struct LaneJob {
  Index channels = 0;
  Index rows = 0;
  const Index* in_offsets = nullptr;
  const Index* weight_offsets = nullptr;
  Index column_taps = 0;
  Index in_tap_step = 0;
  Index weight_tap_step = 0;
  Index rotation_step = 0;
  const T* in = nullptr;
  Index pixel_step = 0;
  const T* weight = nullptr;
  const T* bias = nullptr;      ///< padded to whole vectors, or null
  const T* residual = nullptr;  ///< laid out as out, or null
  bool relu = false;
  T most = std::numeric_limits<T>::infinity();  ///< with relu: no result is larger
  T* out = nullptr;
  Index out_step = 0;
  Index pixels = 0;
  bool zero_left = false;   ///< three neighbouring taps: the first pixel's first tap lies outside
  bool zero_right = false;  ///< the last pixel's last tap lies outside
};

/// One kernel row of a weight's gradient: sums[tap][rotation][channel] += x[pixel at tap] * dy[pixel] over a block of pixels.
template <class T>
struct LaneGradientJob {
  Index channels = 0;
  Index rows = 0;
  Index pixels = 0;
  Index taps = 0;
  const T* x = nullptr;
  Index x_row_step = 0;
  Index x_step = 0;
  Index x_tap_step = 0;
  const T* dy = nullptr;
  Index dy_row_step = 0;
  Index dy_step = 0;
  T* sums = nullptr;
  Index tap_step = 0;
  Index rotation_step = 0;
  bool zero_left = false;   ///< three neighbouring taps: the first pixel's first tap lies outside
  bool zero_right = false;  ///< the last pixel's last tap lies outside
};

/// One instruction set's kernels, for groups of 1 and of 4.
template <class T>
struct LaneKernels {
  Index lanes;
  void (*pixels[2])(const LaneJob<T>&);
  void (*gradient[2])(const LaneGradientJob<T>&);
};

}  // namespace kashi::inline v0::kernels

#define KASHI_REGION <kashi/kernels/regions/lanes.inl>
#include <kashi/kernels/regions/each_isa.inl>

namespace kashi::inline v0::kernels::detail {

template <class T>
const LaneKernels<T>& lane_table() {
  return KASHI_BY_ISA(lane_kernels<T>);
}

KASHI_INSTANTIATE(const LaneKernels<float>& lane_table<float>())
KASHI_INSTANTIATE(const LaneKernels<double>& lane_table<double>())

inline Index lane_weights_numel(const ConvGeometry& g, Index lanes) {
  return g.taps() * g.group_in_channels() * round_up(g.in_channels, lanes);
}

/// Packs the weight [C,KH,KW,D] as [tap][rotation][channel]. Forward: lane o of rotation r holds the weight of input o + r;
/// backward-data: lane i of rotation r holds the weight of output i + r (both within their group).
template <class T>
void lane_pack(const ConvGeometry& g, Index lanes, bool backward, const T* weight, T* packed) {
  const Index group = g.group_in_channels();
  const Index padded = round_up(g.in_channels, lanes);
  for (Index tap = 0; tap < g.taps(); ++tap) {
    for (Index r = 0; r < group; ++r, packed += padded) {
      for (Index c = 0; c < g.in_channels; ++c) {
        const Index other = c / group * group + (c + r) % group;
        const Index out = backward ? other : c;
        const Index in = backward ? c : other;
        packed[c] = weight[(out * g.taps() + tap) * group + in % group];
      }
      std::fill(packed + g.in_channels, packed + padded, T(0));
    }
  }
}

/// Convolution on the shape's grid with weights packed by lane_pack(); scratch holds the bias padded to whole vectors.
template <class T>
void run_lanes(const DirectShape& s, const T* x, const T* packed, const Epilogue<T>& epilogue, T* y, T* scratch) {
  if (s.pixels() == 0) return;
  const LaneKernels<T>& kernels = lane_table<T>();
  const Index channels = s.in_channels();
  const Index padded = round_up(channels, kernels.lanes);
  if (epilogue.bias != nullptr) {
    std::copy_n(epilogue.bias, channels, scratch);
    std::fill(scratch + channels, scratch + padded, T(0));
  }
  const TapAxis& down = s.rows.taps;
  const TapAxis& across = s.columns.taps;
  // Taps in the order of rising positions, so that neighbours are neighbours in backward-data too.
  const bool rising = across.offset_step > 0;
  const Index lowest = across.first_offset + (rising ? 0 : std::max<Index>(0, across.count - 1) * across.offset_step);
  const Index spread = rising ? across.offset_step : -across.offset_step;
  const Index tap_weights = s.depth * padded;
  const Index weight_step = (rising ? across.tap_step : -across.tap_step) * tap_weights;
  const Index first_tap = across.first_tap + (rising ? 0 : std::max<Index>(0, across.count - 1) * across.tap_step);
  const Index serial = s.macs() < (Index{1} << 16) ? s.batch * s.rows.count : 1;
  parallel_for(s.batch * s.rows.count, serial, [&](Index first, Index last) {
    Index in_offsets[lane_most_rows];
    Index weight_offsets[lane_most_rows];
    LaneJob<T> job;
    job.channels = channels;
    job.in_offsets = in_offsets;
    job.weight_offsets = weight_offsets;
    job.in_tap_step = spread * channels;
    job.weight_tap_step = weight_step;
    job.rotation_step = padded;
    job.pixel_step = s.columns.in_step * channels;
    job.bias = epilogue.bias != nullptr ? scratch : nullptr;
    job.relu = epilogue.relu;
    job.most = epilogue.most;
    job.out_step = s.columns.out_step * channels;
    for (Index row = first; row < last; ++row) {
      const Index image = row / s.rows.count;
      const Index i = row % s.rows.count;
      job.rows = 0;
      for (Index a = 0; a < down.count; ++a) {
        const Index h = i * s.rows.in_step + down.first_offset + a * down.offset_step;
        if (h < 0 || h >= s.rows.in_size) continue;
        in_offsets[job.rows] = h * s.columns.in_size * channels;
        weight_offsets[job.rows++] = (down.first_tap + a * down.tap_step) * s.kernel_width * tap_weights;
      }
      const T* in = x + image * s.rows.in_size * s.columns.in_size * channels;
      const Index out = ((image * s.rows.out_size + s.rows.origin + i * s.rows.out_step) * s.columns.out_size +
                         s.columns.origin) * channels;
      // Column taps [t0, t1) read inside for grid columns [begin, end).
      const auto run = [&](Index begin, Index end, Index t0, Index t1) {
        job.column_taps = t1 - t0;
        job.in = in + (begin * s.columns.in_step + lowest + t0 * spread) * channels;
        job.weight = packed + first_tap * tap_weights + t0 * weight_step;
        job.out = y + out + begin * job.out_step;
        job.residual = epilogue.residual != nullptr ? epilogue.residual + out + begin * job.out_step : nullptr;
        job.pixels = end - begin;
        kernels.pixels[s.depth == 1 ? 0 : 1](job);
      };
      const auto edge = [&](Index begin, Index end) {
        for (Index j = begin; j < end; ++j) {
          const WindowTaps taps = window_taps(j * s.columns.in_step + lowest, across.count, spread, s.columns.in_size);
          run(j, j + 1, taps.first, taps.last);
        }
      };
      const Index inner_begin = std::clamp<Index>(ceil_div(std::max<Index>(0, -lowest), s.columns.in_step), 0,
                                                  s.columns.count);
      const Index room = s.columns.in_size - 1 - lowest - std::max<Index>(0, across.count - 1) * spread;
      const Index inner_end =
          std::clamp<Index>(room < 0 ? 0 : room / s.columns.in_step + 1, inner_begin, s.columns.count);
      // One pixel outside on a side is a zero in the tile; more are done one by one.
      const bool neighbours = across.count == 3 && spread == s.columns.in_step && inner_end - inner_begin >= 4;
      const Index begin = neighbours && inner_begin == 1 ? 0 : inner_begin;
      const Index end = neighbours && inner_end == s.columns.count - 1 ? s.columns.count : inner_end;
      job.zero_left = begin < inner_begin;
      job.zero_right = end > inner_end;
      if (begin < end) run(begin, end, 0, across.count);
      job.zero_left = job.zero_right = false;
      edge(0, begin);
      edge(end, s.columns.count);
    }
  });
}

/// Slices of images x rows with sums of their own.
struct LaneGradientPlan {
  static constexpr Index rows = 4;  ///< output rows whose pixels are added while the sums are in registers

  Index blocks;  ///< blocks of rows in the batch
  Index blocks_an_image;
  Index slices;
  Index sums;  ///< elements of one slice's sums

  [[gnu::noinline]] LaneGradientPlan(const ConvGeometry& g, Index lanes)
      : blocks_an_image(ceil_div(g.out_height, rows)), sums(lane_weights_numel(g, lanes)) {
    blocks = g.batch * blocks_an_image;
    slices = g.macs() < (Index{1} << 16) ? 1 : std::clamp<Index>(blocks, 1, 8);
  }
  Index workspace() const { return slices * sums; }
};

/// Adds one block of rows to a slice's sums: every kernel row, columns inside at once and edges one by one.
template <class T>
void lane_gradient_block(const ConvGeometry& g, const LaneGradientPlan& plan, Index block, const T* x, const T* dy,
                         T* sums) {
  const LaneKernels<T>& kernels = lane_table<T>();
  const Index channels = g.in_channels;
  const Index padded = round_up(channels, kernels.lanes);
  const Index image = block / plan.blocks_an_image;
  const Index row = block % plan.blocks_an_image * plan.rows;
  LaneGradientJob<T> job;
  job.channels = channels;
  job.x_row_step = g.stride.height * g.in_width * channels;
  job.x_step = g.stride.width * channels;
  job.x_tap_step = g.dilation.width * channels;
  job.dy_row_step = g.out_width * channels;
  job.dy_step = channels;
  job.tap_step = g.group_in_channels() * padded;
  job.rotation_step = padded;
  for (Index kh = 0; kh < g.kernel.height; ++kh) {
    // Output rows of the block whose input row lies inside.
    const Index shift = kh * g.dilation.height - g.pad_top;
    const Index first = std::max(row, ceil_div(std::max<Index>(0, -shift), g.stride.height));
    const Index room = g.in_height - 1 - shift;
    const Index last = std::min({row + plan.rows, g.out_height, room < 0 ? 0 : room / g.stride.height + 1});
    if (first >= last) continue;
    job.rows = last - first;
    const T* x_row = x + (image * g.in_height + first * g.stride.height + shift) * g.in_width * channels;
    const T* dy_row = dy + (image * g.out_height + first) * g.out_width * channels;
    T* row_sums = sums + kh * g.kernel.width * job.tap_step;
    const auto run = [&](Index begin, Index end, Index t0, Index t1) {
      if (t0 >= t1) return;
      job.taps = t1 - t0;
      job.pixels = end - begin;
      job.x = x_row + (begin * g.stride.width - g.pad_left + t0 * g.dilation.width) * channels;
      job.dy = dy_row + begin * channels;
      job.sums = row_sums + t0 * job.tap_step;
      kernels.gradient[g.group_in_channels() == 1 ? 0 : 1](job);
    };
    const auto edge = [&](Index begin, Index end) {
      for (Index j = begin; j < end; ++j) {
        const WindowTaps taps =
            window_taps(j * g.stride.width - g.pad_left, g.kernel.width, g.dilation.width, g.in_width);
        run(j, j + 1, taps.first, taps.last);
      }
    };
    const Index inner_begin = std::clamp<Index>(ceil_div(g.pad_left, g.stride.width), 0, g.out_width);
    const Index columns = g.in_width - 1 + g.pad_left - (g.kernel.width - 1) * g.dilation.width;
    const Index inner_end =
        std::clamp<Index>(columns < 0 ? 0 : columns / g.stride.width + 1, inner_begin, g.out_width);
    const bool neighbours = g.kernel.width == 3 && g.dilation.width == g.stride.width && inner_begin < inner_end;
    const Index begin = neighbours && inner_begin == 1 ? 0 : inner_begin;
    const Index end = neighbours && inner_end == g.out_width - 1 ? g.out_width : inner_end;
    job.zero_left = begin < inner_begin;
    job.zero_right = end > inner_end;
    if (begin < end) run(begin, end, 0, g.kernel.width);
    job.zero_left = job.zero_right = false;
    edge(0, begin);
    edge(end, g.out_width);
  }
}

template <class T>
void lanes_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dweight, T* workspace) {
  const Index lanes = lane_table<T>().lanes;
  const LaneGradientPlan plan(g, lanes);
  parallel_for(plan.slices, 1, [&](Index begin, Index end) {
    for (Index slice = begin; slice < end; ++slice) {
      T* sums = workspace + slice * plan.sums;
      std::fill_n(sums, plan.sums, T(0));
      for (Index block = slice * plan.blocks / plan.slices; block < (slice + 1) * plan.blocks / plan.slices; ++block) {
        lane_gradient_block(g, plan, block, x, dy, sums);
      }
    }
  });
  // Lane c of rotation r: input c, output c + r within its group.
  const Index group = g.group_in_channels();
  const Index padded = round_up(g.in_channels, lanes);
  for (Index tap = 0; tap < g.taps(); ++tap) {
    for (Index r = 0; r < group; ++r) {
      for (Index c = 0; c < g.in_channels; ++c) {
        T sum = T(0);
        for (Index slice = 0; slice < plan.slices; ++slice) {
          sum += workspace[slice * plan.sums + (tap * group + r) * padded + c];
        }
        const Index out = c / group * group + (c + r) % group;
        dweight[(out * g.taps() + tap) * group + c % group] = sum;
      }
    }
  }
}

}  // namespace kashi::inline v0::kernels::detail
