/// Winograd's convolution F(m x m, 3x3), m = 2 or 4, stride 1, in three directions (Lavin & Gray 2016).
///
/// A tile of m x m outputs costs (m + 2)^2 products per pair of channels instead of 9 m^2: 2.25 or 4 times fewer. A
/// block of tiles is transformed, multiplied position by position on the register tiles, and transformed back while in
/// cache. Relative errors (L2, against double): about 3e-7 for m = 2, 4e-6 for m = 4; the direct kernels make about
/// 5e-7.
#pragma once

#include <kashi/kernels/direct.hpp>
#include <kashi/kernels/slots.hpp>

namespace kashi::inline v0::kernels {

/// Transforms one tile's pixels (or one pair's taps): pixels[i] point at channels, results go to out + i *
/// position_step. Meanwhile the pixels of the next tile are fetched: no hardware follows such a pattern.
template <class T>
struct WinogradGatherJob {
  const T* const* pixels = nullptr;
  const T* const* next = nullptr;  ///< pixels of the next tile, or null
  Index channels = 0;
  T* out = nullptr;
  Index position_step = 0;
};

/// Transforms positions back: in + i * position_step to out + row * row_step + column * column_step.
template <class T>
struct WinogradScatterJob {
  const T* in = nullptr;
  Index position_step = 0;
  Index channels = 0;
  T* out = nullptr;
  Index row_step = 0;
  Index column_step = 0;
  Index rows = 0;  ///< outputs that exist
  Index columns = 0;
  const T* bias = nullptr;      ///< padded to whole vectors, or null
  const T* residual = nullptr;  ///< laid out as out, or null
  bool relu = false;
  T most = std::numeric_limits<T>::infinity();  ///< with relu: no result is larger
};

/// One instruction set's transforms for one tile size.
template <class T>
struct WinogradKernels {
  void (*input)(const WinogradGatherJob<T>&);
  void (*gradient)(const WinogradGatherJob<T>&);
  void (*weight)(const WinogradGatherJob<T>&);
  void (*output)(const WinogradScatterJob<T>&);
  void (*weight_gradient)(const WinogradScatterJob<T>&);
};

}  // namespace kashi::inline v0::kernels

#define KASHI_REGION <kashi/kernels/regions/winograd.inl>
#include <kashi/kernels/regions/each_isa.inl>

namespace kashi::inline v0::kernels::detail {

/// Streams of different positions start this much apart beyond a multiple of their size, not in the same cache sets.
inline constexpr Index winograd_skew = 48;

/// The most positions of a transformed tile: F(4x4, 3x3).
inline constexpr Index winograd_most_positions = 36;

/// The tiles of a batch: `tile` x `tile` outputs each.
struct WinogradTiles {
  Index tile, batch, rows, columns;
  WinogradTiles(Index outputs, Index images, Index out_height, Index out_width)
      : tile(outputs), batch(images), rows(ceil_div(out_height, outputs)), columns(ceil_div(out_width, outputs)) {}
  Index positions() const { return (tile + 2) * (tile + 2); }
  Index count() const { return batch * rows * columns; }
};

/// Which image a tile belongs to, and the output pixel at its top left.
struct WinogradTile {
  Index image, row, column;
  WinogradTile(const WinogradTiles& tiles_of, Index index)
      : image(index / (tiles_of.rows * tiles_of.columns)),
        row(index / tiles_of.columns % tiles_of.rows * tiles_of.tile),
        column(index % tiles_of.columns * tiles_of.tile) {}
};

/// Pointers to the pixels of the tile that starts at (top, left), `zeros` where they lie outside of the image.
template <class T>
void tile_pixels(Index size, const T* image, Index height, Index width, Index channels, Index top, Index left,
                 const T* zeros, const T** pixels) {
  for (Index i = 0; i < size; ++i) {
    const Index h = top + i;
    const bool row_inside = h >= 0 && h < height;
    for (Index j = 0; j < size; ++j) {
      const Index w = left + j;
      *pixels++ = row_inside && w >= 0 && w < width ? image + (h * width + w) * channels : zeros;
    }
  }
}

/// Transforms `count` tiles to out + tile * stride; `pixels_of(tile, pixels)` tells where a tile's pixels are.
template <class T, class PixelsOf>
void gather_tiles(void (*transform)(const WinogradGatherJob<T>&), WinogradGatherJob<T> job, Index count, T* out,
                  Index stride, const PixelsOf& pixels_of) {
  const T* pixels[2][winograd_most_positions];
  if (count > 0) pixels_of(0, pixels[0]);
  for (Index t = 0; t < count; ++t) {
    const bool is_last = t + 1 == count;
    if (!is_last) pixels_of(t + 1, pixels[(t + 1) % 2]);
    job.pixels = pixels[t % 2];
    job.next = is_last ? nullptr : pixels[(t + 1) % 2];
    job.out = out + t * stride;
    transform(job);
  }
}

/// The cut of a forward or backward-data pass: blocks of tiles x groups x parts of the output channels.
struct WinogradPlan {
  DirectShape s;
  ColumnBlocks blocks;
  WinogradTiles tiles_of;
  Index positions;
  Index top, left;     ///< where the first tile starts in the input
  Index depth_stride;  ///< channels of a transformed tile, whole vectors
  Index block;         ///< tiles a block
  Index block_count;
  Index parts;  ///< parts of a group's output channels, when there are too few blocks for the threads

