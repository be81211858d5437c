// Vectors by the GCC/Clang vector extension: KASHI_REGION_BYTES wide, element type T. Included by simd.hpp per set.
namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME {

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(KASHI_REGION_BYTES)));
  /// The same in memory: any alignment, may alias the element type.
  typedef T loose __attribute__((vector_size(KASHI_REGION_BYTES), aligned(alignof(T)), may_alias));
};
template <class T>
using Vec = typename VectorOf<T>::type;

template <class T>
inline constexpr Index lanes = KASHI_REGION_BYTES / Index{sizeof(T)};

/// Rows and vectors of a register tile.
inline constexpr int tile_rows = KASHI_REGION_ROWS;

template <class T>
KASHI_INLINE Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename VectorOf<T>::loose*>(p);
}
template <class T>
KASHI_INLINE void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename VectorOf<T>::loose*>(p) = v;
}
/// Asks for the line of `p`, which need not exist, in the second-level cache.
template <class T>
KASHI_INLINE void prefetch(const T* p) {
  __builtin_prefetch(p, 0, 2);
}
/// All lanes equal to x. `x - 0` folds into one broadcast from memory; `x + 0` could not, since it changes -0.
template <class T>
KASHI_INLINE Vec<T> broadcast(T x) {
  return x - Vec<T>{};
}
/// Zero for negative values; NaN stays NaN.
template <class T>
KASHI_INLINE Vec<T> relu(Vec<T> v) {
  return v < T(0) ? Vec<T>{} : v;
}
/// relu(v), but `most` where it is larger.
template <class T>
KASHI_INLINE Vec<T> clipped_relu(Vec<T> v, T most) {
  v = relu<T>(v);
  return v > most ? broadcast<T>(most) : v;
}
template <class V>
KASHI_INLINE V maximum(V a, V b) {
  return a > b ? a : b;
}
template <class V>
KASHI_INLINE V minimum(V a, V b) {
  return a < b ? a : b;
}
/// The first `count` lanes from memory, zero in the others.
template <class T>
KASHI_INLINE Vec<T> load_part(const T* p, Index count) {
  Vec<T> v{};
  for (Index i = 0; i < count; ++i) v[i] = p[i];
  return v;
}
template <class T>
KASHI_INLINE void store_part(T* p, Vec<T> v, Index count) {
  for (Index i = 0; i < count; ++i) p[i] = v[i];
}
template <class T>
KASHI_INLINE T sum_lanes(Vec<T> v) {
  T sum = v[0];
  for (Index i = 1; i < lanes<T>; ++i) sum += v[i];
  return sum;
}

/// Square roots, correctly rounded: the instruction, since the vector extension has no word for it.
template <class T>
KASHI_INLINE Vec<T> square_root(Vec<T> v) {
#if defined(__x86_64__) && (KASHI_REGION_BYTES > 16 || defined(__AVX__))
  if constexpr (sizeof(T) == 4) {
    asm("vsqrtps %1, %0" : "=v"(v) : "v"(v));
  } else {
    asm("vsqrtpd %1, %0" : "=v"(v) : "v"(v));
  }
#elif defined(__x86_64__)
  if constexpr (sizeof(T) == 4) {
    asm("sqrtps %1, %0" : "=x"(v) : "x"(v));
  } else {
    asm("sqrtpd %1, %0" : "=x"(v) : "x"(v));
  }
#else
  for (Index i = 0; i < lanes<T>; ++i) v[i] = std::sqrt(v[i]);
#endif
  return v;
}

/// Integers of the element's size, for the bits of a vector.
template <class T>
struct BitsOf {
  using integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef integer type __attribute__((vector_size(KASHI_REGION_BYTES)));
};

