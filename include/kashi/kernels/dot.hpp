/// Backward-data into 1 to 4 channels (the gradient of an image): a tile of channels would leave most lanes empty, so
/// lanes run over the channels of dy instead.
///
/// Taps outside are left out: rows by the row of pixels, columns by treating the pixels at the edges one by one.
#pragma once

#include <kashi/kernels/direct.hpp>
#include <kashi/kernels/route.hpp>

namespace kashi::inline v0::kernels {

/// A row of neighbouring results: out[p * out_step + c * channel_step] = sum over taps and depth of in[p * pixel_step +
/// in_offsets[tap] + k] * weight[weight_offsets[tap]] as [k / lanes][c][lanes].
template <class T>
struct DotJob {
  const T* in = nullptr;
  Index pixel_step = 0;
  Index depth = 0;
  Index taps = 0;
  const Index* in_offsets = nullptr;
  const Index* weight_offsets = nullptr;
  const T* weight = nullptr;
  T* out = nullptr;
  Index out_step = 0;
  Index channel_step = 1;
  Index pixels = 0;
};

/// One instruction set's rows, by the number of channels - 1.
template <class T>
struct DotKernels {
  Index lanes;
  void (*row[4])(const DotJob<T>&);
};

}  // namespace kashi::inline v0::kernels

#define KASHI_REGION <kashi/kernels/regions/dot.inl>
#include <kashi/kernels/regions/each_isa.inl>

namespace kashi::inline v0::kernels::detail {

template <class T>
const DotKernels<T>& dots() {
  return KASHI_BY_ISA(dot_kernels<T>);
}

KASHI_INSTANTIATE(const DotKernels<float>& dots<float>())
KASHI_INSTANTIATE(const DotKernels<double>& dots<double>())

inline Index dot_packed_numel(const ConvGeometry& g, Index lanes) {
  return g.taps() * g.in_channels * round_up(g.out_channels, lanes);
}

/// Packs the weight [O,KH,KW,C] as [tap][depth / lanes][channel][lanes].
template <class T>
void dot_pack(const ConvGeometry& g, Index lanes, const T* weight, T* packed) {
  const Index depth = round_up(g.out_channels, lanes);
  for (Index tap = 0; tap < g.taps(); ++tap) {
    for (Index k = 0; k < depth; ++k) {
      T* to = packed + (tap * depth + k / lanes * lanes) * g.in_channels + k % lanes;
      for (Index c = 0; c < g.in_channels; ++c) {
        to[c * lanes] = k < g.out_channels ? weight[(k * g.taps() + tap) * g.in_channels + c] : T(0);
      }
    }
  }
}

/// The taps of a row of the phase's grid: rows inside only; columns in [first_column, last_column).
struct DotTaps {
  Index count = 0;
  Index in_offsets[dot_most_taps];
  Index weight_offsets[dot_most_taps];

  /// Grid row i; column taps that read inside for all grid columns of [begin, end).
  void fill(const ConvGeometry& g, const DirectShape& s, Index depth, Index i, Index begin, Index end) {
    count = 0;
    const TapAxis& down = s.rows.taps;
    const TapAxis& across = s.columns.taps;
    for (Index a = 0; a < down.count; ++a) {
      const Index h = i + down.first_offset + a * down.offset_step;
      if (h < 0 || h >= s.rows.in_size) continue;
      for (Index b = 0; b < across.count; ++b) {
        const Index shift = across.first_offset + b * across.offset_step;
        if (begin + shift < 0 || end - 1 + shift >= s.columns.in_size) continue;
        const Index tap =
            (down.first_tap + a * down.tap_step) * g.kernel.width + across.first_tap + b * across.tap_step;
        in_offsets[count] = (h * s.columns.in_size + shift) * s.in_channels();
        weight_offsets[count++] = tap * depth * g.in_channels;
      }
    }
  }
};

/// The epilogue of one row of results, whose first lies `offset` elements into the array.
template <class T>
void finish_dot_row(const DirectShape& s, const Epilogue<T>& epilogue, Index offset, T* out) {
  const auto& [bias, residual, relu, most] = epilogue;
  if (bias == nullptr && residual == nullptr && !relu) return;
  const Index step = s.columns.out_step * s.width;
  for (Index j = 0; j < s.columns.count; ++j) {
    for (Index c = 0; c < s.width; ++c) {
      T& value = out[j * step + c];
      if (bias != nullptr) value += bias[c];
      if (residual != nullptr) value += residual[offset + j * step + c];
      if (relu) value = value < T(0) ? T(0) : value > most ? most : value;
    }
  }
}

/// One phase: every grid row in an inner part, where all columns are inside, and single pixels at the edges.
template <class T>
void run_dot(const ConvGeometry& g, const DirectShape& s, const T* dy, const T* packed, const Epilogue<T>& epilogue,
             T* dx) {
  if (s.pixels() == 0) return;
  const DotKernels<T>& kernels = dots<T>();
  const Index depth = round_up(g.out_channels, kernels.lanes);
  const TapAxis& across = s.columns.taps;
  const Index shift_a = across.first_offset;
  const Index shift_b = across.first_offset + std::max<Index>(0, across.count - 1) * across.offset_step;
  const Index inner_begin = std::clamp<Index>(-std::min(shift_a, shift_b), 0, s.columns.count);
  const Index inner_end =
      std::clamp<Index>(s.columns.in_size - std::max(shift_a, shift_b), inner_begin, s.columns.count);
  const Index serial = s.macs() < (Index{1} << 18) ? s.batch * s.rows.count : 1;
  parallel_for(s.batch * s.rows.count, serial, [&](Index first, Index last) {
    DotTaps taps;
    DotJob<T> job;
    job.pixel_step = g.out_channels;
    job.depth = g.out_channels;
    job.in_offsets = taps.in_offsets;
    job.weight_offsets = taps.weight_offsets;
    job.weight = packed;
    job.out_step = s.columns.out_step * g.in_channels;
    for (Index row = first; row < last; ++row) {
      const Index image = row / s.rows.count;
      const Index i = row % s.rows.count;
      const T* in = dy + image * g.out_height * g.out_width * g.out_channels;
      T* out = dx + ((image * g.in_height + s.rows.origin + i * s.rows.out_step) * g.in_width + s.columns.origin) *
                        g.in_channels;
      const auto run = [&](Index begin, Index end) {
        taps.fill(g, s, depth, i, begin, end);
        job.taps = taps.count;
        job.in = in + begin * g.out_channels;
        job.out = out + begin * job.out_step;
        job.pixels = end - begin;
        kernels.row[g.in_channels - 1](job);
      };
      for (Index j = 0; j < inner_begin; ++j) run(j, j + 1);
      if (inner_begin < inner_end) run(inner_begin, inner_end);
      for (Index j = inner_end; j < s.columns.count; ++j) run(j, j + 1);
      finish_dot_row(s, epilogue, out - dx, out);
    }
  });
}

}  // namespace kashi::inline v0::kernels::detail
