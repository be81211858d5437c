// Products whose results have 1 to 4 channels: lanes run over the summed channels, one horizontal sum at the end.
// Included by dot.hpp per set.
namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME {

/// Pixels a tile: sums of all pixels and channels fit in the registers.
template <int Channels>
inline constexpr int dot_pixels = KASHI_REGION_IS_SPARE ? 1 : (KASHI_REGION_BYTES == 64 ? 24 : 12) / Channels;

template <class T, int Channels, int Pixels>
KASHI_INLINE void dot_tile(const DotJob<T>& job, const T* in, T* out) {
  constexpr Index width = lanes<T>;
  Vec<T> sum[Pixels][Channels];
  KASHI_UNROLL for (int i = 0; i < Pixels; ++i) {
    KASHI_UNROLL for (int c = 0; c < Channels; ++c) sum[i][c] = Vec<T>{};
  }
  const Index whole = job.depth / width * width;
  for (Index tap = 0; tap < job.taps; ++tap) {
    const T* a = in + job.in_offsets[tap];
    const T* w = job.weight + job.weight_offsets[tap];
    for (Index k = 0; k < whole; k += width, w += Channels * width) {
      Vec<T> b[Channels];
      KASHI_UNROLL for (int c = 0; c < Channels; ++c) {
        b[c] = load(w + c * width);
        pin(b[c]);
      }
      KASHI_UNROLL for (int i = 0; i < Pixels; ++i) {
        Vec<T> x = load(a + i * job.pixel_step + k);
        pin(x);
        KASHI_UNROLL for (int c = 0; c < Channels; ++c) sum[i][c] += x * b[c];
      }
    }
  }
  if (whole < job.depth) {  // apart, so that the sums above stay in registers
    for (Index tap = 0; tap < job.taps; ++tap) {
      const T* a = in + job.in_offsets[tap] + whole;
      const T* w = job.weight + job.weight_offsets[tap] + whole * Channels;
      KASHI_UNROLL for (int i = 0; i < Pixels; ++i) {
        const Vec<T> x = load_part(a + i * job.pixel_step, job.depth - whole);
        KASHI_UNROLL for (int c = 0; c < Channels; ++c) sum[i][c] += x * load(w + c * width);
      }
    }
  }
  T sums[Pixels * Channels];
  sum_lanes_of<T, Pixels * Channels>(&sum[0][0], sums);
  KASHI_UNROLL for (int i = 0; i < Pixels; ++i) {
    KASHI_UNROLL for (int c = 0; c < Channels; ++c) out[i * job.out_step + c * job.channel_step] = sums[i * Channels + c];
  }
}

/// job.pixels neighbours; whole tiles, the last one moved back over pixels that are already done.
template <class T, int Channels>
__attribute__((noinline)) void dot_row(const DotJob<T>& job) {
  constexpr Index tile = dot_pixels<Channels>;
  if (job.pixels < tile) {
    for (Index p = 0; p < job.pixels; ++p) {
      dot_tile<T, Channels, 1>(job, job.in + p * job.pixel_step, job.out + p * job.out_step);
    }
    return;
  }
  for (Index p = 0; p < job.pixels; p += tile) {
    const Index start = p + tile <= job.pixels ? p : job.pixels - tile;
    dot_tile<T, Channels, dot_pixels<Channels>>(job, job.in + start * job.pixel_step, job.out + start * job.out_step);
  }
}

template <class T>
inline constexpr DotKernels<T> dot_kernels = {
    lanes<T>, {dot_row<T, 1>, dot_row<T, 2>, dot_row<T, 3>, dot_row<T, 4>}};

}  // namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME
