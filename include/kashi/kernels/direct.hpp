/// The direct convolution on register tiles: forward and backward-data of any geometry, through tables of pointers.
///
/// A tile's pixels may lie anywhere: the table holds one pointer per tap and pixel (a row of zeros where the tap is
/// outside), so stride, dilation and padding cost nothing in the loop, and sums stay in registers over all taps.
/// Backward-data is the same loop on dy, once per phase of the stride: each phase has its own taps and output sub-grid.
#pragma once

#include <numeric>

#include <kashi/kernels/conv_geometry.hpp>
#include <kashi/kernels/pack.hpp>
#include <kashi/kernels/tile.hpp>

namespace kashi::inline v0::kernels::detail {

/// The taps of one axis that matter, an arithmetic progression: tap i is kernel index first_tap + i * tap_step and
/// reads position (grid position * in_step) + first_offset + i * offset_step.
struct TapAxis {
  Index count = 0;
  Index first_tap = 0;
  Index tap_step = 1;
  Index first_offset = 0;
  Index offset_step = 1;
};

/// One axis of a direct convolution: a grid of `count` outputs at origin + i * out_step that read around i * in_step.
struct GridAxis {
  Index in_size = 0;
  Index out_size = 0;
  Index count = 0;
  Index origin = 0;
  Index out_step = 1;
  Index in_step = 1;
  TapAxis taps;
};

/// What a direct convolution reads and writes.
struct DirectShape {
  Index batch = 0;
  GridAxis rows;
  GridAxis columns;
  Index groups = 1;
  Index depth = 0;          ///< channels that a group sums over
  Index width = 0;          ///< channels that a group makes
  Index kernel_width = 1;   ///< taps a kernel row, to find a tap's weights
  Index tap_weights = 0;    ///< distance of two taps in the weight
  Index depth_weights = 0;  ///< distance of two summed channels
  Index width_weights = 0;  ///< distance of two made channels
  Index group_weights = 0;  ///< distance of two groups

  Index in_channels() const { return groups * depth; }
  Index out_channels() const { return groups * width; }
  Index taps() const { return rows.taps.count * columns.taps.count; }
  Index pixels() const { return batch * rows.count * columns.count; }
  Index macs() const { return pixels() * taps() * depth * out_channels(); }
  /// Whether pixel i of the input makes pixel i of the output: 1x1, stride 1.
  bool is_pointwise() const {
    const auto same = [](const GridAxis& axis) {
      return axis.taps.count == 1 && axis.taps.first_offset == 0 && axis.in_step == 1 && axis.out_step == 1 &&
             axis.in_size == axis.count && axis.out_size == axis.count;
    };
    return same(rows) && same(columns);
  }
};

[[gnu::noinline]] inline DirectShape forward_shape(const ConvGeometry& g) {
  const Index depth = g.group_in_channels();
  DirectShape shape;
  shape.batch = g.batch;
  shape.rows = {g.in_height,
                g.out_height,
                g.out_height,
                0,
                1,
                g.stride.height,
                {g.kernel.height, 0, 1, -g.pad_top, g.dilation.height}};
  shape.columns = {g.in_width,
                   g.out_width,
                   g.out_width,
                   0,
                   1,
                   g.stride.width,
                   {g.kernel.width, 0, 1, -g.pad_left, g.dilation.width}};
  shape.groups = g.groups;
  shape.depth = depth;
  shape.width = g.group_out_channels();
  shape.kernel_width = g.kernel.width;
  shape.tap_weights = depth;
  shape.depth_weights = 1;
  shape.width_weights = g.taps() * depth;
  shape.group_weights = shape.width * shape.width_weights;
  return shape;
}

/// Inputs at phase + i * stride are read by taps k with (phase + pad - k * dilation) divisible by the stride.
inline GridAxis phase_axis(Index phase, Index in_size, Index out_size, Index kernel, Index stride, Index dilation,
                           Index pad) {
  GridAxis axis{out_size, in_size, phase < in_size ? ceil_div(in_size - phase, stride) : 0, phase, stride, 1, {}};
  const Index tap_step = stride / std::gcd(stride, dilation);
  for (Index tap = 0; tap < std::min(kernel, tap_step); ++tap) {
    const Index position = phase + pad - tap * dilation;
    if (position % stride != 0) continue;
    axis.taps = {ceil_div(kernel - tap, tap_step), tap, tap_step, position / stride, -tap_step * dilation / stride};
    break;
  }
  return axis;
}

[[gnu::noinline]] inline DirectShape backward_data_shape(const ConvGeometry& g, Index row_phase, Index column_phase) {
  DirectShape shape;
  shape.batch = g.batch;
  shape.rows =
      phase_axis(row_phase, g.in_height, g.out_height, g.kernel.height, g.stride.height, g.dilation.height, g.pad_top);
  shape.columns =
      phase_axis(column_phase, g.in_width, g.out_width, g.kernel.width, g.stride.width, g.dilation.width, g.pad_left);
  shape.groups = g.groups;
  shape.depth = g.group_out_channels();
  shape.width = g.group_in_channels();
  shape.kernel_width = g.kernel.width;
  shape.tap_weights = shape.width;
  shape.depth_weights = g.taps() * shape.width;
  shape.width_weights = 1;
  shape.group_weights = shape.depth * shape.depth_weights;
  return shape;
}

/// How a direct convolution is cut: taps and depth into chunks (their weights stay in cache), pixels into blocks.
struct DirectBlocking {
  static constexpr Index table_size = 4096;  ///< pointers of a block's table, on the stack
  static constexpr Index chunk_bytes = 200 << 10;

  Index tap_chunk;
  Index depth_chunk;
  Index pixel_block;
  Index column_parts;  ///< into how many parts a block's output channels are cut, to keep several threads busy

  DirectBlocking(const DirectShape& s, const ColumnBlocks& blocks, Index rows, Index bytes)
      : tap_chunk(std::clamp<Index>(s.taps(), 1, table_size / 16)) {
    const Index chunks = std::max<Index>(1, ceil_div(tap_chunk * s.depth * 2 * blocks.lanes * bytes, chunk_bytes));
    depth_chunk = std::min(s.depth, round_up(ceil_div(s.depth, chunks), 8));
    const bool in_cache = s.taps() * s.depth * blocks.padded() * s.groups * bytes <= (256 << 10);
    const Index most = std::min<Index>(in_cache ? 96 : 384, table_size / tap_chunk / rows * rows);
    const Index least = std::max<Index>(1, ceil_div(s.pixels(), most));
    const Index count = least == 1 ? 1 : round_up(least, 4);  // threads share them evenly
    pixel_block = std::min(most, round_up(std::max<Index>(1, ceil_div(s.pixels(), count)), rows));
    const Index pieces = std::max<Index>(1, ceil_div(s.pixels(), pixel_block));
    const bool small = s.macs() < (Index{1} << 18);
    column_parts = small || pieces >= 16 ? 1 : std::min(s.groups * blocks.count(), ceil_div(16, pieces));
  }
};

/// A direct convolution of one shape, ready to pack and run.
struct DirectPlan {
  DirectShape s;
  ColumnBlocks blocks;
  DirectBlocking cut;

  [[gnu::noinline]] DirectPlan(const DirectShape& shape, Index lanes, Index rows, Index bytes)
      : s(shape), blocks{s.width, lanes}, cut(s, blocks, rows, bytes) {}
  Index packed_numel() const { return s.groups * s.taps() * s.depth * blocks.padded(); }
  /// A row of zeros and the padded bias.
  Index scratch_numel() const { return s.in_channels() + s.groups * blocks.padded(); }
};

template <class T>
DirectPlan direct_plan(const DirectShape& s) {
  return DirectPlan(s, tiles<T>().lanes, tiles<T>().rows, Index{sizeof(T)});
}

/// Packs the weights of a shape: [tap chunk][group][block][depth chunk][tap][k][block width].
template <class T>
void pack_direct(const DirectPlan& plan, const T* weight, T* to) {
  const DirectShape& s = plan.s;
  const DirectBlocking& cut = plan.cut;
  const ColumnBlocks& blocks = plan.blocks;
  const Index group_blocks = s.groups * blocks.count();
  for (Index t0 = 0; t0 < s.taps(); t0 += cut.tap_chunk) {
    const Index tap_count = std::min(cut.tap_chunk, s.taps() - t0);
    const Index block_size = tap_count * s.depth;
    parallel_for(
        group_blocks, std::max<Index>(1, (1 << 15) / std::max<Index>(1, block_size * 2 * blocks.lanes)),
        [&](Index begin, Index end) {
          for (Index gb = begin; gb < end; ++gb) {
            const Index group = gb / blocks.count();
            const Index block = gb % blocks.count();
            const T* from = weight + group * s.group_weights + blocks.begin(block) * s.width_weights;
            T* out = to + block_size * (group * blocks.padded() + blocks.begin(block));
            for (Index k0 = 0; k0 < s.depth; k0 += cut.depth_chunk) {
              const Index depth = std::min(cut.depth_chunk, s.depth - k0);
              for (Index t = t0; t < t0 + tap_count; ++t) {
                const Index row = s.rows.taps.first_tap + t / s.columns.taps.count * s.rows.taps.tap_step;
                const Index column = s.columns.taps.first_tap + t % s.columns.taps.count * s.columns.taps.tap_step;
                pack_block(from + (row * s.kernel_width + column) * s.tap_weights + k0 * s.depth_weights,
                           s.width_weights, s.depth_weights, depth, blocks.size(block), blocks.width(block), out);
                out += depth * blocks.width(block);
              }
            }
          }
        });
    to += block_size * s.groups * blocks.padded();
  }
}

/// The pointers of one block of pixels: inputs [tile][tap][row], outputs [tile][row]. A tap that is outside for a whole
/// tile starts with null and is left out.
template <class T>
struct PointerTable {
  const T* in[DirectBlocking::table_size];
  T* out[384];

  /// Fills the table for pixels [begin, end) of the grid and taps [t0, t1); the last tile repeats the last pixel.
  void fill(const DirectShape& s, const T* x, T* y, const T* zeros, Index begin, Index end, Index t0, Index t1,
            Index tile) {
    const Index taps = t1 - t0;
    if (s.is_pointwise()) return fill_pointwise(s, x, y, begin, end, tile);
    Index j = begin % s.columns.count;
    Index i = begin / s.columns.count % s.rows.count;
    Index image = begin / s.columns.count / s.rows.count;
    const Index padded_end = begin + round_up(end - begin, tile);
    for (Index pixel = begin; pixel < padded_end; ++pixel) {
      const Index local = pixel - begin;
      const T** entry = in + local / tile * taps * tile + local % tile;
      if (pixel >= end) {
        out[local] = out[local - 1];
        for (Index t = 0; t < taps; ++t) entry[t * tile] = entry[t * tile - 1];
        continue;
      }
      out[local] = y + ((image * s.rows.out_size + s.rows.origin + i * s.rows.out_step) * s.columns.out_size +
                        s.columns.origin + j * s.columns.out_step) *
                           s.out_channels();
      fill_pixel(s, x, zeros, image, i, j, t0, t1, tile, entry);
      if (++j < s.columns.count) continue;
      j = 0;
      if (++i < s.rows.count) continue;
      i = 0;
      ++image;
    }
    for (const T** tap = in; tap < in + (padded_end - begin) * taps; tap += tile) {
      if (std::all_of(tap, tap + tile, [&](const T* p) { return p == zeros; })) *tap = nullptr;
    }
  }

 private:
  void fill_pointwise(const DirectShape& s, const T* x, T* y, Index begin, Index end, Index tile) {
    for (Index i = 0; i < round_up(end - begin, tile); ++i) {
      const Index pixel = std::min(begin + i, end - 1);
      in[i] = x + pixel * s.in_channels();
      out[i] = y + pixel * s.out_channels();
    }
  }