/// e^x, relative error below 2e-7 (float) and 5e-16 (double). 0 where the result would be subnormal, infinity above the
/// largest, NaN for NaN. x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor series, 2^n by its bits.
template <class T>
KASHI_INLINE Vec<T> exponential(Vec<T> x) {
  using Bits = typename BitsOf<T>::type;
  constexpr bool single = sizeof(T) == 4;
  constexpr T magic = single ? T(12582912.0) : T(6755399441055744.0);  // 1.5 * 2^mantissa: adding it rounds to integers
  constexpr T lowest = single ? T(-87.3365) : T(-708.396);
  constexpr T highest = single ? T(88.72283) : T(709.7827);
  constexpr T ln2_high = single ? T(0.693359375) : T(0.693147180369123816490);
  constexpr T ln2_low = single ? T(-2.12194440e-4) : T(1.90821492927058770002e-10);
  const Vec<T> clamped = x > highest ? broadcast(highest) : x < lowest ? broadcast(lowest) : x;
  const Vec<T> shifted = clamped * T(1.44269504088896340736) + magic;
  const Vec<T> n = shifted - magic;
  const Vec<T> r = clamped - n * ln2_high - n * ln2_low;
  constexpr int degree = single ? 7 : 13;
  constexpr double factorials[] = {1,       1,       2,        6,         24,         120,        720,
                                   5040.0,  40320.0, 362880.0, 3628800.0, 39916800.0, 479001600., 6227020800.};
  Vec<T> sum = broadcast(T(1.0 / factorials[degree]));
  KASHI_UNROLL for (int k = degree - 1; k >= 0; --k) sum = sum * r + T(1.0 / factorials[k]);
  // 2^n in two steps, since n may be one above the largest exponent.
  constexpr int mantissa = single ? 23 : 52;
  const Bits power = reinterpret_cast<Bits>(shifted) - reinterpret_cast<Bits>(broadcast(magic));
  const Bits half = power >> 1;
  constexpr typename BitsOf<T>::integer bias = single ? 127 : 1023;
  const Vec<T> first = reinterpret_cast<Vec<T>>((half + bias) << mantissa);
  const Vec<T> second = reinterpret_cast<Vec<T>>((power - half + bias) << mantissa);
  const Vec<T> value = sum * first * second;
  const Vec<T> infinity = broadcast(std::numeric_limits<T>::infinity());
  const Vec<T> bounded = x > highest ? infinity : x < lowest ? Vec<T>{} : value;
  return x != x ? x : bounded;
}

/// In each run of 2 * Step lanes: the first (or second) Step lanes of a, then those of b.
template <class T, int Step, bool Second, int... Lane>
KASHI_INLINE Vec<T> pick_halves(Vec<T> a, Vec<T> b, std::integer_sequence<int, Lane...>) {
  constexpr int from_b = static_cast<int>(lanes<T>) - Step;
  return __builtin_shufflevector(a, b, (Lane + (Lane % (2 * Step) < Step ? 0 : from_b) + (Second ? Step : 0))...);
}

/// Adds the halves of each vector and joins vector i with i + Step: 2 * Step vectors become Step.
template <class T, int Step>
KASHI_INLINE void fold_pairs(Vec<T>* v) {
  using All = std::make_integer_sequence<int, static_cast<int>(lanes<T>)>;
  KASHI_UNROLL for (int i = 0; i < Step; ++i) {
    v[i] = pick_halves<T, Step, false>(v[i], v[i + Step], All{}) + pick_halves<T, Step, true>(v[i], v[i + Step], All{});
  }
}

/// sums[i] = sum of the lanes of v[i].
template <class T, int Count>
KASHI_INLINE void sum_lanes_of(const Vec<T>* v, T* sums) {
  constexpr int width = static_cast<int>(lanes<T>);
  KASHI_UNROLL for (int first = 0; first < Count; first += width) {
    Vec<T> work[width];
    KASHI_UNROLL for (int i = 0; i < width; ++i) work[i] = first + i < Count ? v[first + i] : Vec<T>{};
    if constexpr (width >= 16) fold_pairs<T, 8>(work);
    if constexpr (width >= 8) fold_pairs<T, 4>(work);
    if constexpr (width >= 4) fold_pairs<T, 2>(work);
    fold_pairs<T, 1>(work);
    KASHI_UNROLL for (int i = 0; i < width; ++i) {
      if (first + i < Count) sums[first + i] = work[0][i];
    }
  }
}

/// Keeps a value in a register: without it GCC folds a weight's load into every product and Clang hoists loads until it
/// spills. Emits nothing; where the architecture is unknown it is left out, which costs only speed.
template <class V>
KASHI_INLINE void pin(V& value) {
#if defined(__x86_64__) && KASHI_REGION_BYTES == 64
  asm volatile("" : "+v"(value));
#elif defined(__x86_64__)
  asm volatile("" : "+x"(value));
#elif defined(__aarch64__)
  asm volatile("" : "+w"(value));
#else
  (void)value;
#endif
}
/// The same for a loop counter or a pointer.
template <class I>
KASHI_INLINE void pin_integer(I& value) {
#if defined(__x86_64__) || defined(__aarch64__)
  asm volatile("" : "+r"(value));
#else
  (void)value;
#endif
}

}  // namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME
