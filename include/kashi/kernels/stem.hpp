/// Convolution of few input channels (the first layer of a network): forward and backward-weight.
///
/// A kernel row of kw * C values is contiguous in the image, so it counts as one tap with kw * C channels, and one
/// pointer per pixel serves all rows. Strips of the image are copied with their border where there is padding.
#pragma once

#include <kashi/kernels/backward_weight.hpp>
#include <kashi/kernels/direct.hpp>

namespace kashi::inline v0::kernels::detail {

/// Strips of output rows and the copy of the input that each needs.
struct StemPlan {
  ConvGeometry g;
  ColumnBlocks blocks;  ///< output channels
  Index rows;           ///< output rows a strip
  Index strips;         ///< strips an image
  Index copy_width;     ///< columns of the copy
  Index copy_rows;
  Index slices;  ///< backward-weight: sums of their own over a range of strips

  [[gnu::noinline]] StemPlan(const ConvGeometry& geometry, Index lanes) : g(geometry), blocks{g.out_channels, lanes} {
    rows = strip_rows(g);
    strips = ceil_div(g.out_height, rows);
    copy_width = (g.out_width - 1) * g.stride.width + g.kernel.width;
    copy_rows = (rows - 1) * g.stride.height + (g.kernel.height - 1) * g.dilation.height + 1;
    slices = g.macs() < (Index{1} << 20) ? 1 : std::min<Index>(8, g.batch * strips);
  }
  Index items() const { return g.batch * strips; }
  Index kernel_row() const { return g.kernel.width * g.in_channels; }
  Index depth() const { return g.kernel.height * kernel_row(); }
  Index line() const { return copy_width * g.in_channels; }
  Index copy_numel() const { return copy_rows * line(); }
  bool in_place() const {
    return g.pad_top == 0 && g.pad_left == 0 && copy_width <= g.in_width &&
           (g.out_height - 1) * g.stride.height + (g.kernel.height - 1) * g.dilation.height < g.in_height;
  }
  Index packed_numel() const { return depth() * blocks.padded(); }
  Index sums_numel() const { return slices * depth() * g.out_channels; }
  Index forward_scratch() const { return blocks.padded() + most_slots(items()) * copy_numel(); }
  Index weight_workspace() const { return sums_numel() + most_slots(slices) * copy_numel(); }

 private:
  /// About 768 pixels, or down to half of that where four threads then share the strips more evenly.
  static Index strip_rows(const ConvGeometry& g) {
    const Index most = std::clamp<Index>(768 / g.out_width, 1, g.out_height);
    const auto share = [&](Index count) { return round_up(g.batch * ceil_div(g.out_height, count), 4) * count; };
    Index best = most;
    for (Index count = most - 1; count >= ceil_div(most, 2); --count) {
      if (share(count) < share(best)) best = count;
    }
    return best;
  }
};

/// A strip's input: where its first window starts, and the distance of two rows.
template <class T>
struct StemInput {
  const T* at;
  Index line;
};

/// The input of a strip: in place, or copied with zeros around it.
template <class T>
StemInput<T> stem_input(const StemPlan& plan, Index item, const T* x, T* copy) {
  const ConvGeometry& g = plan.g;
  const Index image = item / plan.strips;
  const Index top = item % plan.strips * plan.rows * g.stride.height - g.pad_top;
  const T* source = x + image * g.in_height * g.in_width * g.in_channels;
  if (plan.in_place()) return {source + top * g.in_width * g.in_channels, g.in_width * g.in_channels};
  const Index before = std::min(g.pad_left, plan.copy_width);
  const Index inside = std::clamp<Index>(plan.copy_width - before, 0, g.in_width);
  T* to = copy;
  for (Index i = 0; i < plan.copy_rows; ++i, to += plan.line()) {
    const Index h = top + i;
    if (h < 0 || h >= g.in_height) {
      std::fill_n(to, plan.line(), T(0));
      continue;
    }
    std::fill_n(to, before * g.in_channels, T(0));
    std::copy_n(source + h * g.in_width * g.in_channels, inside * g.in_channels, to + before * g.in_channels);
    std::fill(to + (before + inside) * g.in_channels, to + plan.line(), T(0));
  }
  return {copy, plan.line()};
}

/// Packs the weight: [block][kernel height][kernel width * channels][block width].
template <class T>
void stem_pack(const StemPlan& plan, const T* weight, T* packed) {
  for (Index block = 0; block < plan.blocks.count(); ++block) {
    pack_block(weight + plan.blocks.begin(block) * plan.depth(), plan.depth(), 1, plan.depth(), plan.blocks.size(block),
               plan.blocks.width(block), packed + plan.depth() * plan.blocks.begin(block));
  }
}

/// Multiplies the pixels of one strip with all output channels.
template <class T>
void stem_multiply(const StemPlan& plan, const StemInput<T>& input, Index first_pixel, Index pixels, const T* packed,
                   const Epilogue<T>& epilogue, T* y) {
  constexpr Index most = 96;
  const TileKernels<T>& kernels = tiles<T>();
  const ConvGeometry& g = plan.g;
  const T* in[most];
  T* out[most];
  const Index chunk = most / kernels.rows * kernels.rows;
  const T* row = input.at;
  Index column = 0;
  for (Index p0 = 0; p0 < pixels; p0 += chunk) {
    const Index count = std::min(chunk, pixels - p0);
    for (Index p = 0; p < count; ++p) {
      in[p] = row + column * g.stride.width * g.in_channels;
      out[p] = y + (first_pixel + p0 + p) * g.out_channels;
      if (++column < g.out_width) continue;
      column = 0;
      row += g.stride.height * input.line;
    }
    for (Index p = count; p < round_up(count, kernels.rows); ++p) {
      in[p] = in[p - 1];
      out[p] = out[p - 1];
    }
    MultiplyJob<T> job;
    job.tiles = ceil_div(count, kernels.rows);
    job.taps = g.kernel.height;
    job.depth = plan.kernel_row();
    job.in = in;
    job.tap_step = g.dilation.height * input.line;
    job.out = out;
    job.start = epilogue.residual;
    job.out_base = y;
    job.relu = epilogue.relu;
    job.most = epilogue.most;
    for (Index block = 0; block < plan.blocks.count(); ++block) {
      job.weight = packed + plan.depth() * plan.blocks.begin(block);
      job.out_offset = plan.blocks.begin(block);
      job.columns = plan.blocks.size(block);
      job.bias = epilogue.bias != nullptr ? epilogue.bias + plan.blocks.begin(block) : nullptr;
      kernels.multiply[plan.blocks.vectors(block) - 1][1](job);
    }
  }
}

/// Runs with packed weights; `scratch` as StemPlan::forward_scratch(). The epilogue's bias is as the user gave it.
template <class T>
void run_stem(const StemPlan& plan, const T* x, const T* packed, const Epilogue<T>& epilogue, T* y, T* scratch) {
  const ConvGeometry& g = plan.g;
  Epilogue<T> padded = epilogue;
  if (epilogue.bias != nullptr) {
    pack_bias(epilogue.bias, 1, plan.blocks, scratch);
    padded.bias = scratch;
  }
  T* copies = scratch + plan.blocks.padded();
  for_each_slot(plan.items(), [&](Index slot, Index item) {
    const Index row = item % plan.strips * plan.rows;
    const Index rows = std::min(plan.rows, g.out_height - row);
    const StemInput<T> input = stem_input(plan, item, x, copies + slot * plan.copy_numel());
    stem_multiply(plan, input, (item / plan.strips * g.out_height + row) * g.out_width, rows * g.out_width, packed,
                  padded, y);
  });
}

/// Adds the pixels of one strip to sums [kernel height * kernel width * channels][output channels].
template <class T>
void stem_accumulate(const StemPlan& plan, const StemInput<T>& input, Index first_pixel, Index pixels, const T* dy,
                     bool accumulate, T* sums) {
  constexpr Index most_rows = 1008;
  constexpr Index most_pixels = 128;
  const TileKernels<T>& kernels = tiles<T>();
  const ConvGeometry& g = plan.g;
  Index row_offsets[most_rows];
  Index offsets[most_pixels];
  AccumulateJob<T> job;
  job.row_offsets = row_offsets;
  job.a = input.at;
  job.offsets = offsets;
  job.step = g.out_channels;
  job.out_step = g.out_channels;
  for (Index r0 = 0; r0 < plan.depth(); r0 += most_rows) {
    job.rows = std::min(most_rows, plan.depth() - r0);
    for (Index r = 0; r < job.rows; ++r) {
      row_offsets[r] = (r0 + r) / plan.kernel_row() * g.dilation.height * input.line + (r0 + r) % plan.kernel_row();
    }
    Index line = 0;
    Index column = 0;
    for (Index p0 = 0; p0 < pixels; p0 += most_pixels) {
      job.count = std::min(most_pixels, pixels - p0);
      for (Index p = 0; p < job.count; ++p) {
        offsets[p] = line + column * g.stride.width * g.in_channels;
        if (++column < g.out_width) continue;
        column = 0;
        line += g.stride.height * input.line;
      }
      job.accumulate = accumulate || p0 > 0;
      for (Index block = 0; block < plan.blocks.count(); ++block) {
        job.b = dy + (first_pixel + p0) * g.out_channels + plan.blocks.begin(block);
        job.columns = plan.blocks.size(block);
        job.out = sums + r0 * g.out_channels + plan.blocks.begin(block);
        kernels.accumulate[plan.blocks.vectors(block) - 1][1](job);
      }
    }
  }
}

template <class T>
void stem_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dweight, T* workspace) {
  const StemPlan plan(g, tiles<T>().lanes);
  const Index sums_size = plan.depth() * g.out_channels;
  T* copies = workspace + plan.sums_numel();
  for_each_slot(plan.slices, [&](Index slot, Index slice) {
    bool accumulate = false;
    for (Index item = slice * plan.items() / plan.slices; item < (slice + 1) * plan.items() / plan.slices; ++item) {
      const Index row = item % plan.strips * plan.rows;
      const Index rows = std::min(plan.rows, g.out_height - row);
      const StemInput<T> input = stem_input(plan, item, x, copies + slot * plan.copy_numel());
      stem_accumulate(plan, input, (item / plan.strips * g.out_height + row) * g.out_width, rows * g.out_width, dy,
                      accumulate, workspace + slice * sums_size);
      accumulate = true;
    }
  });
  for (Index slice = 1; slice < plan.slices; ++slice)
    tiles<T>().add(sums_size, workspace + slice * sums_size, workspace);
  for (Index o = 0; o < g.out_channels; ++o) {
    for (Index k = 0; k < plan.depth(); ++k) dweight[o * plan.depth() + k] = workspace[k * g.out_channels + o];
  }
}

}  // namespace kashi::inline v0::kernels::detail
