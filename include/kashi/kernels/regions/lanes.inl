// Groups of 1 or 4 channels: several groups share a vector, lane l is channel l. Included by lanes.hpp per set.
//
// Inside a group every channel meets every other: the input is rotated within the group (not at all for depthwise), and
// weights are stored as rotated diagonals.
namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME {

template <class T, int Group, int By, int... Lane>
KASHI_INLINE Vec<T> rotate_lanes(Vec<T> v, std::integer_sequence<int, Lane...>) {
  return __builtin_shufflevector(v, v, (Lane / Group * Group + (Lane + By) % Group)...);
}
/// Lane l takes the value of lane l + By of its group, around the end. Groups wider than a vector do not exist.
template <class T, int Group, int By>
KASHI_INLINE Vec<T> rotate(Vec<T> v) {
  if constexpr (By == 0 || Group > lanes<T>) {
    return v;
  } else {
    return rotate_lanes<T, Group, By>(v, std::make_integer_sequence<int, static_cast<int>(lanes<T>)>{});
  }
}

template <class T, bool Whole>
KASHI_INLINE Vec<T> load_lanes(const T* p, Index count) {
  return Whole ? load(p) : load_part(p, count);
}

/// One kernel row of three neighbours into the sums of `Pixels` neighbours, rotation By and those after it. The outermost
/// inputs come from `left` and `right`, which are zeros at the image's edge.
template <class T, int Group, int Pixels, bool Whole, int By = 0>
KASHI_INLINE void lane_row(const T* in, const T* left, const T* right, Index step, Index count, const T* weight,
                           Index tap_step, Index rotation_step, Vec<T> (&sum)[Pixels]) {
  constexpr int Taps = 3;
  Vec<T> w[Taps];
  KASHI_UNROLL for (int tap = 0; tap < Taps; ++tap) w[tap] = load(weight + tap * tap_step + By * rotation_step);
  const T* at = in;
  KASHI_UNROLL for (int j = 0; j < Pixels + Taps - 1; ++j) {
    const T* pixel = j == 0 ? left : j == Pixels + 1 ? right : at;
    const Vec<T> x = rotate<T, Group, By>(load_lanes<T, Whole>(pixel, count));
    at += step;
    pin_integer(at);  // one pointer that walks, not a register for each input
    KASHI_UNROLL for (int tap = 0; tap < Taps; ++tap) {
      if (j - tap >= 0 && j - tap < Pixels) sum[j - tap] += x * w[tap];
    }
  }
  if constexpr (By + 1 < Group) {
    lane_row<T, Group, Pixels, Whole, By + 1>(in, left, right, step, count, weight, tap_step, rotation_step, sum);
  }
}

/// One tap into the sums of pixels that stand `step` apart.
template <class T, int Group, int Pixels, bool Whole, int By = 0>
KASHI_INLINE void lane_tap(const T* in, Index step, Index count, const T* weight, Index rotation_step,
                           Vec<T> (&sum)[Pixels]) {
  const Vec<T> w = load(weight + By * rotation_step);
  KASHI_UNROLL for (int i = 0; i < Pixels; ++i) {
    sum[i] += rotate<T, Group, By>(load_lanes<T, Whole>(in + i * step, count)) * w;
  }
  if constexpr (By + 1 < Group) {
    lane_tap<T, Group, Pixels, Whole, By + 1>(in, step, count, weight, rotation_step, sum);
  }
}

/// Adds the residual, clips and stores `Pixels` neighbours.
template <class T, int Pixels, bool Whole>
KASHI_INLINE void lane_store(const LaneJob<T>& job, Index offset, Index count, Vec<T> (&sum)[Pixels]) {
  if (job.residual != nullptr) {
    KASHI_UNROLL for (int i = 0; i < Pixels; ++i) {
      sum[i] += load_lanes<T, Whole>(job.residual + offset + i * job.out_step, count);
    }
  }
  if (job.relu) {
    KASHI_UNROLL for (int i = 0; i < Pixels; ++i) sum[i] = clipped_relu<T>(sum[i], job.most);
  }
  KASHI_UNROLL for (int i = 0; i < Pixels; ++i) {
    if constexpr (Whole) {
      store(job.out + offset + i * job.out_step, sum[i]);
    } else {
      store_part(job.out + offset + i * job.out_step, sum[i], count);
    }
  }
}

/// `Pixels` outputs from pixel `pixel` on, one vector of channels; three neighbouring taps, or any.
template <class T, int Group, int Pixels, bool Neighbours, bool Whole>
KASHI_INLINE void lane_tile(const LaneJob<T>& job, Index pixel, Index channel) {
  const Index count = Whole ? lanes<T> : job.channels - channel;
  const T zeros[lanes<T>] = {};
  Vec<T> sum[Pixels];
  const Vec<T> bias = job.bias != nullptr ? load(job.bias + channel) : Vec<T>{};
  KASHI_UNROLL for (int i = 0; i < Pixels; ++i) sum[i] = bias;
  for (Index row = 0; row < job.rows; ++row) {
    const T* in = job.in + job.in_offsets[row] + pixel * job.pixel_step + channel;
    const T* weight = job.weight + job.weight_offsets[row] + channel;
    if constexpr (Neighbours) {
      const T* left = job.zero_left && pixel == 0 ? zeros : in;
      const T* right = job.zero_right && pixel + Pixels == job.pixels ? zeros : in + (Pixels + 1) * job.pixel_step;
      lane_row<T, Group, Pixels, Whole>(in, left, right, job.pixel_step, count, weight, job.weight_tap_step,
                                        job.rotation_step, sum);
    } else {
      for (Index tap = 0; tap < job.column_taps; ++tap) {
        lane_tap<T, Group, Pixels, Whole>(in + tap * job.in_tap_step, job.pixel_step, count,
                                          weight + tap * job.weight_tap_step, job.rotation_step, sum);
      }
    }
  }
  lane_store<T, Pixels, Whole>(job, pixel * job.out_step + channel, count, sum);
}

/// Input row `Row` of four into two rows of depthwise outputs: kernel row `Row` of the first, `Row - 1` of the second.
template <class T, int Pixels, int Row>
KASHI_INLINE void lane_shared_row(const LaneJob<T>& job, Index pixel, Index channel, Vec<T> (&sum)[2][Pixels]) {
  if (job.in_offsets[Row] < 0) return;  // outside of the image
  const T zeros[lanes<T>] = {};
  const T* at = job.in + job.in_offsets[Row] + pixel * job.pixel_step + channel;
  const T* left = job.zero_left && pixel == 0 ? zeros : at;
  const T* right = job.zero_right && pixel + Pixels == job.pixels ? zeros : at + (Pixels + 1) * job.pixel_step;
  Vec<T> w[2][3];
  KASHI_UNROLL for (int out = 0; out < 2; ++out) {
    KASHI_UNROLL for (int tap = 0; tap < 3; ++tap) {
      if (Row - out < 0 || Row - out > 2) continue;
      w[out][tap] = load(job.weight + job.weight_offsets[Row - out] + tap * job.weight_tap_step + channel);
    }
  }
  KASHI_UNROLL for (int j = 0; j < Pixels + 2; ++j) {
    const Vec<T> x = load(j == 0 ? left : j == Pixels + 1 ? right : at);
    if (Row > 1 && j > 0 && j <= Pixels) prefetch(at + job.prefetch_step);  // two rows on
    at += job.pixel_step;
    pin_integer(at);
    KASHI_UNROLL for (int out = 0; out < 2; ++out) {
      KASHI_UNROLL for (int tap = 0; tap < 3; ++tap) {
        if (Row - out < 0 || Row - out > 2 || j < tap || j - tap >= Pixels) continue;
        sum[out][j - tap] += x * w[out][tap];
      }
    }
  }
}

/// `Pixels` outputs of two rows that share their input rows: what is loaded serves six products instead of three.
template <class T, int Pixels>
KASHI_INLINE void lane_two_rows(const LaneJob<T>& job, Index pixel) {
  for (Index channel = 0; channel + lanes<T> <= job.channels; channel += lanes<T>) {
    Vec<T> sum[2][Pixels];
    const Vec<T> bias = job.bias != nullptr ? load(job.bias + channel) : Vec<T>{};
    KASHI_UNROLL for (int i = 0; i < Pixels; ++i) sum[0][i] = sum[1][i] = bias;
    lane_shared_row<T, Pixels, 0>(job, pixel, channel, sum);
    lane_shared_row<T, Pixels, 1>(job, pixel, channel, sum);
    lane_shared_row<T, Pixels, 2>(job, pixel, channel, sum);
    lane_shared_row<T, Pixels, 3>(job, pixel, channel, sum);
    const Index offset = pixel * job.out_step + channel;
    lane_store<T, Pixels, true>(job, offset, lanes<T>, sum[0]);
    lane_store<T, Pixels, true>(job, offset + job.out_row_step, lanes<T>, sum[1]);
  }
}

/// Two rows of job.pixels depthwise outputs, at least 4, whole vectors of channels.
template <class T>
__attribute__((noinline)) void lane_row_pairs(const LaneJob<T>& job) {
  Index pixel = 0;
  if constexpr (KASHI_REGION_BYTES == 64) {
    for (; pixel + 8 <= job.pixels; pixel += 8) lane_two_rows<T, 8>(job, pixel);
  }
  for (; pixel < job.pixels; pixel += 4) lane_two_rows<T, 4>(job, pixel + 4 <= job.pixels ? pixel : job.pixels - 4);
}

template <class T, int Group, int Pixels, bool Neighbours>
KASHI_INLINE void lane_tile_channels(const LaneJob<T>& job, Index pixel) {
  const Index whole = job.channels / lanes<T> * lanes<T>;
  for (Index channel = 0; channel < whole; channel += lanes<T>) {
    lane_tile<T, Group, Pixels, Neighbours, true>(job, pixel, channel);
  }
}

/// job.pixels neighbours: tiles of eight, then of four (the last moved back over pixels already done), or one by one.
template <class T, int Group>
__attribute__((noinline)) void lane_pixels(const LaneJob<T>& job) {
  const bool neighbours = job.column_taps == 3 && job.in_tap_step == job.pixel_step;
  Index pixel = 0;
  if constexpr (KASHI_REGION_IS_SPARE) {
    for (; pixel < job.pixels; ++pixel) {
      if (neighbours) {
        lane_tile_channels<T, Group, 1, true>(job, pixel);
      } else {
        lane_tile_channels<T, Group, 1, false>(job, pixel);
      }
    }
  } else if (job.pixels >= 4) {
    if (neighbours) {
      for (; pixel + 8 <= job.pixels; pixel += 8) lane_tile_channels<T, Group, 8, true>(job, pixel);
    }
    while (pixel < job.pixels) {
      const Index start = pixel + 4 <= job.pixels ? pixel : job.pixels - 4;
      if (neighbours) {
        lane_tile_channels<T, Group, 4, true>(job, start);
      } else {
        lane_tile_channels<T, Group, 4, false>(job, start);
      }
      pixel = start + 4;
    }
  } else {
    for (; pixel < job.pixels; ++pixel) lane_tile_channels<T, Group, 1, false>(job, pixel);
  }
  const Index whole = job.channels / lanes<T> * lanes<T>;
  if (whole == job.channels) return;
  for (pixel = 0; pixel < job.pixels; ++pixel) {
    if (neighbours) {
      lane_tile<T, Group, 1, true, false>(job, pixel, whole);
    } else {
      lane_tile<T, Group, 1, false, false>(job, pixel, whole);
    }
  }
}

/// sum[tap][By] += x at the tap * dy rotated by By, and the rotations after it, for `Pixels` neighbours. Taps stand `step`
/// apart, and so do the pixels if there are several.
template <class T, int Group, int Pixels, int By = 0>
KASHI_INLINE void lane_gradient_row(const T* x, const T* left, const T* right, Index step, const Vec<T> (&dy)[Pixels],
                                    Vec<T> (&sum)[3][Group]) {
  Vec<T> g[Pixels];
  KASHI_UNROLL for (int i = 0; i < Pixels; ++i) g[i] = rotate<T, Group, By>(dy[i]);
  const T* at = x;
  KASHI_UNROLL for (int j = 0; j < Pixels + 2; ++j) {
    const Vec<T> v = load(j == 0 ? left : j == Pixels + 1 ? right : at);
    at += step;
    pin_integer(at);  // one pointer that walks, not a register for each input
    KASHI_UNROLL for (int tap = 0; tap < 3; ++tap) {
      if (j - tap >= 0 && j - tap < Pixels) sum[tap][By] += v * g[j - tap];
    }
  }
  if constexpr (By + 1 < Group) lane_gradient_row<T, Group, Pixels, By + 1>(x, left, right, step, dy, sum);
}

/// Kernel rows whose sums of three taps are in registers at once.
template <int Group>
inline constexpr int lane_gradient_rows = Group == 1 ? 3 : 1;

/// The rows of x that meet one row of dy, for kernel rows from `first` on; null outside of the image.
template <class T, int Group>
struct LaneInputRows {
  const T* x[lane_gradient_rows<Group>];

  KASHI_INLINE LaneInputRows(const LaneGradientJob<T>& job, Index row, Index first, Index channel) {
    KASHI_UNROLL for (int k = 0; k < lane_gradient_rows<Group>; ++k) {
      const Index position = job.position + row * job.position_step + (first + k) * job.kernel_position_step;
      const bool inside = first + k < job.kernel_rows && position >= 0 && position < job.positions;
      x[k] = inside ? job.x + position * job.x_line + channel : nullptr;
    }
  }
};

/// `Pixels` neighbours of one row of dy into the sums of three taps.
template <class T, int Group, int Pixels>
KASHI_INLINE void lane_gradient_pixels(const LaneGradientJob<T>& job, const LaneInputRows<T, Group>& rows,
                                       const T* dy, Index pixel, Vec<T> (&sum)[lane_gradient_rows<Group>][3][Group]) {
  constexpr int Rows = lane_gradient_rows<Group>;
  const T zeros[lanes<T>] = {};
  Vec<T> g[Pixels];
  KASHI_UNROLL for (int i = 0; i < Pixels; ++i) {
    const T* at = dy + (pixel + i) * job.dy_step;
    g[i] = load(at);
    if (Rows > 1) prefetch(at + job.rows * job.dy_row_step);
  }
  const bool is_first = job.zero_left && pixel == 0;
  const bool is_last = job.zero_right && pixel + Pixels == job.pixels;
  KASHI_UNROLL for (int k = 0; k < Rows; ++k) {
    if (rows.x[k] == nullptr) continue;
    const T* x = rows.x[k] + pixel * job.x_step;
    lane_gradient_row<T, Group, Pixels>(x, is_first ? zeros : x, is_last ? zeros : x + (Pixels + 1) * job.x_tap_step,
                                        job.x_tap_step, g, sum[k]);
    KASHI_UNROLL for (int i = 0; i < Pixels; ++i) {
      if (k > 0 && k == Rows - 1) prefetch(x + (i + 1) * job.x_step + job.rows * job.position_step * job.x_line);
    }
  }
}

/// Adds a run of pixels to the sums of kernel rows of three taps, from row `first` on; whole vectors of channels.
template <class T, int Group>
KASHI_INLINE void lane_gradient_three(const LaneGradientJob<T>& job, Index first, Index channel) {
  constexpr int Rows = lane_gradient_rows<Group>;
  constexpr int Pixels = Group == 1 && !KASHI_REGION_IS_SPARE ? 4 : 1;
  Vec<T> sum[Rows][3][Group];
  const auto place = [&](int k, int tap, int by) KASHI_LAMBDA {
    return job.sums + ((first + k) * 3 + tap) * job.tap_step + by * job.rotation_step + channel;
  };
  KASHI_UNROLL for (int k = 0; k < Rows; ++k) {
    KASHI_UNROLL for (int tap = 0; tap < 3; ++tap) {
      KASHI_UNROLL for (int by = 0; by < Group; ++by) {
        sum[k][tap][by] = first + k < job.kernel_rows ? load(static_cast<const T*>(place(k, tap, by))) : Vec<T>{};
      }
    }
  }
  for (Index row = 0; row < job.rows; ++row) {
    const LaneInputRows<T, Group> rows(job, row, first, channel);
    const T* dy = job.dy + row * job.dy_row_step + channel;
    Index pixel = 0;
    if (job.x_step == job.x_tap_step) {
      for (; pixel + Pixels <= job.pixels; pixel += Pixels) {
        lane_gradient_pixels<T, Group, Pixels>(job, rows, dy, pixel, sum);
      }
    }
    for (; pixel < job.pixels; ++pixel) lane_gradient_pixels<T, Group, 1>(job, rows, dy, pixel, sum);
  }
  KASHI_UNROLL for (int k = 0; k < Rows; ++k) {
    if (first + k >= job.kernel_rows) continue;
    KASHI_UNROLL for (int tap = 0; tap < 3; ++tap) {
      KASHI_UNROLL for (int by = 0; by < Group; ++by) store(place(k, tap, by), sum[k][tap][by]);
    }
  }
}

template <class T, int Group, int By = 0>
KASHI_INLINE void lane_gradient_tap(Vec<T> x, Vec<T> dy, T* sums, Index rotation_step) {
  T* at = sums + By * rotation_step;
  store(at, load(static_cast<const T*>(at)) + x * rotate<T, Group, By>(dy));
  if constexpr (By + 1 < Group) lane_gradient_tap<T, Group, By + 1>(x, dy, sums, rotation_step);
}

/// The same for any taps, slowly: sums stay in memory.
template <class T, int Group, bool Whole>
KASHI_INLINE void lane_gradient_any(const LaneGradientJob<T>& job, Index channel) {
  const Index count = Whole ? lanes<T> : job.channels - channel;
  for (Index row = 0; row < job.rows; ++row) {
    const T* dy = job.dy + row * job.dy_row_step + channel;
    for (Index k = 0; k < job.kernel_rows; ++k) {
      const Index position = job.position + row * job.position_step + k * job.kernel_position_step;
      if (position < 0 || position >= job.positions) continue;
      const T* x = job.x + position * job.x_line + channel;
      T* sums = job.sums + k * job.kernel_taps * job.tap_step + channel;
      for (Index pixel = 0; pixel < job.pixels; ++pixel) {
        const Vec<T> g = load_lanes<T, Whole>(dy + pixel * job.dy_step, count);
        const Index first = job.zero_left && pixel == 0 ? 1 : 0;
        const Index last = job.zero_right && pixel == job.pixels - 1 ? job.taps - 1 : job.taps;
        for (Index tap = first; tap < last; ++tap) {
          const Vec<T> v = load_lanes<T, Whole>(x + pixel * job.x_step + tap * job.x_tap_step, count);
          lane_gradient_tap<T, Group>(v, g, sums + tap * job.tap_step, job.rotation_step);
        }
      }
    }
  }
}

template <class T, int Group>
__attribute__((noinline)) void lane_gradient(const LaneGradientJob<T>& job) {
  Index channel = 0;
  for (; channel + lanes<T> <= job.channels; channel += lanes<T>) {
    if (job.taps == 3 && job.kernel_taps == 3) {
      for (Index k = 0; k < job.kernel_rows; k += lane_gradient_rows<Group>) lane_gradient_three<T, Group>(job, k, channel);
    } else {
      lane_gradient_any<T, Group, true>(job, channel);
    }
  }
  if (channel < job.channels) lane_gradient_any<T, Group, false>(job, channel);
}

template <class T>
inline constexpr LaneKernels<T> lane_kernels = {lanes<T>,
                                                {lane_pixels<T, 1>, lane_pixels<T, 4>},
                                                lane_row_pairs<T>,
                                                {lane_gradient<T, 1>, lane_gradient<T, 4>}};

}  // namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME
