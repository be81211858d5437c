/// The direct backward-weight: dweight[o][tap][c] = sum over pixels of dy[pixel][o] * x[pixel at tap][c], on register
/// tiles.
///
/// A strip of output pixels at a time: x is copied with its border into a block as wide as a tile, so that every tap is
/// a shift of one table of offsets. dy is read in place, or copied in blocks where its pixels stand so far apart that
/// they would fall into the same cache sets. Slices of the batch have sums of their own, added in order.
#pragma once

#include <kashi/kernels/conv_geometry.hpp>
#include <kashi/kernels/pack.hpp>
#include <kashi/kernels/slots.hpp>
#include <kashi/kernels/tile.hpp>

namespace kashi::inline v0::kernels::detail {

/// One axis of a strip's copy of x: the positions that `outputs` outputs read, once each where windows overlap
/// (position = output * stride + tap * dilation), else one run per tap (position = tap * outputs + output).
struct StripAxis {
  Index outputs = 0;
  Index stride = 1;
  Index dilation = 1;
  Index count = 0;
  bool overlaps = false;

  StripAxis(Index output_count, Index kernel, Index stride_, Index dilation_)
      : outputs(output_count), stride(stride_), dilation(dilation_) {
    const Index dense = (outputs - 1) * stride + (kernel - 1) * dilation + 1;
    overlaps = dense < kernel * outputs;
    count = overlaps ? dense : kernel * outputs;
  }
  Index output_step() const { return overlaps ? stride : 1; }
  Index tap_step() const { return overlaps ? dilation : outputs; }
  /// Position in x, relative to the first output's first tap, of entry i of the copy.
  Index position(Index i) const { return overlaps ? i : i % outputs * stride + i / outputs * dilation; }
};

/// How the output pixels are cut: strips of whole images, of whole rows, or of parts of one row.
struct Strips {
  static constexpr Index most_pixels = 256;

  Index images;       ///< images a strip
  Index rows;         ///< rows of each of its images
  Index columns;      ///< columns of each row
  Index image_parts;  ///< strips side by side that cover an image
  Index row_parts;
  Index column_parts;

  Strips(const ConvGeometry& g, Index target) {
    const Index image = g.out_height * g.out_width;
    images = std::clamp<Index>(target / image, 1, std::max<Index>(1, g.batch));
    rows = images > 1 ? g.out_height : even_part(g.out_height, std::max<Index>(1, target / g.out_width));
    row_parts = ceil_div(g.out_height, rows);
    columns = even_part(g.out_width, target);
    column_parts = ceil_div(g.out_width, columns);
    image_parts = ceil_div(g.batch, images);
  }
  Index count() const { return image_parts * row_parts * column_parts; }

 private:
  /// The size of parts of at most `most` that cut `size` evenly.
  static Index even_part(Index size, Index most) { return ceil_div(size, ceil_div(size, most)); }
};

/// The cut of a backward-weight into strips, slices of strips, and blocks of input channels.
struct BackwardWeightPlan {
  ConvGeometry g;
  ColumnBlocks blocks;  ///< input channels of a group
  Strips strips;
  StripAxis rows;
  StripAxis columns;
  Index parts;    ///< groups * blocks
  Index slices;   ///< sums of their own over a range of strips
  Index bundle;   ///< blocks that one piece takes together, so that they share a copy of dy
  Index bundles;  ///< of a group

  [[gnu::noinline]] BackwardWeightPlan(const ConvGeometry& geometry, Index lanes)
      : g(geometry),
        blocks{g.group_in_channels(), lanes},
        strips(g, Strips::most_pixels),
        rows(strips.rows, g.kernel.height, g.stride.height, g.dilation.height),
        columns(strips.columns, g.kernel.width, g.stride.width, g.dilation.width),
        parts(g.groups * blocks.count()) {
    const Index wanted = g.macs() < (Index{1} << 20) ? 1 : ceil_div(8, parts);
    const Index affordable = std::max<Index>(1, (Index{1} << 20) / g.weight_numel());
    slices = std::clamp<Index>(std::min(wanted, affordable), 1, std::max<Index>(1, strips.count()));
    bundle = copies_dy() ? std::clamp<Index>(parts * slices / 4, 1, std::min<Index>(4, blocks.count())) : 1;
    bundles = ceil_div(blocks.count(), bundle);
  }
  Index pieces() const { return g.groups * bundles * slices; }
  /// Elements of a slot's copy of x.
  Index copy_numel() const { return strips.images * rows.count * columns.count * 2 * blocks.lanes; }
  bool copies_dy() const { return g.out_channels > 128; }
  /// Output channels that are worked on at a time.
  Index dy_rows() const { return copies_dy() ? 64 : g.group_out_channels(); }
  Index slot_numel() const { return bundle * copy_numel() + (copies_dy() ? Strips::most_pixels * dy_rows() : 0); }
  Index partial_numel() const { return slices > 1 ? slices * g.weight_numel() : 0; }
  Index workspace() const { return partial_numel() + most_slots(pieces()) * slot_numel(); }
};

/// One strip: output pixels [image, image + images) x [row, row + rows) x [column, column + columns).
struct Strip {
  Index image, images, row, rows, column, columns;

