// Maps over arrays: one vector at a time, the rest of an array through a part of a vector. Included by elementwise.hpp.
namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME {

/// out[i] = op(a[i])
template <class T, class Op>
KASHI_INLINE void map_values(Index n, const T* a, T* out, const Op& op) {
  Index i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) store(out + i, op(load(a + i)));
  if (i < n) store_part(out + i, op(load_part(a + i, n - i)), n - i);
}
/// out[i] = op(a[i], b[i])
template <class T, class Op>
KASHI_INLINE void map_values(Index n, const T* a, const T* b, T* out, const Op& op) {
  Index i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) store(out + i, op(load(a + i), load(b + i)));
  if (i < n) store_part(out + i, op(load_part(a + i, n - i), load_part(b + i, n - i)), n - i);
}

template <class T>
struct ReluOp {
  KASHI_INLINE Vec<T> operator()(Vec<T> v) const { return relu<T>(v); }
};
template <class T>
struct PassWherePositiveOp {
  // Not "y > 0 ? dy : 0": a NaN lets the gradient pass, as in PyTorch.
  KASHI_INLINE Vec<T> operator()(Vec<T> y, Vec<T> dy) const { return y <= T(0) ? Vec<T>{} : dy; }
};
template <class T>
struct AddOp {
  KASHI_INLINE Vec<T> operator()(Vec<T> a, Vec<T> b) const { return a + b; }
};
template <class T>
struct AddReluOp {
  KASHI_INLINE Vec<T> operator()(Vec<T> a, Vec<T> b) const { return relu<T>(a + b); }
};
template <class T>
struct MultiplyOp {
  KASHI_INLINE Vec<T> operator()(Vec<T> a, Vec<T> b) const { return a * b; }
};
template <class T>
struct ScaleOp {
  T factor;
  KASHI_INLINE Vec<T> operator()(Vec<T> v) const { return v * factor; }
};
template <class T>
struct AddScaledOp {
  T factor;
  KASHI_INLINE Vec<T> operator()(Vec<T> x, Vec<T> y) const { return y + x * factor; }
};
template <class T>
struct ExponentialOp {
  KASHI_INLINE Vec<T> operator()(Vec<T> v) const { return exponential<T>(v); }
};
template <class T>
struct ExponentialOfDifferenceOp {
  T subtract;
  KASHI_INLINE Vec<T> operator()(Vec<T> v) const { return exponential<T>(v - subtract); }
};
template <class T>
struct SubtractTwiceOp {
  T first;
  T second;
  KASHI_INLINE Vec<T> operator()(Vec<T> v) const { return (v - first) - second; }
};

template <class T>
void relu_values(Index n, const T* x, T* y) {
  map_values(n, x, y, ReluOp<T>{});
}
template <class T>
void pass_where_positive(Index n, const T* y, const T* dy, T* dx) {
  map_values(n, y, dy, dx, PassWherePositiveOp<T>{});
}
template <class T>
void add_values(Index n, const T* a, const T* b, T* out) {
  map_values(n, a, b, out, AddOp<T>{});
}
template <class T>
void add_relu_values(Index n, const T* a, const T* b, T* out) {
  map_values(n, a, b, out, AddReluOp<T>{});
}
template <class T>
void multiply_values(Index n, const T* a, const T* b, T* out) {
  map_values(n, a, b, out, MultiplyOp<T>{});
}
template <class T>
void scale_values(Index n, T factor, const T* x, T* y) {
  map_values(n, x, y, ScaleOp<T>{factor});
}
template <class T>
void add_scaled_values(Index n, T factor, const T* x, T* y) {
  map_values(n, x, y, y, AddScaledOp<T>{factor});
}
template <class T>
void exponential_values(Index n, const T* x, T* y) {
  map_values(n, x, y, ExponentialOp<T>{});
}

