/// Depthwise convolution and groups of 4 channels in three directions: several groups share a vector.
///
/// Lane l holds channel l. For groups of 4 the input is rotated within its group, one rotation after the other, and the
/// weights are stored as rotated diagonals; depthwise is the same with one rotation.
#pragma once

#include <kashi/kernels/direct.hpp>
#include <kashi/kernels/route.hpp>
#include <kashi/kernels/slots.hpp>

namespace kashi::inline v0::kernels {

/// Neighbouring outputs of one row, all channels: kernel rows at in_offsets and weight_offsets, each with column_taps
/// taps.
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
  Index out_row_step = 0;   ///< of row pairs: the second row
  Index prefetch_step = 0;  ///< of row pairs: two rows of the input
  Index pixels = 0;
  bool zero_left = false;   ///< three neighbouring taps: the first pixel's first tap lies outside
  bool zero_right = false;  ///< the last pixel's last tap lies outside
};

/// A weight's gradient: sums[kernel row][tap][rotation][channel] += x[pixel at tap] * dy[pixel] over a block of pixels.
template <class T>
struct LaneGradientJob {
  Index channels = 0;
  Index rows = 0;    ///< of dy
  Index pixels = 0;  ///< neighbours in each row
  Index kernel_rows = 0;
  Index kernel_taps = 0;  ///< taps of a kernel row
  Index taps = 0;         ///< taps of a kernel row that are inside for these pixels
  const T* x = nullptr;   ///< row 0 of the image, at the first tap of the first pixel
  Index x_line = 0;       ///< distance of two rows of the image
  Index x_step = 0;
  Index x_tap_step = 0;
  Index position = 0;  ///< row of the image, perhaps outside, that kernel row 0 reads for row 0 of dy
  Index position_step = 0;
  Index kernel_position_step = 0;
  Index positions = 0;  ///< rows of the image
  const T* dy = nullptr;
  Index dy_row_step = 0;
  Index dy_step = 0;
  T* sums = nullptr;  ///< of the first tap
  Index tap_step = 0;
  Index rotation_step = 0;
  bool zero_left = false;   ///< three taps: the first pixel's first tap lies outside
  bool zero_right = false;  ///< the last pixel's last tap lies outside
};

/// One instruction set's kernels, for groups of 1 and of 4.
template <class T>
struct LaneKernels {
  Index lanes;
  void (*pixels[2])(const LaneJob<T>&);
  void (*row_pairs)(const LaneJob<T>&);  ///< groups of 1
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

/// Packs the weight [C,KH,KW,D] as [tap][rotation][channel]. Forward: lane o of rotation r holds the weight of input o
/// + r; backward-data: lane i of rotation r holds the weight of output i + r (both within their group).
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

/// A convolution by lanes on one grid: what its rows have in common, and calls for rows and parts of them.
template <class T>
class LaneRun {
 public:
  LaneRun(const DirectShape& s, const T* x, const T* packed, const T* bias, const Epilogue<T>& epilogue, T* y)
      : s_(s), kernels_(lane_table<T>()), x_(x), y_(y), residual_(epilogue.residual) {
    const Index channels = s.in_channels();
    const TapAxis& across = s.columns.taps;
    // Taps in the order of rising positions, so that neighbours are neighbours in backward-data too.
    const bool rising = across.offset_step > 0;
    lowest_ = across.first_offset + (rising ? 0 : std::max<Index>(0, across.count - 1) * across.offset_step);
    spread_ = rising ? across.offset_step : -across.offset_step;
    job_.channels = channels;
    job_.rotation_step = round_up(channels, kernels_.lanes);
    tap_weights_ = s.depth * job_.rotation_step;
    const Index first_tap = across.first_tap + (rising ? 0 : std::max<Index>(0, across.count - 1) * across.tap_step);
    weight_ = packed + first_tap * tap_weights_;
    job_.weight_tap_step = (rising ? across.tap_step : -across.tap_step) * tap_weights_;
    job_.in_tap_step = spread_ * channels;
    job_.pixel_step = s.columns.in_step * channels;
    job_.prefetch_step = 2 * s.columns.in_size * channels;
    job_.bias = bias;
    job_.relu = epilogue.relu;
    job_.most = epilogue.most;
    job_.out_step = s.columns.out_step * channels;
    job_.out_row_step = s.rows.out_step * s.columns.out_size * channels;

    const Index inner_begin =
        std::clamp<Index>(ceil_div(std::max<Index>(0, -lowest_), s.columns.in_step), 0, s.columns.count);
    const Index room = s.columns.in_size - 1 - lowest_ - std::max<Index>(0, across.count - 1) * spread_;
    const Index inner_end =
        std::clamp<Index>(room < 0 ? 0 : room / s.columns.in_step + 1, inner_begin, s.columns.count);
    // One pixel outside on a side is a zero in the tile; more are done one by one.
    const bool neighbours = across.count == 3 && spread_ == s.columns.in_step && inner_end - inner_begin >= 4;
    begin_ = neighbours && inner_begin == 1 ? 0 : inner_begin;
    end_ = neighbours && inner_end == s.columns.count - 1 ? s.columns.count : inner_end;
    zero_left_ = begin_ < inner_begin;
    zero_right_ = end_ > inner_end;
    const TapAxis& down = s.rows.taps;
    pairs_ = s.depth == 1 && channels % kernels_.lanes == 0 && neighbours && down.count == 3 && s.rows.in_step == 1 &&
             (down.offset_step == 1 || down.offset_step == -1);
  }

  /// Rows that one call of rows() takes: two that share their input, where the kernel has such a form.
  Index rows_a_call() const { return pairs_ ? 2 : 1; }

  /// Rows [row, row + count) of one image's grid.
  void rows(Index image, Index row, Index count) const {
    if (count == 2) pair(image, row);
    for (Index i = row; i < row + count; ++i) single(image, i, count == 2);
  }

 private:
  /// Columns inside of two rows.
  void pair(Index image, Index row) const {
    const TapAxis& down = s_.rows.taps;
    const bool rising = down.offset_step > 0;
    const Index top = row + down.first_offset - (rising ? 0 : 2);
    Index in_offsets[4];
    Index weight_offsets[3];
    for (Index a = 0; a < 4; ++a) {
      const bool inside = top + a >= 0 && top + a < s_.rows.in_size;
      in_offsets[a] = inside ? (top + a) * s_.columns.in_size * job_.channels : -1;
    }
    for (Index a = 0; a < 3; ++a) weight_offsets[a] = kernel_row(rising ? a : 2 - a);
    LaneJob<T> job = job_;
    job.in_offsets = in_offsets;
    job.weight_offsets = weight_offsets;
    job.zero_left = zero_left_;
    job.zero_right = zero_right_;
    place(job, image, row, begin_, end_, 0);
    kernels_.row_pairs(job);
  }

  /// One row, or only the columns at its sides that are done one by one.
  void single(Index image, Index row, bool sides_only) const {
    Index in_offsets[lane_most_rows];
    Index weight_offsets[lane_most_rows];
    LaneJob<T> job = job_;
    job.in_offsets = in_offsets;
    job.weight_offsets = weight_offsets;
    const TapAxis& down = s_.rows.taps;
    for (Index a = 0; a < down.count; ++a) {
      const Index h = row * s_.rows.in_step + down.first_offset + a * down.offset_step;
      if (h < 0 || h >= s_.rows.in_size) continue;
      in_offsets[job.rows] = h * s_.columns.in_size * job_.channels;
      weight_offsets[job.rows++] = kernel_row(a);
    }
    // Column taps [t0, t1) read inside for grid columns [begin, end).
    const auto run = [&](Index begin, Index end, Index t0, Index t1) {
      job.column_taps = t1 - t0;
      place(job, image, row, begin, end, t0);
      kernels_.pixels[s_.depth == 1 ? 0 : 1](job);
    };
    const auto sides = [&](Index begin, Index end) {
      for (Index j = begin; j < end; ++j) {
        const WindowTaps taps =
            window_taps(j * s_.columns.in_step + lowest_, s_.columns.taps.count, spread_, s_.columns.in_size);
        run(j, j + 1, taps.first, taps.last);
      }
    };
    sides(0, begin_);
    sides(end_, s_.columns.count);
    if (sides_only || begin_ >= end_) return;
    job.zero_left = zero_left_;
    job.zero_right = zero_right_;
    run(begin_, end_, 0, s_.columns.taps.count);
  }

  Index kernel_row(Index a) const {
    return (s_.rows.taps.first_tap + a * s_.rows.taps.tap_step) * s_.kernel_width * tap_weights_;
  }

  /// Sets a job's pointers for columns [begin, end) of a row, from column tap t0 on.
  void place(LaneJob<T>& job, Index image, Index row, Index begin, Index end, Index t0) const {
    const Index out = ((image * s_.rows.out_size + s_.rows.origin + row * s_.rows.out_step) * s_.columns.out_size +
                       s_.columns.origin) *
                          job.channels +
                      begin * job.out_step;
    job.in = x_ + (image * s_.rows.in_size * s_.columns.in_size + begin * s_.columns.in_step + lowest_ + t0 * spread_) *
                      job.channels;
    job.weight = weight_ + t0 * job.weight_tap_step;
    job.out = y_ + out;
    job.residual = residual_ != nullptr ? residual_ + out : nullptr;
    job.pixels = end - begin;
  }

  const DirectShape& s_;
  const LaneKernels<T>& kernels_;
  const T* x_;
  T* y_;
  const T* residual_;
  const T* weight_;  ///< of the first tap that is inside
  LaneJob<T> job_;
  Index lowest_;  ///< of column 0's taps
  Index spread_;  ///< from tap to tap
  Index tap_weights_;
  Index begin_, end_;  ///< columns that are done at once
  bool zero_left_, zero_right_, pairs_;
};

/// Convolution on the shape's grid with weights packed by lane_pack(); scratch holds the bias padded to whole vectors.
template <class T>
void run_lanes(const DirectShape& s, const T* x, const T* packed, const Epilogue<T>& epilogue, T* y, T* scratch) {
  if (s.pixels() == 0) return;
  const ColumnBlocks blocks{s.in_channels(), lane_table<T>().lanes};
  if (epilogue.bias != nullptr) pack_bias(epilogue.bias, 1, blocks, scratch);
  const LaneRun<T> run(s, x, packed, epilogue.bias != nullptr ? scratch : nullptr, epilogue, y);
  const Index step = run.rows_a_call();
  const Index calls = ceil_div(s.rows.count, step);
  const Index serial = s.macs() < (Index{1} << 16) ? s.batch * calls : 1;
  parallel_for(s.batch * calls, serial, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const Index row = i % calls * step;
      run.rows(i / calls, row, std::min(step, s.rows.count - row));
    }
  });
}

/// Slices of images x rows with sums of their own.
struct LaneGradientPlan {
  static constexpr Index rows = 7;  ///< output rows whose pixels are added while the sums are in registers

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

/// Adds one block of rows to a slice's sums: columns inside at once and edges one by one.
template <class T>
void lane_gradient_block(const ConvGeometry& g, const LaneGradientPlan& plan, Index block, const T* x, const T* dy,
                         T* sums) {
  const LaneKernels<T>& kernels = lane_table<T>();
  const Index channels = g.in_channels;
  const Index image = block / plan.blocks_an_image;
  const Index row = block % plan.blocks_an_image * plan.rows;
  LaneGradientJob<T> job;
  job.channels = channels;
  job.rows = std::min(plan.rows, g.out_height - row);
  job.kernel_rows = g.kernel.height;
  job.kernel_taps = g.kernel.width;
  job.x_line = g.in_width * channels;
  job.x_step = g.stride.width * channels;
  job.x_tap_step = g.dilation.width * channels;
  job.position = row * g.stride.height - g.pad_top;
  job.position_step = g.stride.height;
  job.kernel_position_step = g.dilation.height;
  job.positions = g.in_height;
  job.dy_row_step = g.out_width * channels;
  job.dy_step = channels;
  job.rotation_step = round_up(channels, kernels.lanes);
  job.tap_step = g.group_in_channels() * job.rotation_step;
  const T* image_x = x + image * g.in_height * job.x_line;
  const T* row_dy = dy + (image * g.out_height + row) * job.dy_row_step;
  // Taps [t0, t1) read inside for columns [begin, end).
  const auto run = [&](Index begin, Index end, Index t0, Index t1) {
    if (t0 >= t1) return;
    job.taps = t1 - t0;
    job.pixels = end - begin;
    job.x = image_x + (begin * g.stride.width - g.pad_left + t0 * g.dilation.width) * channels;
    job.dy = row_dy + begin * channels;
    job.sums = sums + t0 * job.tap_step;
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
  const Index inner_end = std::clamp<Index>(columns < 0 ? 0 : columns / g.stride.width + 1, inner_begin, g.out_width);
  // Of three taps, one that is outside on a side is a zero.
  const auto middle_inside = [&](Index j) {
    const Index position = j * g.stride.width - g.pad_left + g.dilation.width;
    return g.kernel.width == 3 && inner_begin < inner_end && position >= 0 && position < g.in_width;
  };
  const Index begin = inner_begin == 1 && middle_inside(0) ? 0 : inner_begin;
  const Index end = inner_end == g.out_width - 1 && middle_inside(inner_end) ? g.out_width : inner_end;
  job.zero_left = begin < inner_begin;
  job.zero_right = end > inner_end;
  if (begin < end) run(begin, end, 0, g.kernel.width);
  job.zero_left = job.zero_right = false;
  edge(0, begin);
  edge(end, g.out_width);
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
