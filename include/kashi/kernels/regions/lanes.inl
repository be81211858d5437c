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
  const Index offset = pixel * job.out_step + channel;
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
  if (job.pixels >= 4) {
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

/// sum[tap][By] += x at the tap * dy rotated by By, and the rotations after it, for `Pixels` neighbours.
template <class T, int Group, int Pixels, int By = 0>
KASHI_INLINE void lane_gradient_row(const T* x, const T* left, const T* right, Index x_step, const Vec<T> (&dy)[Pixels],
                                    Vec<T> (&sum)[3][Group]) {
  Vec<T> g[Pixels];
  KASHI_UNROLL for (int i = 0; i < Pixels; ++i) g[i] = rotate<T, Group, By>(dy[i]);
  const T* at = x;
  KASHI_UNROLL for (int j = 0; j < Pixels + 2; ++j) {
    const Vec<T> v = load(j == 0 ? left : j == Pixels + 1 ? right : at);
    at += x_step;
    pin_integer(at);  // one pointer that walks, not a register for each input
    KASHI_UNROLL for (int tap = 0; tap < 3; ++tap) {
      if (j - tap >= 0 && j - tap < Pixels) sum[tap][By] += v * g[j - tap];
    }
  }
  if constexpr (By + 1 < Group) lane_gradient_row<T, Group, Pixels, By + 1>(x, left, right, x_step, dy, sum);
}

template <class T, int Group, bool Whole, int By = 0>
KASHI_INLINE void lane_gradient_tap(Vec<T> x, Vec<T> dy, T* sums, Index rotation_step) {
  T* at = sums + By * rotation_step;
  store(at, load(at) + x * rotate<T, Group, By>(dy));
  if constexpr (By + 1 < Group) lane_gradient_tap<T, Group, Whole, By + 1>(x, dy, sums, rotation_step);
}

/// Adds a run of pixels, for one kernel row of three neighbours, to the sums; whole vectors of channels.
template <class T, int Group, int Pixels>
KASHI_INLINE void lane_gradient_three(const LaneGradientJob<T>& job, Index channel) {
  const T zeros[lanes<T>] = {};
  Vec<T> sum[3][Group];
  T* at = job.sums + channel;
  KASHI_UNROLL for (int tap = 0; tap < 3; ++tap) {
    KASHI_UNROLL for (int by = 0; by < Group; ++by) sum[tap][by] = load(at + tap * job.tap_step + by * job.rotation_step);
  }
  for (Index row = 0; row < job.rows; ++row) {
    const T* x = job.x + row * job.x_row_step + channel;
    const T* dy = job.dy + row * job.dy_row_step + channel;
    const auto left = [&](Index pixel) KASHI_LAMBDA { return job.zero_left && pixel == 0 ? zeros : x + pixel * job.x_step; };
    const auto right = [&](Index pixel) KASHI_LAMBDA {
      return job.zero_right && pixel == job.pixels - 1 ? zeros : x + (pixel + 2) * job.x_step;
    };
    Index pixel = 0;
    for (; pixel + Pixels <= job.pixels; pixel += Pixels) {
      Vec<T> g[Pixels];
      KASHI_UNROLL for (int i = 0; i < Pixels; ++i) g[i] = load(dy + (pixel + i) * job.dy_step);
      lane_gradient_row<T, Group, Pixels>(x + pixel * job.x_step, left(pixel), right(pixel + Pixels - 1), job.x_step, g,
                                          sum);
    }
    for (; pixel < job.pixels; ++pixel) {
      const Vec<T> g[1] = {load(dy + pixel * job.dy_step)};
      lane_gradient_row<T, Group, 1>(x + pixel * job.x_step, left(pixel), right(pixel), job.x_step, g, sum);
    }
  }
  KASHI_UNROLL for (int tap = 0; tap < 3; ++tap) {
    KASHI_UNROLL for (int by = 0; by < Group; ++by) store(at + tap * job.tap_step + by * job.rotation_step, sum[tap][by]);
  }
}

/// The same for any taps, slowly: sums stay in memory.
template <class T, int Group, bool Whole>
KASHI_INLINE void lane_gradient_any(const LaneGradientJob<T>& job, Index channel) {
  const Index count = Whole ? lanes<T> : job.channels - channel;
  for (Index row = 0; row < job.rows; ++row) {
    const T* x = job.x + row * job.x_row_step + channel;
    const T* dy = job.dy + row * job.dy_row_step + channel;
    for (Index pixel = 0; pixel < job.pixels; ++pixel) {
      const Vec<T> g = load_lanes<T, Whole>(dy + pixel * job.dy_step, count);
      const Index first = job.zero_left && pixel == 0 ? 1 : 0;
      const Index last = job.zero_right && pixel == job.pixels - 1 ? job.taps - 1 : job.taps;
      for (Index tap = first; tap < last; ++tap) {
        const Vec<T> v = load_lanes<T, Whole>(x + pixel * job.x_step + tap * job.x_tap_step, count);
        lane_gradient_tap<T, Group, Whole>(v, g, job.sums + tap * job.tap_step + channel, job.rotation_step);
      }
    }
  }
}

template <class T, int Group>
__attribute__((noinline)) void lane_gradient(const LaneGradientJob<T>& job) {
  const bool three = job.taps == 3 && job.x_tap_step == job.x_step;
  Index channel = 0;
  for (; channel + lanes<T> <= job.channels; channel += lanes<T>) {
    if (three) {
      lane_gradient_three<T, Group, Group == 1 ? 4 : 1>(job, channel);
    } else {
      lane_gradient_any<T, Group, true>(job, channel);
    }
  }
  if (channel < job.channels) lane_gradient_any<T, Group, false>(job, channel);
}

template <class T>
inline constexpr LaneKernels<T> lane_kernels = {lanes<T>,
                                                {lane_pixels<T, 1>, lane_pixels<T, 4>},
                                                {lane_gradient<T, 1>, lane_gradient<T, 4>}};

}  // namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME
