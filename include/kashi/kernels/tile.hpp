/// The register tiles under every dense kernel: what they compute, and the table of an instruction set's copies.
///
/// Two forms: `multiply` sums over taps and channels with packed weights (forward, backward-data, GEMM, Winograd's
/// products), `accumulate` sums over pixels (backward-weight). Pixels come through pointers or offsets, so any stride,
/// dilation and padding is the same loop, and tiles run across row ends. Design and figures: docs/performance.md.
#pragma once

#include <kashi/kernels/simd.hpp>

namespace kashi::inline v0::kernels {

/// `tiles` tiles of `rows` outputs each (the last repeats its last row), one block of columns:
/// out[row] = start[row] + bias + sum over taps and depth of in[row][tap][k] * weight[tap][k], then perhaps ReLU.
template <class T>
struct MultiplyJob {
  Index tiles = 0;
  Index taps = 1;
  Index depth = 0;
  const T* const* in =
      nullptr;                ///< [tile][tap][row], a tap's first null: none for this tile; with a tap step [tile][row]
  Index in_offset = 0;        ///< added to every pointer of `in`
  Index tap_step = 0;         ///< distance of a row's taps, for the stepped form
  bool fetch = false;         ///< the pixels of the next tile may be far: fetch them meanwhile; not in the stepped form
  const T* weight = nullptr;  ///< [tap][depth][vectors * lanes]
  T* const* out = nullptr;    ///< [tile][row]
  Index out_offset = 0;
  Index columns = 0;            ///< columns that exist; fewer than the vectors hold are stored through a copy
  const T* bias = nullptr;      ///< vectors * lanes values, or null
  const T* start = nullptr;     ///< where sums start: an array laid out as out_base, or null for zero
  const T* out_base = nullptr;  ///< the array that `out` points into; used with `start`
  bool relu = false;
  T most = std::numeric_limits<T>::infinity();  ///< with relu: no result is larger
};

/// out[row][columns] (+)= sum over p < count of a[row] * b[columns], where one side moves by offsets[p], the other by
/// p * step.
template <class T>
struct AccumulateJob {
  Index rows = 0;
  const T* a = nullptr;
  const Index* row_offsets = nullptr;  ///< a's start of each row, for the form whose rows have offsets; else null
  const T* b = nullptr;
  const Index* offsets = nullptr;  ///< [count]
  Index step = 0;
  Index count = 0;
  T* out = nullptr;
  Index out_step = 0;
  Index columns = 0;
  bool accumulate = false;
};

/// One instruction set's tiles. Index [vectors - 1][form].
template <class T>
struct TileKernels {
  Index lanes;
  Index rows;
  void (*multiply[2][2])(const MultiplyJob<T>&);                     ///< form 1: stepped
  void (*accumulate[2][2])(const AccumulateJob<T>&);                 ///< form 1: the offsets move the rows' side
  void (*gather[2])(const T* from, Index step, Index count, T* to);  ///< copies whole vectors of strided pixels
  void (*add)(Index count, const T* from, T* to);                    ///< to += from
};

}  // namespace kashi::inline v0::kernels

#define KASHI_REGION <kashi/kernels/regions/tile.inl>
#include <kashi/kernels/regions/each_isa.inl>

namespace kashi::inline v0::kernels {

/// The tiles of the instruction set in use.
template <class T>
const TileKernels<T>& tiles() {
  return KASHI_BY_ISA(tile_kernels<T>);
}

KASHI_INSTANTIATE(const TileKernels<float>& tiles<float>())
KASHI_INSTANTIATE(const TileKernels<double>& tiles<double>())

}  // namespace kashi::inline v0::kernels