/// The largest value; NaN if there is one.
template <class T>
KASHI_INLINE T largest_value(Index n, const T* x) {
  T most = x[0];
  Index i = 0;
  if (n >= lanes<T>) {
    Vec<T> v = load(x);
    for (i = lanes<T>; i + lanes<T> <= n; i += lanes<T>) {
      const Vec<T> next = load(x + i);
      v = v >= next ? v : (v != v ? v : next);
    }
    most = v[0];
    for (Index lane = 1; lane < lanes<T>; ++lane) most = most >= v[lane] || most != most ? most : v[lane];
  }
  for (; i < n; ++i) most = most >= x[i] || most != most ? most : x[i];
  return most;
}

template <class T>
KASHI_INLINE T sum_of_values(Index n, const T* x) {
  Vec<T> sum{};
  Index i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) sum += load(x + i);
  if (i < n) sum += load_part(x + i, n - i);
  return sum_lanes<T>(sum);
}

/// Rows of e^(x - largest) / sum, or x - largest - log(sum).
template <class T, bool Logarithm>
void softmax_values(Index rows, Index columns, const T* x, T* y) {
  for (Index row = 0; row < rows; ++row, x += columns, y += columns) {
    const T most = largest_value(columns, x);
    // A row whose largest value is +-infinity has no finite distance to it; NaN says so, as PyTorch's does.
    map_values(columns, x, y, ExponentialOfDifferenceOp<T>{most});
    const T sum = sum_of_values(columns, y);
    if constexpr (Logarithm) {
      map_values(columns, x, y, SubtractTwiceOp<T>{most, std::log(sum)});
    } else {
      map_values(columns, y, y, ScaleOp<T>{T(1) / sum});
    }
  }
}

template <class T>
KASHI_INLINE Vec<T> load_some(const T* p, Index count) {
  return count == lanes<T> ? load(p) : load_part(p, count);
}
template <class T>
KASHI_INLINE void store_some(T* p, Vec<T> v, Index count) {
  if (count == lanes<T>) {
    store(p, v);
  } else {
    store_part(p, v, count);
  }
}

template <class T>
void sgd_values(Index n, const SgdFactors<T>& f, const T* gradient, T* p, T* buffer) {
  for (Index i = 0; i < n; i += lanes<T>) {
    const Index count = n - i < lanes<T> ? n - i : lanes<T>;
    const Vec<T> value = load_some(p + i, count);
    Vec<T> g = load_some(gradient + i, count) * f.sign + value * f.weight_decay;
    if (buffer != nullptr) {
      // A buffer that is not kept may hold anything, so it must not be multiplied by zero.
      const Vec<T> b = f.keep != T(0) ? load_some(buffer + i, count) * f.keep + g * f.take : g * f.take;
      store_some(buffer + i, b, count);
      g = f.nesterov ? g + b * f.momentum : b;
    }
    store_some(p + i, value - g * f.lr, count);
  }
}

template <class T>
void adam_values(Index n, const AdamFactors<T>& f, const T* gradient, T* p, T* mean, T* square, T* largest) {
  for (Index i = 0; i < n; i += lanes<T>) {
    const Index count = n - i < lanes<T> ? n - i : lanes<T>;
    const Vec<T> value = load_some(p + i, count);
    const Vec<T> g = load_some(gradient + i, count) * f.sign + value * f.l2;
    const Vec<T> m = load_some(mean + i, count) * f.beta1 + g * f.take1;
    const Vec<T> v = load_some(square + i, count) * f.beta2 + g * g * f.take2;
    store_some(mean + i, m, count);
    store_some(square + i, v, count);
    Vec<T> divisor = v;
    if (largest != nullptr) {
      divisor = maximum(load_some(largest + i, count), v);
      store_some(largest + i, divisor, count);
    }
    const Vec<T> step = m * f.step / (square_root<T>(divisor) / f.root2 + f.eps);
    store_some(p + i, value * f.keep_weight - step, count);
  }
}

template <class T>
inline constexpr ElementwiseKernels<T> elementwise_kernels = {
    relu_values<T>,          pass_where_positive<T>, add_values<T>,  add_relu_values<T>,
    multiply_values<T>,      scale_values<T>,        add_scaled_values<T>,
    exponential_values<T>,   softmax_values<T, false>, softmax_values<T, true>,
    sgd_values<T>,           adam_values<T>,
};

}  // namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME
