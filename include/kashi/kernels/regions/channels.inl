// Values [rows, channels]: statistics and affine maps by channel, and maxima and means of pixels. Included by channels.hpp.
namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME {

/// Calls step.run<Vectors, Whole>(channel, count) for all channels: four vectors at a time, one, then a part of one.
template <class T, class Step>
KASHI_INLINE void for_channels(Index channels, const Step& step) {
  Index channel = 0;
  if constexpr (!KASHI_REGION_IS_SPARE) {
    for (; channel + 4 * lanes<T> <= channels; channel += 4 * lanes<T>) step.template run<4, true>(channel, lanes<T>);
  }
  for (; channel + lanes<T> <= channels; channel += lanes<T>) step.template run<1, true>(channel, lanes<T>);
  if (channel < channels) step.template run<1, false>(channel, channels - channel);
}
template <bool Whole, class T>
KASHI_INLINE Vec<T> load_if(const T* p, Index count) {
  return Whole ? load(p) : load_part(p, count);
}
/// The same, and asks for what lies `ahead` values on: a block's channels are read in stripes, which no hardware follows.
template <bool Whole, class T>
KASHI_INLINE Vec<T> load_and_fetch(const T* p, Index count, Index ahead) {
  prefetch(p + ahead);
  return load_if<Whole>(p, count);
}
template <bool Whole, class T>
KASHI_INLINE void store_if(T* p, Vec<T> v, Index count) {
  if constexpr (Whole) {
    store(p, v);
  } else {
    store_part(p, v, count);
  }
}

template <class T>
struct StatisticsStep {
  Index rows, channels;
  const T* x;
  T *mean, *squares;

  template <int Vectors, bool Whole>
  KASHI_INLINE void run(Index channel, Index count) const {
    Vec<T> sum[Vectors], centre[Vectors];
    const T* from = x + channel;
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      sum[j] = Vec<T>{};
      centre[j] = load_if<Whole>(from + j * lanes<T>, count);  // the first row: sums of distances lose fewer digits
    }
    for (Index row = 0; row < rows; ++row, from += channels) {
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
        sum[j] += load_and_fetch<Whole>(from + j * lanes<T>, count, rows * channels) - centre[j];
      }
    }
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      centre[j] += sum[j] / static_cast<T>(rows);
      sum[j] = Vec<T>{};
    }
    from = x + channel;
    for (Index row = 0; row < rows; ++row, from += channels) {
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
        const Vec<T> distance = load_if<Whole>(from + j * lanes<T>, count) - centre[j];
        sum[j] += distance * distance;
      }
    }
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      store_if<Whole>(mean + channel + j * lanes<T>, centre[j], count);
      store_if<Whole>(squares + channel + j * lanes<T>, sum[j], count);
    }
  }
};

/// Mean and sum of squared distances from it, of a block of rows that stays in cache between the two passes.
template <class T>
void block_statistics(Index rows, Index channels, const T* x, T* mean, T* squares) {
  for_channels<T>(channels, StatisticsStep<T>{rows, channels, x, mean, squares});
}

template <class T>
struct NormalizeStep {
  const NormalizeJob<T>& job;

  template <int Vectors, bool Whole>
  KASHI_INLINE void run(Index channel, Index count) const {
    Vec<T> mean[Vectors], scale[Vectors], shift[Vectors];
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      mean[j] = load_if<Whole>(job.mean + channel + j * lanes<T>, count);
      scale[j] = load_if<Whole>(job.scale + channel + j * lanes<T>, count);
      shift[j] = load_if<Whole>(job.shift + channel + j * lanes<T>, count);
    }
    const Index block = job.rows * job.channels;
    for (Index row = 0; row < job.rows; ++row) {
      const Index at = row * job.channels + channel;
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
        Vec<T> v = (load_and_fetch<Whole>(job.x + at + j * lanes<T>, count, block) - mean[j]) * scale[j] + shift[j];
        if (job.residual != nullptr) v += load_and_fetch<Whole>(job.residual + at + j * lanes<T>, count, block);
        if (job.relu) v = relu<T>(v);
        store_if<Whole>(job.y + at + j * lanes<T>, v, count);
      }
    }
  }
};

template <class T>
void normalize_block(const NormalizeJob<T>& job) {
  for_channels<T>(job.channels, NormalizeStep<T>{job});
}

template <class T>
struct NormalizePoolStep {
  const NormalizePoolJob<T>& job;

