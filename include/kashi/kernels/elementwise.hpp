/// Vectorised maps over arrays: ReLU, sums, products, exponentials, softmax, and the updates of optimizers.
///
/// All of them take counts and pointers, run on several threads for long arrays, and give the same bits for every
/// number of threads. In-place calls (the output is an input) are fine. float and double.
#pragma once

#include <algorithm>

#include <kashi/kernels/simd.hpp>

namespace kashi::inline v0::kernels {

/// The factors of one step of SGD with g = sign * gradient + weight_decay * p: b = keep * b + take * g, then
/// p -= lr * (nesterov ? g + momentum * b : b); without a buffer p -= lr * g.
template <class T>
struct SgdFactors {
  T lr, sign, weight_decay, keep, take, momentum;
  bool nesterov;
};

/// The factors of one step of Adam or AdamW with g = sign * gradient + l2 * p: m = beta1 * m + take1 * g,
/// v = beta2 * v + take2 * g * g, p = keep_weight * p - step * m / (sqrt(v) / root2 + eps).
template <class T>
struct AdamFactors {
  T sign, l2, keep_weight, beta1, take1, beta2, take2, root2, eps, step;
};

/// One instruction set's maps.
template <class T>
struct ElementwiseKernels {
  void (*relu)(Index, const T*, T*);
  void (*pass_where_positive)(Index, const T*, const T*, T*);
  void (*add)(Index, const T*, const T*, T*);
  void (*add_relu)(Index, const T*, const T*, T*);
  void (*multiply)(Index, const T*, const T*, T*);
  void (*scale)(Index, T, const T*, T*);
  void (*add_scaled)(Index, T, const T*, T*);
  void (*exponential)(Index, const T*, T*);
  void (*softmax)(Index, Index, const T*, T*);
  void (*log_softmax)(Index, Index, const T*, T*);
  void (*sgd)(Index, const SgdFactors<T>&, const T*, T*, T*);
  void (*adam)(Index, const AdamFactors<T>&, const T*, T*, T*, T*, T*);
};

}  // namespace kashi::inline v0::kernels

#define KASHI_REGION <kashi/kernels/regions/elementwise.inl>
#include <kashi/kernels/regions/each_isa.inl>

namespace kashi::inline v0::kernels {

namespace detail {

template <class T>
const ElementwiseKernels<T>& elementwise() {
  return KASHI_BY_ISA(elementwise_kernels<T>);
}

KASHI_INSTANTIATE(const ElementwiseKernels<float>& elementwise<float>())
KASHI_INSTANTIATE(const ElementwiseKernels<double>& elementwise<double>())

/// Elements that one thread takes at a time.
inline constexpr Index elementwise_grain = Index{1} << 15;

/// Calls f(begin, count) on pieces of an array.
template <class F>
void for_each_piece(Index n, F&& f) {
  parallel_for(n, elementwise_grain, [&](Index begin, Index end) { f(begin, end - begin); });
}

}  // namespace detail

/// y = max(x, 0); NaN stays NaN.
template <class T>
void relu_forward(Index n, const T* x, T* y) {
  detail::for_each_piece(n, [&](Index i, Index count) { detail::elementwise<T>().relu(count, x + i, y + i); });
}

/// dx = dy where y > 0, else 0; y may be ReLU's input or its result.
template <class T>
void relu_backward(Index n, const T* y, const T* dy, T* dx) {
  detail::for_each_piece(
      n, [&](Index i, Index count) { detail::elementwise<T>().pass_where_positive(count, y + i, dy + i, dx + i); });
}

/// out = a + b
template <class T>
void add(Index n, const T* a, const T* b, T* out) {
  detail::for_each_piece(n, [&](Index i, Index count) { detail::elementwise<T>().add(count, a + i, b + i, out + i); });
}

/// out = max(a + b, 0): the end of a residual block.
template <class T>
void add_relu(Index n, const T* a, const T* b, T* out) {
  detail::for_each_piece(
      n, [&](Index i, Index count) { detail::elementwise<T>().add_relu(count, a + i, b + i, out + i); });
}

/// out = a * b
template <class T>
void multiply(Index n, const T* a, const T* b, T* out) {
  detail::for_each_piece(
      n, [&](Index i, Index count) { detail::elementwise<T>().multiply(count, a + i, b + i, out + i); });
}

/// y = factor * x
template <class T>
void scale(Index n, T factor, const T* x, T* y) {
  detail::for_each_piece(n, [&](Index i, Index count) { detail::elementwise<T>().scale(count, factor, x + i, y + i); });
}

/// y += factor * x
template <class T>
void axpy(Index n, T factor, const T* x, T* y) {
  detail::for_each_piece(
      n, [&](Index i, Index count) { detail::elementwise<T>().add_scaled(count, factor, x + i, y + i); });
}

/// y = e^x, relative error below 2e-7 (float) and 5e-16 (double); 0 instead of subnormal results.
template <class T>
void exponential(Index n, const T* x, T* y) {
  detail::for_each_piece(n, [&](Index i, Index count) { detail::elementwise<T>().exponential(count, x + i, y + i); });
}

/// Softmax of every row of x [rows, columns]; the exponentials have the error of exponential().
template <class T>
void softmax_rows(Index rows, Index columns, const T* x, T* y) {
  if (columns == 0) return;
  parallel_for(rows, std::max<Index>(1, detail::elementwise_grain / 4 / columns), [&](Index begin, Index end) {
    detail::elementwise<T>().softmax(end - begin, columns, x + begin * columns, y + begin * columns);
  });
}

/// log(softmax) of every row of x [rows, columns], exact where softmax would underflow. Not in place.
template <class T>
void log_softmax_rows(Index rows, Index columns, const T* x, T* y) {
  if (columns == 0) return;
  parallel_for(rows, std::max<Index>(1, detail::elementwise_grain / 4 / columns), [&](Index begin, Index end) {
    detail::elementwise<T>().log_softmax(end - begin, columns, x + begin * columns, y + begin * columns);
  });
}

/// One step of SGD on n numbers; `buffer` is null without momentum.
template <class T>
void sgd_update(Index n, const SgdFactors<T>& factors, const T* gradient, T* p, T* buffer) {
  detail::for_each_piece(n, [&](Index i, Index count) {
    detail::elementwise<T>().sgd(count, factors, gradient + i, p + i, buffer == nullptr ? nullptr : buffer + i);
  });
}

/// One step of Adam or AdamW on n numbers; `largest` (amsgrad) may be null.
template <class T>
void adam_update(Index n, const AdamFactors<T>& factors, const T* gradient, T* p, T* mean, T* square, T* largest) {
  detail::for_each_piece(n, [&](Index i, Index count) {
    detail::elementwise<T>().adam(count, factors, gradient + i, p + i, mean + i, square + i,
                                  largest == nullptr ? nullptr : largest + i);
  });
}

}  // namespace kashi::inline v0::kernels
