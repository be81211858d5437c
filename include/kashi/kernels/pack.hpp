/// Weights in the order in which register tiles read them: blocks of two vectors of columns, the last perhaps of one.
///
/// A block's weights are stored as [tap][depth][block width], padded with zeros, so that a tile reads them in sequence.
#pragma once

#include <algorithm>

#include <kashi/core/parallel.hpp>

namespace kashi::inline v0::kernels {

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index a, Index b) { return ceil_div(a, b) * b; }

/// `columns` cut into blocks of two vectors; a rest that fits one vector makes a block of one.
struct ColumnBlocks {
  Index columns;
  Index lanes;

  constexpr Index count() const { return ceil_div(columns, 2 * lanes); }
  constexpr Index begin(Index block) const { return block * 2 * lanes; }
  constexpr Index size(Index block) const { return std::min(2 * lanes, columns - begin(block)); }
  constexpr Index vectors(Index block) const { return size(block) <= lanes ? 1 : 2; }
  constexpr Index width(Index block) const { return vectors(block) * lanes; }
  /// Columns of all blocks, padding included.
  constexpr Index padded() const { return begin(count() - 1) + width(count() - 1); }
};

/// to[k][width] = from[column * column_step + k * depth_step] for k < depth, zero beyond `columns`.
template <class T>
void pack_block(const T* from, Index column_step, Index depth_step, Index depth, Index columns, Index width, T* to) {
  if (column_step == 1) {
    for (Index k = 0; k < depth; ++k, to += width) {
      std::copy_n(from + k * depth_step, columns, to);
      std::fill(to + columns, to + width, T(0));
    }
    return;
  }
  constexpr Index piece = 32;  // rows whose lines stay in the first-level cache while the columns are filled in
  for (Index k0 = 0; k0 < depth; k0 += piece, from += piece * depth_step, to += piece * width) {
    const Index count = std::min(piece, depth - k0);
    for (Index column = 0; column < columns; ++column) {
      const T* source = from + column * column_step;
      if (column + 4 < columns) {
        __builtin_prefetch(source + 4 * column_step);
        __builtin_prefetch(source + 4 * column_step + piece / 2);
      }
      for (Index k = 0; k < count; ++k) to[k * width + column] = source[k * depth_step];
    }
    for (Index k = 0; k < count && columns < width; ++k)
      std::fill(to + k * width + columns, to + (k + 1) * width, T(0));
  }
}

/// Copies `columns` values of each group into that group's padded blocks: a bias as the tiles read it.
template <class T>
void pack_bias(const T* bias, Index groups, const ColumnBlocks& blocks, T* to) {
  for (Index group = 0; group < groups; ++group, to += blocks.padded()) {
    std::copy_n(bias + group * blocks.columns, blocks.columns, to);
    std::fill(to + blocks.columns, to + blocks.padded(), T(0));
  }
}

}  // namespace kashi::inline v0::kernels
