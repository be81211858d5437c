// Winograd's transforms for F(m x m, 3x3), vectors over channels. Included by winograd.hpp per set.
//
// Matrices: Lavin & Gray 2016. Sums that appear twice are shared, so a map costs fewer operations than its matrix.
namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME {

/// One-dimensional maps of F(m, 3) on arrays of vectors: input B', output A', its transpose A, weight G, and G'.
template <class T, int Output>
struct WinogradMaps;

template <class T>
struct WinogradMaps<T, 2> {
  using V = Vec<T>;
  static KASHI_INLINE void input(const V* d, V* o) {
    o[0] = d[0] - d[2];
    o[1] = d[1] + d[2];
    o[2] = d[2] - d[1];
    o[3] = d[1] - d[3];
  }
  static KASHI_INLINE void output(const V* d, V* o) {
    o[0] = d[0] + d[1] + d[2];
    o[1] = d[1] - d[2] - d[3];
  }
  static KASHI_INLINE void gradient(const V* d, V* o) {
    o[0] = d[0];
    o[1] = d[0] + d[1];
    o[2] = d[0] - d[1];
    o[3] = -d[1];
  }
  static KASHI_INLINE void weight(const V* d, V* o) {
    const V even = (d[0] + d[2]) * T(0.5);
    const V odd = d[1] * T(0.5);
    o[0] = d[0];
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = d[2];
  }
  static KASHI_INLINE void weight_gradient(const V* d, V* o) {
    const V half = (d[1] + d[2]) * T(0.5);
    o[0] = d[0] + half;
    o[1] = (d[1] - d[2]) * T(0.5);
    o[2] = half + d[3];
  }
};

template <class T>
struct WinogradMaps<T, 4> {
  using V = Vec<T>;
  static KASHI_INLINE void input(const V* d, V* o) {
    const V a = d[4] - d[2] * T(4);
    const V b = d[3] - d[1] * T(4);
    const V c = d[4] - d[2];
    const V e = (d[3] - d[1]) * T(2);
    o[0] = d[0] * T(4) + (d[4] - d[2] * T(5));
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + e;
    o[4] = c - e;
    o[5] = d[1] * T(4) + (d[5] - d[3] * T(5));
  }
  static KASHI_INLINE void output(const V* d, V* o) {
    const V a = d[1] + d[2];
    const V b = d[1] - d[2];
    const V c = d[3] + d[4];
    const V e = d[3] - d[4];
    o[0] = d[0] + a + c;
    o[1] = b + e * T(2);
    o[2] = a + c * T(4);
    o[3] = b + e * T(8) + d[5];
  }
  static KASHI_INLINE void gradient(const V* d, V* o) {
    const V a = d[0] + d[2];
    const V b = d[1] + d[3];
    const V c = d[0] + d[2] * T(4);
    const V e = (d[1] + d[3] * T(4)) * T(2);
    o[0] = d[0];
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + e;
    o[4] = c - e;
    o[5] = d[3];
  }
  static KASHI_INLINE void weight(const V* d, V* o) {
    const V a = (d[0] + d[2]) * T(-1.0 / 6);
    const V b = d[1] * T(-1.0 / 6);
    const V c = d[0] * T(1.0 / 24) + d[2] * T(1.0 / 6);
    const V e = d[1] * T(1.0 / 12);
    o[0] = d[0] * T(0.25);
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + e;
    o[4] = c - e;
    o[5] = d[2];
  }
  static KASHI_INLINE void weight_gradient(const V* d, V* o) {
    const V a = d[1] + d[2];
    const V b = d[2] - d[1];
    const V c = d[3] + d[4];
    const V e = d[3] - d[4];
    o[0] = d[0] * T(0.25) - a * T(1.0 / 6) + c * T(1.0 / 24);
    o[1] = b * T(1.0 / 6) + e * T(1.0 / 12);
    o[2] = (c - a) * T(1.0 / 6) + d[5];
  }
};

enum class WinogradMap { input, output, gradient, weight, weight_gradient };

template <class T, int Output, WinogradMap Map>
KASHI_INLINE void winograd_map(const Vec<T>* from, Vec<T>* to) {
  using Maps = WinogradMaps<T, Output>;
  if constexpr (Map == WinogradMap::input) Maps::input(from, to);
  if constexpr (Map == WinogradMap::output) Maps::output(from, to);
  if constexpr (Map == WinogradMap::gradient) Maps::gradient(from, to);
  if constexpr (Map == WinogradMap::weight) Maps::weight(from, to);
  if constexpr (Map == WinogradMap::weight_gradient) Maps::weight_gradient(from, to);
}

/// The map on the columns, then on the rows, of one vector of channels: From x From pixels to To x To positions.
/// Each column is loaded just before its map and each row stored right after, so that few values are alive.
template <class T, int Output, WinogradMap Map, int From, int To, bool Whole, bool Fetch>
KASHI_INLINE void winograd_gather_step(const WinogradGatherJob<T>& job, Index channel, Index count) {
  Vec<T> half[To][From];
  KASHI_UNROLL for (int j = 0; j < From; ++j) {
    Vec<T> column[From];
    Vec<T> mapped[To];
    KASHI_UNROLL for (int i = 0; i < From; ++i) {
      const T* pixel = job.pixels[i * From + j] + channel;
      column[i] = Whole ? load(pixel) : load_part(pixel, count);
      // The first two columns of a tile of inputs are the last two of the tile before.
      if (Fetch && (Map != WinogradMap::input || j >= 2)) __builtin_prefetch(job.next[i * From + j] + channel);
    }
    winograd_map<T, Output, Map>(column, mapped);
    KASHI_UNROLL for (int i = 0; i < To; ++i) half[i][j] = mapped[i];
  }
  KASHI_UNROLL for (int i = 0; i < To; ++i) {
    Vec<T> row[To];
    winograd_map<T, Output, Map>(half[i], row);
    KASHI_UNROLL for (int j = 0; j < To; ++j) store(job.out + (i * To + j) * job.position_step + channel, row[j]);
  }
}

/// Pixels of one tile to positions, all channels; a last part of a vector is filled with zeros.
template <class T, int Output, WinogradMap Map, int From>
__attribute__((noinline)) void winograd_gather(const WinogradGatherJob<T>& job) {
  constexpr int To = Output + 2;
  constexpr bool is_weight = Map == WinogradMap::weight;
  Index channel = 0;
  for (; (is_weight || job.next != nullptr) && channel + lanes<T> <= job.channels; channel += lanes<T>) {
    winograd_gather_step<T, Output, Map, From, To, true, !is_weight>(job, channel, lanes<T>);
  }
  for (; !is_weight && channel + lanes<T> <= job.channels; channel += lanes<T>) {
    winograd_gather_step<T, Output, Map, From, To, true, false>(job, channel, lanes<T>);
  }
  if (channel < job.channels) {
    winograd_gather_step<T, Output, Map, From, To, false, false>(job, channel, job.channels - channel);
  }
}

/// Positions of one tile to its pixels, with bias, residual and ReLU.
template <class T, int Output>
__attribute__((noinline)) void winograd_scatter(const WinogradScatterJob<T>& job) {
  constexpr int From = Output + 2;
  for (Index channel = 0; channel < job.channels; channel += lanes<T>) {
    const Index count = job.channels - channel < lanes<T> ? job.channels - channel : lanes<T>;
    const bool whole = count == lanes<T>;
    const Vec<T> bias = job.bias != nullptr ? load(job.bias + channel) : Vec<T>{};
    // The lines of the result are on their way while the positions are mapped.
    for (int i = 0; i < job.rows; ++i) {
      for (int j = 0; j < job.columns; ++j) {
        __builtin_prefetch(job.out + i * job.row_step + j * job.column_step + channel, 1);
      }
    }
    Vec<T> half[Output][From];
    KASHI_UNROLL for (int j = 0; j < From; ++j) {
      Vec<T> column[From];
      Vec<T> mapped[Output];
      KASHI_UNROLL for (int i = 0; i < From; ++i) column[i] = load(job.in + (i * From + j) * job.position_step + channel);
      winograd_map<T, Output, WinogradMap::output>(column, mapped);
      KASHI_UNROLL for (int i = 0; i < Output; ++i) half[i][j] = mapped[i];
    }
    KASHI_UNROLL for (int i = 0; i < Output; ++i) {
      if (i >= job.rows) break;
      Vec<T> pixels[Output];
      winograd_map<T, Output, WinogradMap::output>(half[i], pixels);
      KASHI_UNROLL for (int j = 0; j < Output; ++j) {
        if (j < job.columns) {
          const Index offset = i * job.row_step + j * job.column_step + channel;
          Vec<T> value = pixels[j] + bias;
          if (job.residual != nullptr) {
            value += whole ? load(job.residual + offset) : load_part(job.residual + offset, count);
          }
          if (job.relu) value = clipped_relu<T>(value, job.most);
          if (whole) {
            store(job.out + offset, value);
          } else {
            store_part(job.out + offset, value, count);
          }
        }
      }
    }
  }
}

/// Sums at positions to the nine taps of a weight's gradient, all channels.
template <class T, int Output>
__attribute__((noinline)) void winograd_weight_gradient(const WinogradScatterJob<T>& job) {
  constexpr int From = Output + 2;
  for (Index channel = 0; channel < job.channels; channel += lanes<T>) {
    const Index count = job.channels - channel < lanes<T> ? job.channels - channel : lanes<T>;
    Vec<T> half[3][From];
    KASHI_UNROLL for (int j = 0; j < From; ++j) {
      Vec<T> column[From];
      Vec<T> mapped[3];
      KASHI_UNROLL for (int i = 0; i < From; ++i) {
        const T* at = job.in + (i * From + j) * job.position_step + channel;
        column[i] = count == lanes<T> ? load(at) : load_part(at, count);
      }
      winograd_map<T, Output, WinogradMap::weight_gradient>(column, mapped);
      KASHI_UNROLL for (int i = 0; i < 3; ++i) half[i][j] = mapped[i];
    }
    KASHI_UNROLL for (int i = 0; i < 3; ++i) {
      Vec<T> row[3];
      winograd_map<T, Output, WinogradMap::weight_gradient>(half[i], row);
      KASHI_UNROLL for (int j = 0; j < 3; ++j) {
        T* at = job.out + (i * 3 + j) * job.column_step + channel;
        if (count == lanes<T>) {
          store(at, row[j]);
        } else {
          store_part(at, row[j], count);
        }
      }
    }
  }
}

template <class T, int Output>
inline constexpr WinogradKernels<T> winograd_kernels_of_tile = {
    winograd_gather<T, Output, WinogradMap::input, Output + 2>,
    winograd_gather<T, Output, WinogradMap::gradient, Output>,
    winograd_gather<T, Output, WinogradMap::weight, 3>,
    winograd_scatter<T, Output>,
    winograd_weight_gradient<T, Output>,
};

template <class T>
const WinogradKernels<T>& winograd_kernels(Index tile) {
  return tile == 2 ? winograd_kernels_of_tile<T, 2> : winograd_kernels_of_tile<T, 4>;
}

}  // namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME
