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
/// All lanes equal to x. `x - 0` folds into one broadcast from memory; `x + 0` could not, since it changes -0.
template <class T>
KASHI_INLINE Vec<T> broadcast(T x) {
  return x - Vec<T>{};
}
template <class T>
KASHI_INLINE Vec<T> relu(Vec<T> v) {
  return v > T(0) ? v : Vec<T>{};
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