  static void fill_pixel(const DirectShape& s, const T* x, const T* zeros, Index image, Index i, Index j, Index t0,
                         Index t1, Index tile, const T** entry) {
    const TapAxis& down = s.rows.taps;
    const TapAxis& across = s.columns.taps;
    Index tap_row = t0 / std::max<Index>(1, across.count);
    Index tap_column = t0 % std::max<Index>(1, across.count);
    const Index left = j * s.columns.in_step + across.first_offset;
    for (Index t = t0; t < t1; ++tap_row, tap_column = 0) {
      const Index h = i * s.rows.in_step + down.first_offset + tap_row * down.offset_step;
      const bool row_inside = h >= 0 && h < s.rows.in_size;
      const T* line = x + (image * s.rows.in_size + (row_inside ? h : 0)) * s.columns.in_size * s.in_channels();
      for (; t < t1 && tap_column < across.count; ++t, ++tap_column, entry += tile) {
        const Index w = left + tap_column * across.offset_step;
        *entry = row_inside && w >= 0 && w < s.columns.in_size ? line + w * s.in_channels() : zeros;
      }
    }
  }
};

/// What is added or applied when results are stored.
template <class T>
struct Epilogue {
  const T* bias = nullptr;      ///< by output channel, or null
  const T* residual = nullptr;  ///< laid out as the output, or null
  bool relu = false;
  T most = std::numeric_limits<T>::infinity();  ///< with relu: no result is larger, 6 for ReLU6
};

/// Multiplies all pixel blocks with packed weights; `zeros` holds in_channels() zeros, the bias is packed.
template <class T>
void multiply_blocks(const DirectPlan& plan, const T* x, const T* packed, const T* zeros, const Epilogue<T>& epilogue,
                     T* y) {
  const DirectShape& s = plan.s;
  const DirectBlocking& cut = plan.cut;
  const ColumnBlocks& blocks = plan.blocks;
  const TileKernels<T>& kernels = tiles<T>();
  const Index pixel_blocks = ceil_div(s.pixels(), cut.pixel_block);
  const Index group_blocks = s.groups * blocks.count();
  const bool serial = s.macs() < (Index{1} << 18);
  const bool is_far = s.batch * s.rows.in_size * s.columns.in_size * s.in_channels() * Index{sizeof(T)} > (1 << 20);
  const Index pieces = pixel_blocks * cut.column_parts;
  parallel_for(pieces, serial ? pieces : 1, [&](Index first, Index last) {
    PointerTable<T> table;
    for (Index piece = first; piece < last; ++piece) {
      const Index begin = piece / cut.column_parts * cut.pixel_block;
      const Index end = std::min(s.pixels(), begin + cut.pixel_block);
      const Index part = piece % cut.column_parts;
      const T* chunk = packed;
      for (Index t0 = 0; t0 == 0 || t0 < s.taps(); t0 += cut.tap_chunk) {
        const Index taps = std::min(cut.tap_chunk, s.taps() - t0);
        table.fill(s, x, y, zeros, begin, end, t0, t0 + taps, kernels.rows);
        for (Index gb = part * group_blocks / cut.column_parts; gb < (part + 1) * group_blocks / cut.column_parts;
             ++gb) {
          const Index group = gb / blocks.count();
          const Index block = gb % blocks.count();
          const T* weight = chunk + taps * s.depth * (group * blocks.padded() + blocks.begin(block));
          for (Index k0 = 0; k0 < s.depth; k0 += cut.depth_chunk) {
            const bool is_first = t0 == 0 && k0 == 0;
            const bool is_last = t0 + taps == s.taps() && k0 + cut.depth_chunk >= s.depth;
            MultiplyJob<T> job;
            job.tiles = ceil_div(end - begin, kernels.rows);
            job.taps = taps;
            job.depth = std::min(cut.depth_chunk, s.depth - k0);
            job.in = table.in;
            job.in_offset = group * s.depth + k0;
            job.fetch = is_far && (block == 0 || gb == part * group_blocks / cut.column_parts);
            job.weight = weight;
            job.out = table.out;
            job.out_offset = group * s.width + blocks.begin(block);
            job.columns = blocks.size(block);
            job.bias = is_first && epilogue.bias != nullptr
                           ? epilogue.bias + group * blocks.padded() + blocks.begin(block)
                           : nullptr;
            job.start = is_first ? epilogue.residual : y;
            job.out_base = y;
            job.relu = is_last && epilogue.relu;
            job.most = epilogue.most;
            kernels.multiply[blocks.vectors(block) - 1][0](job);
            weight += taps * job.depth * blocks.width(block);
          }
        }
        chunk += taps * s.depth * s.groups * blocks.padded();
      }
    }
  });
}

/// y = x * weight on the shape's grid; the epilogue's bias as the user gave it, scratch as DirectPlan::scratch_numel().
template <class T>
void run_direct(const DirectPlan& plan, const T* x, const T* packed, const Epilogue<T>& epilogue, T* y, T* scratch) {
  const DirectShape& s = plan.s;
  if (s.pixels() == 0) return;
  T* zeros = scratch;
  Epilogue<T> padded = epilogue;
  std::fill_n(zeros, s.in_channels(), T(0));
  if (epilogue.bias != nullptr) {
    pack_bias(epilogue.bias, s.groups, plan.blocks, zeros + s.in_channels());
    padded.bias = zeros + s.in_channels();
  }
  multiply_blocks<T>(plan, x, packed, zeros, padded, y);
}

/// Calls f(shape) for every phase of a strided backward-data.
template <class F>
void for_each_phase(const ConvGeometry& g, F&& f) {
  for (Index row = 0; row < std::min(g.stride.height, g.in_height); ++row) {
    for (Index column = 0; column < std::min(g.stride.width, g.in_width); ++column) {
      f(backward_data_shape(g, row, column));
    }
  }
}

}  // namespace kashi::inline v0::kernels::detail