  Strip(const BackwardWeightPlan& plan, Index index) {
    const Strips& s = plan.strips;
    column = index % s.column_parts * s.columns;
    row = index / s.column_parts % s.row_parts * s.rows;
    image = index / s.column_parts / s.row_parts * s.images;
    columns = std::min(s.columns, plan.g.out_width - column);
    rows = std::min(s.rows, plan.g.out_height - row);
    images = std::min(s.images, plan.g.batch - image);
  }
  Index pixels() const { return images * rows * columns; }
};

/// Copies `size` channels of `count` positions start, start + step, ... of a line of pixels to [count][width]; zero
/// where they lie outside of [0, line_size) and beyond `size`.
template <class T>
void copy_positions(const T* line, Index channels, Index line_size, Index start, Index step, Index count, Index size,
                    Index width, T* to) {
  const WindowTaps inside = window_taps(start, count, step, line_size);
  std::fill_n(to, inside.first * width, T(0));
  std::fill(to + inside.last * width, to + count * width, T(0));
  const T* from = line + (start + inside.first * step) * channels;
  if (size == width) {
    const TileKernels<T>& kernels = tiles<T>();
    return kernels.gather[width / kernels.lanes - 1](from, step * channels, inside.last - inside.first,
                                                     to + inside.first * width);
  }
  for (Index i = inside.first; i < inside.last; ++i, from += step * channels) {
    std::copy_n(from, size, to + i * width);
    std::fill(to + i * width + size, to + (i + 1) * width, T(0));
  }
}

/// Copies the x that a strip reads, channels [channel, channel + size), to [image][row][column][width]; zero outside.
template <class T>
void copy_strip(const BackwardWeightPlan& plan, const Strip& strip, const T* x, Index channel, Index size, Index width,
                T* to) {
  const ConvGeometry& g = plan.g;
  const Index top = strip.row * g.stride.height - g.pad_top;
  const Index left = strip.column * g.stride.width - g.pad_left;
  const Index line = plan.columns.count * width;
  for (Index image = strip.image; image < strip.image + strip.images; ++image) {
    for (Index i = 0; i < plan.rows.count; ++i, to += line) {
      const Index h = top + plan.rows.position(i);
      if (h < 0 || h >= g.in_height) {
        std::fill_n(to, line, T(0));
        continue;
      }
      const T* from = x + (image * g.in_height + h) * g.in_width * g.in_channels + channel;
      if (plan.columns.overlaps) {
        copy_positions(from, g.in_channels, g.in_width, left, Index{1}, plan.columns.count, size, width, to);
        continue;
      }
      for (Index kw = 0; kw < g.kernel.width; ++kw) {
        copy_positions(from, g.in_channels, g.in_width, left + kw * g.dilation.width, g.stride.width,
                       plan.columns.outputs, size, width, to + kw * plan.columns.outputs * width);
      }
    }
  }
}

/// Where the copy holds the input of each of the strip's pixels, at the first tap.
inline Index strip_offsets(const BackwardWeightPlan& plan, const Strip& strip, Index width, Index* offsets) {
  Index count = 0;
  for (Index image = 0; image < strip.images; ++image) {
    for (Index r = 0; r < strip.rows; ++r) {
      const Index line = (image * plan.rows.count + r * plan.rows.output_step()) * plan.columns.count;
      for (Index c = 0; c < strip.columns; ++c) offsets[count++] = (line + c * plan.columns.output_step()) * width;
    }
  }
  return count;
}

/// Copies `rows` values of each of `count` pixels of dy, which stand `step` apart, to [count][rows].
template <class T>
void copy_dy(const T* from, Index step, Index count, Index rows, T* to) {
  constexpr Index ahead = 6, line = 64 / Index{sizeof(T)};
  for (Index p = 0; p < count; ++p, from += step, to += rows) {
    if (p + ahead < count) {
      for (Index i = 0; i < rows; i += line) __builtin_prefetch(from + ahead * step + i);
    }
    std::copy_n(from, rows, to);
  }
}

/// Adds a strip to the sums of a few blocks of input channels (all taps, all output channels of their group).
template <class T>
void accumulate_strip(const BackwardWeightPlan& plan, const Strip& strip, const T* x, const T* dy, Index part,
                      bool accumulate, T* scratch, T* sums) {
  const TileKernels<T>& kernels = tiles<T>();
  const ConvGeometry& g = plan.g;
  const Index group = part / plan.bundles;
  const Index first_block = part % plan.bundles * plan.bundle;
  const Index last_block = std::min(plan.blocks.count(), first_block + plan.bundle);
  T* dy_copy = scratch + plan.bundle * plan.copy_numel();
  for (Index block = first_block; block < last_block; ++block) {
    copy_strip(plan, strip, x, group * g.group_in_channels() + plan.blocks.begin(block), plan.blocks.size(block),
               plan.blocks.width(block), scratch + (block - first_block) * plan.copy_numel());
  }

  Index offsets[Strips::most_pixels];
  AccumulateJob<T> job;
  job.offsets = offsets;
  Index offsets_width = 0;
  job.out_step = g.taps() * g.group_in_channels();
  job.accumulate = accumulate;
  const T* first = dy + ((strip.image * g.out_height + strip.row) * g.out_width + strip.column) * g.out_channels +
                   group * g.group_out_channels();
  const Index rows = plan.dy_rows();
  for (Index o = 0; o < g.group_out_channels(); o += rows) {
    job.rows = std::min(rows, g.group_out_channels() - o);
    job.a = first + o;
    job.step = g.out_channels;
    if (plan.copies_dy()) {
      copy_dy(first + o, g.out_channels, strip.pixels(), job.rows, dy_copy);
      job.a = dy_copy;
      job.step = job.rows;
    }
    for (Index block = first_block; block < last_block; ++block) {
      const Index width = plan.blocks.width(block);
      const T* copy = scratch + (block - first_block) * plan.copy_numel();
      T* block_sums = sums + (group * g.group_out_channels() + o) * job.out_step + plan.blocks.begin(block);
      job.columns = plan.blocks.size(block);
      if (width != offsets_width) job.count = strip_offsets(plan, strip, width, offsets);
      offsets_width = width;
      for (Index kh = 0; kh < g.kernel.height; ++kh) {
        for (Index kw = 0; kw < g.kernel.width; ++kw) {
          job.b = copy + (kh * plan.rows.tap_step() * plan.columns.count + kw * plan.columns.tap_step()) * width;
          job.out = block_sums + (kh * g.kernel.width + kw) * g.group_in_channels();
          kernels.accumulate[plan.blocks.vectors(block) - 1][0](job);
        }
      }
    }
  }
}

/// total = sum over slices of parts[slice][count], in their order.
template <class T>
void add_slices(Index slices, Index count, const T* parts, T* total) {
  parallel_for(count, Index{1} << 12, [&](Index begin, Index end) {
    std::copy(parts + begin, parts + end, total + begin);
    for (Index slice = 1; slice < slices; ++slice) {
      tiles<T>().add(end - begin, parts + slice * count + begin, total + begin);
    }
  });
}

template <class T>
void direct_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dweight, T* workspace) {
  const BackwardWeightPlan plan(g, tiles<T>().lanes);
  T* partial = plan.slices > 1 ? workspace : dweight;
  T* copies = workspace + plan.partial_numel();
  for_each_slot(plan.pieces(), [&](Index slot, Index piece) {
    const Index slice = piece / (plan.g.groups * plan.bundles);
    const Index first = slice * plan.strips.count() / plan.slices;
    const Index last = (slice + 1) * plan.strips.count() / plan.slices;
    bool accumulate = false;
    for (Index index = first; index < last; ++index) {
      const Strip strip(plan, index);
      accumulate_strip(plan, strip, x, dy, piece % (plan.g.groups * plan.bundles), accumulate,
                       copies + slot * plan.slot_numel(), partial + slice * g.weight_numel());
      accumulate = true;
    }
  });
  if (plan.slices > 1) add_slices(plan.slices, g.weight_numel(), partial, dweight);
}

}  // namespace kashi::inline v0::kernels::detail