  [[gnu::noinline]] WinogradPlan(const DirectShape& shape, Index tile, Index lanes, Index rows)
      : s(shape),
        blocks{s.width, lanes},
        tiles_of(tile, s.batch, s.rows.count, s.columns.count),
        positions(tiles_of.positions()),
        top(window_start(s.rows.taps)),
        left(window_start(s.columns.taps)),
        depth_stride(round_up(s.depth, lanes)) {
    const Index bytes = positions * (depth_stride + blocks.padded()) * Index{sizeof(float)};
    const bool large_weights = positions * s.depth * blocks.padded() * Index{sizeof(float)} > (4 << 20);
    const Index most = std::max<Index>((512 << 10) / bytes, large_weights ? 96 : 28);
    block_count = std::max<Index>(1, ceil_div(tiles_of.count(), most));
    block = round_up(std::max<Index>(1, ceil_div(tiles_of.count(), block_count)), rows);
    block_count = std::max<Index>(1, ceil_div(tiles_of.count(), block));
    parts = std::clamp<Index>(ceil_div(num_threads(), block_count * s.groups), 1, blocks.count());
  }
  Index items() const { return block_count * s.groups * parts; }
  Index input_step() const { return block * depth_stride + winograd_skew; }
  Index product_step() const { return block * blocks.padded() + winograd_skew; }
  /// Transformed weights: [group][block][position][depth][block width], positions a little apart beyond their size.
  Index weight_step(Index block_index) const { return s.depth * blocks.width(block_index) + 16; }
  Index weight_block(Index group, Index block_index) const {
    return positions * (s.depth * (group * blocks.padded() + blocks.begin(block_index)) +
                        16 * (group * blocks.count() + block_index));
  }
  Index packed_numel() const { return positions * s.groups * (s.depth * blocks.padded() + 16 * blocks.count()); }
  /// Scratch of one slot: transformed tiles and products, or one block's weights while packing.
  Index slot_numel() const {
    return std::max(positions * (input_step() + product_step()), 9 * s.depth * 2 * blocks.lanes);
  }
  Index most_items() const { return block_count * s.groups * blocks.count(); }
  Index scratch_numel() const { return s.depth + s.groups * blocks.padded() + most_slots(most_items()) * slot_numel(); }

 private:
  static Index window_start(const TapAxis& taps) {
    return taps.offset_step > 0 ? taps.first_offset : taps.first_offset + 2 * taps.offset_step;
  }
};

template <class T>
const WinogradKernels<T>& winograd_kernels_of(Index tile) {
  return KASHI_BY_WIDE_ISA(winograd_kernels<T>)(tile);
}

KASHI_INSTANTIATE(const WinogradKernels<float>& winograd_kernels_of<float>(Index))

/// Transforms the weights. `scratch` as WinogradPlan::scratch_numel().
template <class T>
void winograd_pack(const WinogradPlan& plan, const T* weight, T* packed, T* scratch) {
  const DirectShape& s = plan.s;
  const auto& kernels = winograd_kernels_of<T>(plan.tiles_of.tile);
  for_each_slot(s.groups * plan.blocks.count(), [&](Index slot, Index gb) {
    const Index group = gb / plan.blocks.count();
    const Index block = gb % plan.blocks.count();
    const Index width = plan.blocks.width(block);
    const T* from = weight + group * s.group_weights + plan.blocks.begin(block) * s.width_weights;
    T* taps = scratch + slot * plan.slot_numel();
    for (Index tap = 0; tap < 9; ++tap) {
      const Index row = s.rows.taps.offset_step > 0 ? tap / 3 : 2 - tap / 3;
      const Index column = s.columns.taps.offset_step > 0 ? tap % 3 : 2 - tap % 3;
      pack_block(from + (row * 3 + column) * s.tap_weights, s.width_weights, s.depth_weights, s.depth,
                 plan.blocks.size(block), width, taps + tap * s.depth * width);
    }
    const T* pixels[9];
    WinogradGatherJob<T> job;
    job.pixels = pixels;
    job.channels = s.depth * width;
    job.out = packed + plan.weight_block(group, block);
    job.position_step = plan.weight_step(block);
    for (Index tap = 0; tap < 9; ++tap) pixels[tap] = taps + tap * s.depth * width;
    kernels.weight(job);
  });
}

/// Multiplies a block's transformed tiles with the transformed weights of blocks [first, last), position by position.
template <class T>
void winograd_multiply(const WinogradPlan& plan, Index tile_count, Index group, Index first, Index last, const T* input,
                       const T* packed, T* product) {
  const TileKernels<T>& kernels = tiles<T>();
  constexpr Index most_tiles = 1024;
  constexpr Index depth_chunk = 256;
  const T* in[most_tiles];
  T* out[most_tiles];
  for (Index t0 = 0; t0 < tile_count; t0 += most_tiles - most_tiles % kernels.rows) {
    const Index count = std::min(most_tiles - most_tiles % kernels.rows, tile_count - t0);
    for (Index t = 0; t < round_up(count, kernels.rows); ++t) {
      const Index tile = t0 + std::min(t, count - 1);
      in[t] = input + tile * plan.depth_stride;
      out[t] = product + tile * plan.blocks.padded();
    }
    MultiplyJob<T> job;
    job.tiles = ceil_div(count, kernels.rows);
    job.in = in;
    job.out = out;
    job.out_base = product;
    for (Index position = 0; position < plan.positions; ++position) {
      for (Index block = first; block < last; ++block) {
        const Index width = plan.blocks.width(block);
        const T* weight = packed + plan.weight_block(group, block) + position * plan.weight_step(block);
        job.out_offset = position * plan.product_step() + plan.blocks.begin(block);
        job.columns = width;
        for (Index k0 = 0; k0 < plan.s.depth; k0 += depth_chunk) {
          job.depth = std::min(depth_chunk, plan.s.depth - k0);
          job.in_offset = position * plan.input_step() + k0;
          job.weight = weight + k0 * width;
          job.start = k0 == 0 ? nullptr : product;
          kernels.multiply[plan.blocks.vectors(block) - 1][0](job);
        }
      }
    }
  }
}

/// y = x * weight with packed weights; the scratch as WinogradPlan::scratch_numel().
template <class T>
void run_winograd(const WinogradPlan& plan, const T* x, const T* packed, const Epilogue<T>& epilogue, T* y,
                  T* scratch) {
  const DirectShape& s = plan.s;
  if (s.pixels() == 0) return;
  const T* bias = epilogue.bias;
  const auto& kernels = winograd_kernels_of<T>(plan.tiles_of.tile);
  T* zeros = scratch;
  T* packed_bias = zeros + s.depth;
  T* slots = packed_bias + s.groups * plan.blocks.padded();
  std::fill_n(zeros, s.depth, T(0));
  if (bias != nullptr) pack_bias(bias, s.groups, plan.blocks, packed_bias);
  for_each_slot(plan.items(), [&](Index slot, Index item) {
    const Index part = item % plan.parts;
    const Index group = item / plan.parts % s.groups;
    const Index t0 = item / plan.parts / s.groups * plan.block;
    const Index count = std::min(plan.block, plan.tiles_of.count() - t0);
    const Index first = part * plan.blocks.count() / plan.parts;
    const Index last = (part + 1) * plan.blocks.count() / plan.parts;
    T* input = slots + slot * plan.slot_numel();
    T* product = input + plan.positions * plan.input_step();

    WinogradGatherJob<T> gather;
    gather.channels = s.depth;
    gather.position_step = plan.input_step();
    gather_tiles(kernels.input, gather, count, input, plan.depth_stride, [&](Index t, const T** pixels) {
      const WinogradTile at(plan.tiles_of, t0 + t);
      tile_pixels(plan.tiles_of.tile + 2,
                  x + at.image * s.rows.in_size * s.columns.in_size * s.in_channels() + group * s.depth, s.rows.in_size,
                  s.columns.in_size, s.in_channels(), at.row + plan.top, at.column + plan.left,
                  static_cast<const T*>(zeros), pixels);
    });
    winograd_multiply(plan, count, group, first, last, static_cast<const T*>(input), packed, product);

    const Index channel = group * s.width + plan.blocks.begin(first);
    WinogradScatterJob<T> job;
    job.position_step = plan.product_step();
    job.channels = std::min(s.width, plan.blocks.begin(last)) - plan.blocks.begin(first);
    job.row_step = s.columns.count * s.out_channels();
    job.column_step = s.out_channels();
    job.bias = bias != nullptr ? packed_bias + group * plan.blocks.padded() + plan.blocks.begin(first) : nullptr;
    job.relu = epilogue.relu;
    job.most = epilogue.most;
    for (Index t = 0; t < count; ++t) {
      const WinogradTile at(plan.tiles_of, t0 + t);
      const Index offset =
          ((at.image * s.rows.count + at.row) * s.columns.count + at.column) * s.out_channels() + channel;
      job.in = product + t * plan.blocks.padded() + plan.blocks.begin(first);
      job.out = y + offset;
      job.residual = epilogue.residual != nullptr ? epilogue.residual + offset : nullptr;
      job.rows = std::min(plan.tiles_of.tile, s.rows.count - at.row);
      job.columns = std::min(plan.tiles_of.tile, s.columns.count - at.column);
      kernels.output(job);
    }
  });
}

template <class T>
WinogradPlan winograd_plan(const DirectShape& s, Index tile) {
  return WinogradPlan(s, tile, tiles<T>().lanes, tiles<T>().rows);
}

/// The cut of a backward-weight pass: blocks of tiles, one group after the other.
struct WinogradWeightPlan {
  static constexpr Index most_block = 256;

  ConvGeometry g;
  ColumnBlocks blocks;  ///< input channels of a group
  WinogradTiles tiles_of;
  Index positions;
  Index in_stride, out_stride;  ///< channels of a transformed tile, not a power of two
  Index block;

  [[gnu::noinline]] WinogradWeightPlan(const ConvGeometry& geometry, Index tile, Index lanes)
      : g(geometry),
        blocks{g.group_in_channels(), lanes},
        tiles_of(tile, g.batch, g.out_height, g.out_width),
        positions(tiles_of.positions()),
        in_stride(blocks.padded() + 16),
        out_stride(round_up(g.group_out_channels(), lanes) + 16) {
    // The transformed tiles should stay in the second-level cache; but the sums pass through it once a block, too.
    const Index bytes = positions * (in_stride + out_stride) * Index{sizeof(float)};
    const Index most = std::clamp<Index>(((256 << 10) + group_sums() * 5) / bytes, 32, most_block);
    const Index count = std::max<Index>(1, ceil_div(tiles_of.count(), most));
    block = std::max<Index>(1, ceil_div(tiles_of.count(), count));
  }
  /// Elements of one group's sums [position][output][input], inputs padded to whole vectors.
  Index group_sums() const { return positions * g.group_out_channels() * blocks.padded(); }
  Index sums_numel() const { return g.groups * group_sums(); }
  Index in_step() const { return block * in_stride + winograd_skew; }
  Index out_step() const { return block * out_stride + winograd_skew; }
  Index zeros_numel() const { return round_up(std::max(g.group_in_channels(), g.group_out_channels()), 16); }
  /// Groups that are worked on at the same time, each with transformed tiles of its own; else threads share the tiles.
  Index parallel_groups() const { return g.groups >= 4 ? g.groups : 1; }
  Index slot_numel() const { return positions * (in_step() + out_step()); }
  Index workspace() const { return zeros_numel() + sums_numel() + most_slots(parallel_groups()) * slot_numel(); }
};

/// Transforms tiles [t0, t0 + count) of one group of x and dy, several at a time.
template <class T>
void winograd_weight_gather(const WinogradWeightPlan& plan, Index group, Index t0, Index count, const T* x, const T* dy,
                            const T* zeros, T* inputs, T* gradients) {
  const ConvGeometry& g = plan.g;
  const auto& kernels = winograd_kernels_of<T>(plan.tiles_of.tile);
  const T* group_x = x + group * g.group_in_channels();
  const T* group_dy = dy + group * g.group_out_channels();
  parallel_for(count, 8, [&](Index begin, Index end) {
    WinogradGatherJob<T> job;
    job.channels = g.group_in_channels();
    job.position_step = plan.in_step();
    gather_tiles(kernels.input, job, end - begin, inputs + begin * plan.in_stride, plan.in_stride,
                 [&](Index t, const T** pixels) {
                   const WinogradTile at(plan.tiles_of, t0 + begin + t);
                   tile_pixels(plan.tiles_of.tile + 2, group_x + at.image * g.in_height * g.in_width * g.in_channels,
                               g.in_height, g.in_width, g.in_channels, at.row - g.pad_top, at.column - g.pad_left,
                               zeros, pixels);
                 });
    job.channels = g.group_out_channels();
    job.position_step = plan.out_step();
    gather_tiles(kernels.gradient, job, end - begin, gradients + begin * plan.out_stride, plan.out_stride,
                 [&](Index t, const T** pixels) {
                   const WinogradTile at(plan.tiles_of, t0 + begin + t);
                   tile_pixels(plan.tiles_of.tile, group_dy + at.image * g.out_height * g.out_width * g.out_channels,
                               g.out_height, g.out_width, g.out_channels, at.row, at.column, zeros, pixels);
                 });
  });
}

/// Adds the products of a block of transformed tiles to one group's sums [position][output][input], position by
/// position.
template <class T>
void winograd_weight_multiply(const WinogradWeightPlan& plan, Index count, bool accumulate, const T* inputs,
                              const T* gradients, T* sums) {
  const ConvGeometry& g = plan.g;
  const TileKernels<T>& kernels = tiles<T>();
  const Index depth = plan.blocks.padded();
  parallel_for(plan.positions * plan.blocks.count(), 1, [&](Index begin, Index end) {
    Index offsets[WinogradWeightPlan::most_block];
    for (Index t = 0; t < count; ++t) offsets[t] = t * plan.in_stride;
    for (Index item = begin; item < end; ++item) {
      const Index position = item / plan.blocks.count();
      const Index block = item % plan.blocks.count();
      AccumulateJob<T> job;
      job.rows = g.group_out_channels();
      job.a = gradients + position * plan.out_step();
      job.b = inputs + position * plan.in_step() + plan.blocks.begin(block);
      job.offsets = offsets;
      job.step = plan.out_stride;
      job.count = count;
      job.out = sums + position * g.group_out_channels() * depth + plan.blocks.begin(block);
      job.out_step = depth;
      job.columns = plan.blocks.width(block);
      job.accumulate = accumulate;
      kernels.accumulate[plan.blocks.vectors(block) - 1][0](job);
    }
  });
}

/// dweight = G' [sum over tiles of (A dy A') x (B' x B)] G, the sum as one product per position.
template <class T>
void winograd_backward_weight(const ConvGeometry& g, Index tile, const T* x, const T* dy, T* dweight, T* workspace) {
  const WinogradWeightPlan plan(g, tile, tiles<T>().lanes);
  T* zeros = workspace;
  T* sums = zeros + plan.zeros_numel();
  T* slots = sums + plan.sums_numel();
  std::fill_n(zeros, plan.zeros_numel(), T(0));
  const auto add_group = [&](Index slot, Index group) {
    T* inputs = slots + slot * plan.slot_numel();
    T* gradients = inputs + plan.positions * plan.in_step();
    for (Index t0 = 0; t0 < plan.tiles_of.count(); t0 += plan.block) {
      const Index count = std::min(plan.block, plan.tiles_of.count() - t0);
      winograd_weight_gather(plan, group, t0, count, x, dy, static_cast<const T*>(zeros), inputs, gradients);
      winograd_weight_multiply(plan, count, t0 > 0, static_cast<const T*>(inputs), static_cast<const T*>(gradients),
                               sums + group * plan.group_sums());
    }
  };
  if (plan.parallel_groups() > 1) {
    for_each_slot(g.groups, add_group);
  } else {
    for (Index group = 0; group < g.groups; ++group) add_group(0, group);
  }
  const Index depth = g.group_in_channels();
  const Index width = g.group_out_channels();
  parallel_for(g.out_channels, std::max<Index>(1, 4096 / depth), [&](Index begin, Index end) {
    WinogradScatterJob<T> job;
    job.position_step = width * plan.blocks.padded();
    job.channels = depth;
    job.column_step = depth;
    for (Index o = begin; o < end; ++o) {
      job.in = sums + o / width * plan.group_sums() + o % width * plan.blocks.padded();
      job.out = dweight + o * 9 * depth;
      winograd_kernels_of<T>(plan.tiles_of.tile).weight_gradient(job);
    }
  });
}

}  // namespace kashi::inline v0::kernels::detail
