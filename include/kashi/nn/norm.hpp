/// Normalisation layers. Statistics, defaults and names are PyTorch's; channels are the last axis.
#pragma once

#include <kashi/nn/module.hpp>
#include <kashi/ops/norm.hpp>

namespace kashi::inline v0::nn {

/// Options of the batch norms.
struct BatchNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;            ///< weight of a new batch in the running statistics
  bool affine = true;               ///< learn a factor and an offset a channel
  bool track_running_stats = true;  ///< otherwise eval mode uses the batch's statistics too
};

template <class T>
class BatchNorm1d;
template <class T>
class BatchNorm2d;

namespace detail {

/// What batch norm of images and of features share. In training each channel is normalised by the batch's mean and
/// biased variance (Ioffe & Szegedy 2015); the running variance takes the unbiased one.
template <class T>
class BatchNorm : public Module<T> {
 public:
  BatchNorm(const char* kind, int rank, Index channels, BatchNormOptions options)
      : kind_(kind), rank_(rank), channels_(channels), options_(options) {
    require(channels > 0, kind, ": the number of channels must be positive; got ", channels);
    require(options.eps >= 0, kind, ": .eps can't be negative; got ", options.eps);
    require(options.momentum >= 0 && options.momentum <= 1, kind, ": .momentum must lie in [0, 1]; got ",
            options.momentum);
    if (options.affine) {
      weight_ = parameter(Tensor<T>::ones({channels}));
      bias_ = parameter(Tensor<T>::zeros({channels}));
    }
    if (options.track_running_stats) {
      running_mean_ = Tensor<T>::zeros({channels});
      running_var_ = Tensor<T>::ones({channels});
      num_batches_tracked_ = Tensor<T>::scalar(0);
    }
  }

  Variable<T> forward(const Variable<T>& x) const override { return normalize(x, {}); }
  Variable<T> forward_with(const Variable<T>& x, const Tail<T>& tail) const override {
    return is_library_layer() ? normalize(x, tail) : tail.apply(this->forward(x));
  }
  bool can_pool(const Variable<T>& x) const override {
    return is_library_layer() && !is_identity_ && this->is_training() && rank_ == 4 && x.rank() == 4;
  }
  bool join(Tail<T>& tail) const override {
    if (!is_library_layer() || !is_inference(*this)) return false;
    if (is_identity_) return true;
    if (!options_.track_running_stats) return false;
    const auto value = [](const Variable<T>& affine) { return affine.defined() ? affine.value() : Tensor<T>(); };
    return tail.append({std::make_shared<const NormNumbers<T>>(
                            NormNumbers<T>{value(weight_), value(bias_), running_mean_, running_var_, options_.eps}),
                        {}});
  }
  void members(Members<T>& m) override {
    m("weight", weight_);
    m("bias", bias_);
    m("running_mean", running_mean_);
    m("running_var", running_var_);
    m("num_batches_tracked", num_batches_tracked_);
  }
  std::string kind() const override { return kind_; }
  std::string to_string() const override { return text(kind_, "(", channels_, is_identity_ ? ", folded away)" : ")"); }

  /// True once the norm was folded into a layer next to it: it then passes its input on and has no state.
  bool is_identity() const { return is_identity_; }
  /// Makes the norm pass its input on, and gives up its parameters and buffers.
  void make_identity() {
    is_identity_ = true;
    weight_ = bias_ = Variable<T>();
    running_mean_ = running_var_ = num_batches_tracked_ = Tensor<T>();
  }

  Index channels() const { return channels_; }
  const BatchNormOptions& options() const { return options_; }
  /// Undefined without affine.
  Variable<T>& weight() { return weight_; }
  const Variable<T>& weight() const { return weight_; }
  Variable<T>& bias() { return bias_; }
  const Variable<T>& bias() const { return bias_; }
  /// [channels], updated in training; no elements without track_running_stats.
  Tensor<T>& running_mean() { return running_mean_; }
  const Tensor<T>& running_mean() const { return running_mean_; }
  Tensor<T>& running_var() { return running_var_; }
  const Tensor<T>& running_var() const { return running_var_; }

 private:
  bool is_library_layer() const { return is_exactly<BatchNorm1d<T>>(*this) || is_exactly<BatchNorm2d<T>>(*this); }

  /// Batch norm, then the tail, in one pass where it can be.
  Variable<T> normalize(const Variable<T>& x, const Tail<T>& tail) const {
    if (is_identity_) return tail.apply(x);
    require<ShapeError>(x.rank() == rank_ && x.size(-1) == channels_, kind_, ": the input must be ",
                        rank_ == 4 ? "[N,H,W," : "[N,", channels_, "]; got ", x.shape());
    const bool training = this->is_training() || !options_.track_running_stats;
    Tensor<T> mean = running_mean_, variance = running_var_, count = num_batches_tracked_;
    const kashi::BatchNormOptions options{.training = training, .momentum = options_.momentum, .eps = options_.eps};
    const bool fuses = tail.norm == nullptr && tail.activation != Activation::relu6;
    kashi::detail::NormEnd<T> end;
    if (fuses) end = {tail.residual, tail.activation == Activation::relu};
    if (fuses && tail.pool.has_value()) end.pool = kashi::detail::max_pool_plan("max_pool2d", x.shape(), *tail.pool);
    const Variable<T> y =
        kashi::detail::batch_norm_operation<T>("batch_norm", x, weight_, bias_, mean, variance, options, end);
    if (this->is_training() && options_.track_running_stats) count.at() += T{1};
    return fuses ? y : tail.apply(y);
  }

  const char* kind_;
  int rank_;
  Index channels_;
  BatchNormOptions options_;
  Variable<T> weight_;
  Variable<T> bias_;
  Tensor<T> running_mean_;
  Tensor<T> running_var_;
  Tensor<T> num_batches_tracked_;
  bool is_identity_ = false;
};

}  // namespace detail

/// Batch norm of images [N,H,W,C] over batch, rows and columns.
template <class T = float>
class BatchNorm2d : public detail::BatchNorm<T> {
 public:
  explicit BatchNorm2d(Index channels, BatchNormOptions options = {})
      : detail::BatchNorm<T>("BatchNorm2d", 4, channels, options) {}
};

/// Batch norm of features [N,C] over the batch.
template <class T = float>
class BatchNorm1d : public detail::BatchNorm<T> {
 public:
  explicit BatchNorm1d(Index channels, BatchNormOptions options = {})
      : detail::BatchNorm<T>("BatchNorm1d", 2, channels, options) {}
};

/// Options of LayerNorm, GroupNorm and InstanceNorm2d.
struct NormOptions {
  double eps = 1e-5;
  bool affine = true;  ///< learn a factor and an offset (InstanceNorm2d's default in PyTorch is false)
};

/// Normalises over the last axis of each example (Ba et al. 2016).
template <class T = float>
class LayerNorm : public Module<T> {
 public:
  explicit LayerNorm(Index features, NormOptions options = {}) : features_(features), options_(options) {
    require(features > 0, "LayerNorm: the number of features must be positive; got ", features);
    if (!options.affine) return;
    weight_ = parameter(Tensor<T>::ones({features}));
    bias_ = parameter(Tensor<T>::zeros({features}));
  }
  Variable<T> forward(const Variable<T>& x) const override {
    return layer_norm(x, Shape{features_}, weight_, bias_, options_.eps);
  }
  void members(Members<T>& m) override {
    m("weight", weight_);
    m("bias", bias_);
  }
  std::string kind() const override { return "LayerNorm"; }
  std::string to_string() const override { return text("LayerNorm(", features_, ")"); }

 private:
  Index features_;
  NormOptions options_;
  Variable<T> weight_;
  Variable<T> bias_;
};

/// Normalises groups of channels of each example [N,...,C], mostly images (Wu & He 2018). Throws ValueError unless
/// groups divide channels.
template <class T = float>
class GroupNorm : public Module<T> {
 public:
  GroupNorm(Index groups, Index channels, NormOptions options = {})
      : groups_(groups), channels_(channels), options_(options) {
    require(groups > 0 && channels > 0 && channels % groups == 0, "GroupNorm: ", channels,
            " channels must be divisible by the number of groups, ", groups);
    if (!options.affine) return;
    weight_ = parameter(Tensor<T>::ones({channels}));
    bias_ = parameter(Tensor<T>::zeros({channels}));
  }
  Variable<T> forward(const Variable<T>& x) const override {
    require<ShapeError>(x.rank() >= 2 && x.size(-1) == channels_, "GroupNorm: the input must be [N,...,", channels_,
                        "]; got ", x.shape());
    return group_norm(x, groups_, weight_, bias_, options_.eps);
  }
  void members(Members<T>& m) override {
    m("weight", weight_);
    m("bias", bias_);
  }
  std::string kind() const override { return "GroupNorm"; }
  std::string to_string() const override { return text("GroupNorm(", groups_, ", ", channels_, ")"); }

 private:
  Index groups_;
  Index channels_;
  NormOptions options_;
  Variable<T> weight_;
  Variable<T> bias_;
};

/// Normalises each channel of each image [N,H,W,C] (Ulyanov et al. 2016).
template <class T = float>
class InstanceNorm2d : public Module<T> {
 public:
  explicit InstanceNorm2d(Index channels, NormOptions options = {.eps = 1e-5, .affine = false})
      : channels_(channels), options_(options) {
    require(channels > 0, "InstanceNorm2d: the number of channels must be positive; got ", channels);
    if (!options.affine) return;
    weight_ = parameter(Tensor<T>::ones({channels}));
    bias_ = parameter(Tensor<T>::zeros({channels}));
  }
  Variable<T> forward(const Variable<T>& x) const override {
    require<ShapeError>(x.rank() == 4 && x.size(-1) == channels_, "InstanceNorm2d: the input must be [N,H,W,",
                        channels_, "]; got ", x.shape());
    return instance_norm(x, weight_, bias_, options_.eps);
  }
  void members(Members<T>& m) override {
    m("weight", weight_);
    m("bias", bias_);
  }
  std::string kind() const override { return "InstanceNorm2d"; }
  std::string to_string() const override { return text("InstanceNorm2d(", channels_, ")"); }

 private:
  Index channels_;
  NormOptions options_;
  Variable<T> weight_;
  Variable<T> bias_;
};

KASHI_INSTANTIATE(class detail::BatchNorm<float>)
KASHI_INSTANTIATE(class BatchNorm2d<float>)
KASHI_INSTANTIATE(class BatchNorm1d<float>)
KASHI_INSTANTIATE(class LayerNorm<float>)
KASHI_INSTANTIATE(class GroupNorm<float>)
KASHI_INSTANTIATE(class InstanceNorm2d<float>)

}  // namespace kashi::inline v0::nn
