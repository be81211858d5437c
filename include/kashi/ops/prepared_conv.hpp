/// Convolutions for inference: weights packed once, with a batch norm folded into them, and kept while they stay the
/// same.
///
/// A cache belongs to a layer and to all of its copies. It looks at the version of every tensor that it packed from, so
/// a step of an optimizer, a loaded state dict or any mutable_data() ends what was packed; writes through a pointer
/// that was fetched earlier can't be seen. Several threads may use one cache.
#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include <kashi/core/tensor.hpp>
#include <kashi/kernels/conv.hpp>

namespace kashi::inline v0 {

/// What is done to a convolution's results before they are stored.
template <class T>
struct ConvEnd {
  const Tensor<T>* residual = nullptr;  ///< added; shaped as the result
  bool relu = false;
  T most = std::numeric_limits<T>::infinity();  ///< with relu: no result is larger
};

/// A batch norm with running statistics as numbers by channel; tensors without elements mean 1 or 0.
template <class T>
struct NormNumbers {
  Tensor<T> weight, bias, mean, variance;
  double eps = 0;
};

namespace detail {

/// weight * s and (bias - mean) * s + shift by output channel, s = norm weight / sqrt(variance + eps).
template <class T>
void fold_norm(const NormNumbers<T>& norm, Tensor<T>& weight, Tensor<T>& bias) {
  const Index channels = weight.size(0), row = channels == 0 ? 0 : weight.numel() / channels;
  Tensor<T> scaled = weight.clone(), shifted = Tensor<T>::zeros({channels});
  T* w = scaled.mutable_data();
  T* b = shifted.mutable_data();
  for (Index c = 0; c < channels; ++c) {
    const double inverse = 1.0 / std::sqrt(static_cast<double>(norm.variance.data()[c]) + norm.eps);
    const double scale = norm.weight.numel() > 0 ? inverse * static_cast<double>(norm.weight.data()[c]) : inverse;
    const double before = bias.numel() > 0 ? static_cast<double>(bias.data()[c]) : 0.0;
    const double after = norm.bias.numel() > 0 ? static_cast<double>(norm.bias.data()[c]) : 0.0;
    for (Index i = c * row; i < (c + 1) * row; ++i) w[i] = static_cast<T>(static_cast<double>(w[i]) * scale);
    b[c] = static_cast<T>((before - static_cast<double>(norm.mean.data()[c])) * scale + after);
  }
  weight = std::move(scaled);
  bias = std::move(shifted);
}

}  // namespace detail

/// A convolution of one geometry whose weights are packed.
template <class T>
class PreparedConv {
 public:
  /// `bias` [O] may have no elements.
  PreparedConv(const kernels::ConvGeometry& g, const Tensor<T>& weight, Tensor<T> bias)
      : plan_(g), bias_(std::move(bias)) {
    packed_ = Tensor<T>::empty({plan_.packed_numel()});
    const ThreadLimit held(num_threads());  // the scratch memory has slots for so many
    Tensor<T> scratch = Tensor<T>::empty({plan_.workspace()});
    plan_.pack(weight.data(), packed_.mutable_data(), scratch.mutable_data());
  }

  const kernels::ConvGeometry& geometry() const { return plan_.geometry(); }
  /// False once another instruction set or algorithm was forced.
  bool is_usable() const { return isa_ == kernels::isa() && algorithm_ == kernels::conv_algorithm(); }

  /// y = end(x * weight + bias), written to `y`.
  void run(const T* x, const ConvEnd<T>& end, T* y) const {
    const ThreadLimit held(num_threads());  // the scratch memory has slots for so many
    Tensor<T> scratch = Tensor<T>::empty({plan_.workspace()});
    plan_.run(x, packed_.data(),
              {bias_.numel() > 0 ? bias_.data() : nullptr, end.residual != nullptr ? end.residual->data() : nullptr,
               end.relu, end.most},
              y, scratch.mutable_data());
  }

 private:
  kernels::ForwardPlan<T> plan_;
  Tensor<T> packed_;
  Tensor<T> bias_;
  kernels::Isa isa_ = kernels::isa();
  kernels::ConvAlgorithm algorithm_ = kernels::conv_algorithm();
};

/// What a layer has packed, for the few geometries that were used last.
template <class T>
class PreparedConvCache {
 public:
  /// The convolution for this geometry, weight, bias (may have no elements) and norm (may be null): kept or packed now.
  std::shared_ptr<const PreparedConv<T>> get(const kernels::ConvGeometry& g, const Tensor<T>& weight,
                                             const Tensor<T>& bias, const NormNumbers<T>* norm) {
    const Sources sources(weight, bias, norm);
    {
      const std::lock_guard lock(mutex_);
      for (const Entry& entry : entries_)
        if (entry.conv->geometry() == g && entry.conv->is_usable() && entry.sources == sources) return entry.conv;
    }
    Tensor<T> w = weight, b = bias;
    if (norm != nullptr) detail::fold_norm(*norm, w, b);
    auto conv = std::make_shared<const PreparedConv<T>>(g, w, b);
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_,
                  [&](const Entry& entry) { return !entry.conv->is_usable() || !entry.sources.are_current(); });
    if (entries_.size() >= most_entries) entries_.erase(entries_.begin());
    entries_.push_back({sources, conv});
    return conv;
  }

  /// Gives the memory back; calls that run keep theirs until they end.
  void clear() {
    const std::lock_guard lock(mutex_);
    entries_.clear();
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

 private:
  static constexpr std::size_t most_entries = 4;

  /// The tensors that were packed from, with their versions. Held, so that no other tensor can take their place in
  /// memory.
  struct Sources {
    std::vector<Tensor<T>> tensors;
    std::vector<std::uint64_t> versions;
    double eps = 0;

    Sources(const Tensor<T>& weight, const Tensor<T>& bias, const NormNumbers<T>* norm) : tensors{weight, bias} {
      if (norm != nullptr) {
        tensors.insert(tensors.end(), {norm->weight, norm->bias, norm->mean, norm->variance});
        eps = norm->eps;
      }
      for (const Tensor<T>& tensor : tensors) versions.push_back(tensor.version());
    }
    bool are_current() const {
      for (std::size_t i = 0; i < tensors.size(); ++i)
        if (tensors[i].version() != versions[i]) return false;
      return true;
    }
    bool operator==(const Sources& other) const {
      if (versions != other.versions || eps != other.eps) return false;
      for (std::size_t i = 0; i < tensors.size(); ++i)
        if (tensors[i].data() != other.tensors[i].data()) return false;
      return true;
    }
  };
  struct Entry {
    Sources sources;
    std::shared_ptr<const PreparedConv<T>> conv;
  };

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace kashi::inline v0