  template <int Vectors, bool Whole>
  KASHI_INLINE void run(Index channel, Index count) const {
    using Bits = typename BitsOf<T>::type;
    using Integer = typename BitsOf<T>::integer;
    const PooledImages& images = job.images;
    Vec<T> mean[Vectors], scale[Vectors], shift[Vectors];
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      mean[j] = load_if<Whole>(job.mean + channel + j * lanes<T>, count);
      scale[j] = load_if<Whole>(job.scale + channel + j * lanes<T>, count);
      shift[j] = load_if<Whole>(job.shift + channel + j * lanes<T>, count);
    }
    for (Index window = 0; window < images.out_width(); ++window) {
      Vec<T> best[Vectors];
      Bits position[Vectors];
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
        best[j] = broadcast(-std::numeric_limits<T>::infinity());  // less than any result of ReLU
        position[j] = Bits{};
      }
      for (Index row = 0; row < images.window_height; ++row) {
        for (Index column = 0; column < images.window_width; ++column) {
          const Index pixel = row * images.width + window * images.window_width + column;
          const Bits here = static_cast<Integer>(job.position + pixel) - Bits{};
          KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
            const T* from = job.x + pixel * job.channels + channel + j * lanes<T>;
            const Vec<T> v = relu<T>((load_if<Whole>(from, count) - mean[j]) * scale[j] + shift[j]);
            // Larger or NaN wins, but the first NaN stays.
            const auto wins = ~(best[j] >= v) & (best[j] == best[j]);
            best[j] = wins ? v : best[j];
            position[j] = wins ? here : position[j];
          }
        }
      }
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
        const Index to = window * job.channels + channel + j * lanes<T>;
        store_if<Whole>(job.y + to, best[j], count);
        if (job.where == nullptr) continue;
        position[j] = best[j] <= T(0) ? ~Bits{} : position[j];
        for (Index lane = 0; lane < count; ++lane) job.where[to + lane] = static_cast<std::int32_t>(position[j][lane]);
      }
    }
  }
};

/// Normalisation, ReLU and the largest of each window, for one row of windows.
template <class T>
void normalize_pool_row(const NormalizePoolJob<T>& job) {
  for_channels<T>(job.channels, NormalizePoolStep<T>{job});
}

/// Values where `where` is `position`, else 0.
template <bool Whole, class T>
KASHI_INLINE Vec<T> values_where(const T* values, const std::int32_t* where, std::int32_t position, Index count) {
  if constexpr (Whole && sizeof(T) == sizeof(std::int32_t)) {
    return load(where) == broadcast(position) ? load(values) : Vec<T>{};
  }
  Vec<T> v{};
  for (Index i = 0; i < count; ++i) v[i] = where[i] == position ? values[i] : T(0);
  return v;
}

/// The gradients of pooled images' pixels, one pixel after the other, from the gradients of their windows.
template <class T>
struct PooledGradient {
  const NormalizeGradientJob<T>& job;
  Index image, row, column;
  Index covered_rows = job.images.out_height() * job.images.window_height;
  Index covered_columns = job.images.out_width() * job.images.window_width;
  Index window = 0, within = 0;  ///< the window of this pixel, if it has one, and its column in there

  KASHI_INLINE explicit PooledGradient(const NormalizeGradientJob<T>& given)
      : job(given),
        image(job.first / (job.images.height * job.images.width)),
        row(job.first / job.images.width % job.images.height),
        column(job.first % job.images.width) {
    start_line();
  }
  KASHI_INLINE void next() {
    ++column;
    if (++within == job.images.window_width) {
      within = 0;
      ++window;
    }
    if (column < job.images.width) return;
    column = 0;
    if (++row == job.images.height) {
      row = 0;
      ++image;
    }
    start_line();
  }
  template <bool Whole>
  KASHI_INLINE Vec<T> at(Index channel, Index count) const {
    const PooledImages& i = job.images;
    if (row >= covered_rows || column >= covered_columns) return Vec<T>{};
    const Index place = window * job.channels + channel;
    return values_where<Whole>(job.dy + place, job.where + place, static_cast<std::int32_t>(row * i.width + column),
                               count);
  }

 private:
  KASHI_INLINE void start_line() {
    const PooledImages& i = job.images;
    window = (image * i.out_height() + row / i.window_height) * i.out_width() + column / i.window_width;
    within = column % i.window_width;
  }
};

/// The gradients of rows: dy, or 0 where the ReLU that followed gave 0; a NaN lets the gradient pass.
template <class T>
struct MaskedGradient {
  const NormalizeGradientJob<T>& job;
  Index row = 0;

  KASHI_INLINE void next() { row += job.channels; }
  template <bool Whole>
  KASHI_INLINE Vec<T> at(Index channel, Index count) const {
    const Index block = job.rows * job.channels;
    const Vec<T> g = load_and_fetch<Whole>(job.dy + row + channel, count, block);
    if (job.output == nullptr) return g;
    return load_and_fetch<Whole>(job.output + row + channel, count, block) <= T(0) ? Vec<T>{} : g;
  }
};

template <class T, class Upstream>
struct GradientSumsStep {
  const NormalizeGradientJob<T>& job;

  template <int Vectors, bool Whole>
  KASHI_INLINE void run(Index channel, Index count) const {
    Vec<T> mean[Vectors], sum[Vectors], product[Vectors];
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      mean[j] = load_if<Whole>(job.mean + channel + j * lanes<T>, count);
      sum[j] = Vec<T>{};
      product[j] = Vec<T>{};
    }
    Upstream upstream{job};
    for (Index row = 0; row < job.rows; ++row, upstream.next()) {
      const Index at = row * job.channels + channel;
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
        const Vec<T> g = upstream.template at<Whole>(channel + j * lanes<T>, count);
        sum[j] += g;
        product[j] +=
            g * (load_and_fetch<Whole>(job.x + at + j * lanes<T>, count, job.rows * job.channels) - mean[j]);
      }
    }
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      store_if<Whole>(job.sums + channel + j * lanes<T>, sum[j], count);
      store_if<Whole>(job.products + channel + j * lanes<T>, product[j], count);
    }
  }
};

/// Sums of dy and of dy * (x - mean) over a block of rows.
template <class T>
void gradient_sums_block(const NormalizeGradientJob<T>& job) {
  if (job.where != nullptr) return for_channels<T>(job.channels, GradientSumsStep<T, PooledGradient<T>>{job});
  for_channels<T>(job.channels, GradientSumsStep<T, MaskedGradient<T>>{job});
}

template <class T, class Upstream>
struct GradientStep {
  const NormalizeGradientJob<T>& job;

  template <int Vectors, bool Whole>
  KASHI_INLINE void run(Index channel, Index count) const {
    Vec<T> mean[Vectors], scale[Vectors], offset[Vectors], slope[Vectors];
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      mean[j] = load_if<Whole>(job.mean + channel + j * lanes<T>, count);
      scale[j] = load_if<Whole>(job.scale + channel + j * lanes<T>, count);
      offset[j] = load_if<Whole>(job.offset + channel + j * lanes<T>, count);
      slope[j] = load_if<Whole>(job.slope + channel + j * lanes<T>, count);
    }
    Upstream upstream{job};
    for (Index row = 0; row < job.rows; ++row, upstream.next()) {
      const Index at = row * job.channels + channel;
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
        const Vec<T> g = upstream.template at<Whole>(channel + j * lanes<T>, count);
        const Vec<T> distance =
            load_and_fetch<Whole>(job.x + at + j * lanes<T>, count, job.rows * job.channels) - mean[j];
        store_if<Whole>(job.dx + at + j * lanes<T>, (g - offset[j] - distance * slope[j]) * scale[j], count);
      }
    }
  }
};

/// dx = (dy - offset - (x - mean) * slope) * scale, by channel.
template <class T>
void gradient_block(const NormalizeGradientJob<T>& job) {
  if (job.where != nullptr) return for_channels<T>(job.channels, GradientStep<T, PooledGradient<T>>{job});
  for_channels<T>(job.channels, GradientStep<T, MaskedGradient<T>>{job});
}

template <class T>
struct MaximumStep {
  Index count_of_pixels;
  const T* const* pixels;
  const std::int32_t* positions;
  T* y;
  std::int32_t* where;

  template <int Vectors, bool Whole>
  KASHI_INLINE void run(Index channel, Index count) const {
    using Bits = typename BitsOf<T>::type;
    using Integer = typename BitsOf<T>::integer;
    Vec<T> best[Vectors];
    Bits position[Vectors];
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      best[j] = load_if<Whole>(pixels[0] + channel + j * lanes<T>, count);
      position[j] = Integer{positions[0]} - Bits{};
    }
    for (Index i = 1; i < count_of_pixels; ++i) {
      const Bits here = Integer{positions[i]} - Bits{};
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
        const Vec<T> v = load_if<Whole>(pixels[i] + channel + j * lanes<T>, count);
        // Larger or NaN wins, but the first NaN stays.
        const auto wins = ~(best[j] >= v) & (best[j] == best[j]);
        best[j] = wins ? v : best[j];
        position[j] = wins ? here : position[j];
      }
    }
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      store_if<Whole>(y + channel + j * lanes<T>, best[j], count);
      if (where == nullptr) continue;
      for (Index lane = 0; lane < count; ++lane) {
        where[channel + j * lanes<T> + lane] = static_cast<std::int32_t>(position[j][lane]);
      }
    }
  }
};

template <class T>
void maximum_of_pixels(Index channels, Index count, const T* const* pixels, const std::int32_t* positions, T* y,
                       std::int32_t* where) {
  for_channels<T>(channels, MaximumStep<T>{count, pixels, positions, y, where});
}

template <class T>
struct SumStep {
  Index count_of_pixels;
  const T* const* pixels;
  T factor;
  T* y;

  template <int Vectors, bool Whole>
  KASHI_INLINE void run(Index channel, Index count) const {
    Vec<T> sum[Vectors];
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) sum[j] = Vec<T>{};
    for (Index i = 0; i < count_of_pixels; ++i) {
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) sum[j] += load_if<Whole>(pixels[i] + channel + j * lanes<T>, count);
    }
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) store_if<Whole>(y + channel + j * lanes<T>, sum[j] * factor, count);
  }
};

template <class T>
void sum_of_pixels(Index channels, Index count, const T* const* pixels, T factor, T* y) {
  for_channels<T>(channels, SumStep<T>{count, pixels, factor, y});
}

template <class T>
struct AddToPixelsStep {
  Index count_of_pixels;
  T* const* pixels;
  T factor;
  const T* dy;

  template <int Vectors, bool Whole>
  KASHI_INLINE void run(Index channel, Index count) const {
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      const Vec<T> g = load_if<Whole>(dy + channel + j * lanes<T>, count) * factor;
      for (Index i = 0; i < count_of_pixels; ++i) {
        T* to = pixels[i] + channel + j * lanes<T>;
        store_if<Whole>(to, load_if<Whole>(static_cast<const T*>(to), count) + g, count);
      }
    }
  }
};

template <class T>
void add_to_pixels(Index channels, Index count, T* const* pixels, T factor, const T* dy) {
  for_channels<T>(channels, AddToPixelsStep<T>{count, pixels, factor, dy});
}

template <class T>
struct SumRowsStep {
  Index rows, channels;
  const T* x;
  T* sums;

  template <int Vectors, bool Whole>
  KASHI_INLINE void run(Index channel, Index count) const {
    Vec<T> sum[Vectors];
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) sum[j] = Vec<T>{};
    const T* from = x + channel;
    for (Index row = 0; row < rows; ++row, from += channels) {
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) sum[j] += load_if<Whole>(from + j * lanes<T>, count);
    }
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) store_if<Whole>(sums + channel + j * lanes<T>, sum[j], count);
  }
};

template <class T>
void sum_rows_block(Index rows, Index channels, const T* x, T* sums) {
  for_channels<T>(channels, SumRowsStep<T>{rows, channels, x, sums});
}

template <class T>
struct SumWhereStep {
  Index count_of_windows;
  const T* const* dy;
  const std::int32_t* const* where;
  std::int32_t position;
  T* dx;

  template <int Vectors, bool Whole>
  KASHI_INLINE void run(Index channel, Index count) const {
    Vec<T> sum[Vectors];
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) sum[j] = Vec<T>{};
    for (Index i = 0; i < count_of_windows; ++i) {
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
        const Index at = channel + j * lanes<T>;
        sum[j] += values_where<Whole>(dy[i] + at, where[i] + at, position, count);
      }
    }
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) store_if<Whole>(dx + channel + j * lanes<T>, sum[j], count);
  }
};

template <class T>
void sum_where_positions(Index channels, Index count, const T* const* dy, const std::int32_t* const* where,
                         std::int32_t position, T* dx) {
  for_channels<T>(channels, SumWhereStep<T>{count, dy, where, position, dx});
}

template <class T>
inline constexpr ChannelKernels<T> channel_kernels = {
    block_statistics<T>,  normalize_block<T>, normalize_pool_row<T>, gradient_sums_block<T>, gradient_block<T>,
    maximum_of_pixels<T>, sum_of_pixels<T>,   add_to_pixels<T>,      sum_rows_block<T>,      sum_where_positions<T>,
};

}  // namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME
