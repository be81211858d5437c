/// Shap-CAM (Zheng et al. 2022): Shapley values of the places of a layer's map.
///
/// The players are the places; all channels of a place join together. An absent place holds the mean of the map,
/// channel by channel. The worth is the class's probability, and the values are estimated along random orders. No
/// gradients are needed.
///
/// Where the rest of the network looks at each place by itself, averages over the places and then goes on (SqueezeNet,
/// MobileNet, ResNet behind their last block), the pooled vector is kept and one place's share exchanged at a time: the
/// maps themselves need not be run. On such a head directly behind the layer the values sum to zero, because a map of
/// means has the same average as the map itself; that is what the definition says.
#pragma once

#include <string>

#include <kashi/explain/cam.hpp>
#include <kashi/explain/channel_cam.hpp>
#include <kashi/explain/shapley.hpp>
#include <kashi/nn/activation.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/norm.hpp>

namespace kashi::inline v0::explain {

/// What stands at an absent place.
enum class Absent { mean, zero };

/// What a coalition is worth: the target of the softmax of the output, or of the output itself.
enum class Worth { probability, score };

struct ShapCamOptions {
  Index permutations = 20;
  bool antithetic = true;
  Absent absent = Absent::mean;
  Worth worth = Worth::probability;
  bool exact = false;  ///< all coalitions instead of samples; up to 16 places
  Index batch = 64;    ///< maps run at a time
  std::uint64_t seed = 42;
};

namespace detail {

/// Layers that treat every place of a map by itself in evaluation mode; hooks may not.
template <class T>
bool is_placewise(const nn::Module<T>& module) {
  if (module.has_hooks()) return false;
  if (const auto* conv = dynamic_cast<const nn::Conv2d<T>*>(&module)) {
    const auto& weight = conv->weight().value();
    const auto& options = conv->options();
    return weight.size(1) == 1 && weight.size(2) == 1 && options.stride.height == 1 && options.stride.width == 1 &&
           (options.padding == Padding(0) || options.padding.is_same());
  }
  return dynamic_cast<const nn::ReLU<T>*>(&module) || dynamic_cast<const nn::ReLU6<T>*>(&module) ||
         dynamic_cast<const nn::Dropout<T>*>(&module) || dynamic_cast<const nn::BatchNorm2d<T>*>(&module) ||
         dynamic_cast<const nn::Identity<T>*>(&module);
}

/// A game of places behind a layer: worths of coalitions, the fast way where the head allows it.
template <class T>
class PlaceGame {
 public:
  PlaceGame(const LayerCut<T>& cut, const Target<T>& target, const ShapCamOptions& options)
      : cut_(cut), target_(target), options_(options) {
    const NoGrad no_grad;
    places_ = cut.map_activation().size(1) * cut.activation().size(2);
    present_ = cut.activation();
    const Index channels = present_.size(3);
    absent_ = options.absent == Absent::mean ? mean(present_, {1, 2}).reshape(Shape{1, 1, 1, channels})
                                             : Tensor<T>::zeros({1, 1, 1, channels});
    use_pooled_head();
    const std::vector<double> ends = worths({std::vector<bool>(static_cast<std::size_t>(places_), false),
                                             std::vector<bool>(static_cast<std::size_t>(places_), true)});
    nobody_ = ends[0];
    everybody_ = ends[1];
  }

  Index places() const { return places_; }

  /// The worths along one order, from nobody to everybody.
  std::vector<double> walk(std::span<const Index> order) const {
    std::vector<bool> members(static_cast<std::size_t>(places_), false);
    std::vector<std::vector<bool>> coalitions;
    for (std::size_t i = 0; i + 1 < order.size(); ++i) {
      members[static_cast<std::size_t>(order[i])] = true;
      coalitions.push_back(members);
    }
    std::vector<double> out = is_pooled_ ? pooled_walk(order) : worths(coalitions);
    out.insert(out.begin(), nobody_);
    out.push_back(everybody_);
    return out;
  }

  /// The worths of all 2^places coalitions.
  std::vector<double> all_worths() const {
    std::vector<std::vector<bool>> coalitions;
    for (std::size_t mask = 0; mask < std::size_t{1} << places_; ++mask) {
      std::vector<bool> members;
      for (Index i = 0; i < places_; ++i) members.push_back((mask >> i & 1) != 0);
      coalitions.push_back(members);
    }
    return worths(coalitions);
  }

 private:
  /// Runs the placewise layers once, for the places and for an absent one, up to the global average; nothing changes if
  /// the network is of another kind.
  void use_pooled_head() {
    const auto behind = unfolded(cut_.behind());
    std::size_t i = 0;
    while (i < behind.size() && is_placewise(*behind[i])) ++i;
    is_pooled_ = cut_.is_chain() && i < behind.size() && is_global_average(*behind[i]);
    if (!is_pooled_) return;
    const std::vector<nn::Module<T>*> placewise(behind.begin(), behind.begin() + static_cast<std::ptrdiff_t>(i));
    present_ = run_chain(placewise, Variable<T>(present_)).value();
    absent_ = run_chain(placewise, Variable<T>(absent_)).value();
    head_.assign(behind.begin() + static_cast<std::ptrdiff_t>(i) + 1, behind.end());
    pooled_rank_ = dynamic_cast<const nn::AdaptiveAvgPool2d<T>*>(behind[i]) != nullptr ? 4 : 2;
  }

  Variable<T> worth_of(const Variable<T>& output) const {
    return target_(options_.worth == Worth::probability ? softmax(output) : output);
  }

  /// Worths of coalitions, in batches.
  std::vector<double> worths(const std::vector<std::vector<bool>>& coalitions) const {
    const Index channels = present_.size(3);
    const auto write_map = [&](Index i, T* to) {
      for (Index p = 0; p < places_; ++p) {
        const bool is_there = coalitions[static_cast<std::size_t>(i)][static_cast<std::size_t>(p)];
        std::copy_n(is_there ? present_.data() + p * channels : absent_.data(), channels, to + p * channels);
      }
    };
    const auto run = [&](const Variable<T>& maps) {
      const Variable<T> output = is_pooled_ ? run_head(global_avg_pool2d(maps)) : cut_.rest(maps);
      return options_.worth == Worth::probability ? softmax(output) : output;
    };
    return scores_of<T>(static_cast<Index>(coalitions.size()), options_.batch, present_.shape(), write_map, run,
                        target_);
  }

  /// The worths of the inner coalitions of a walk, from pooled vectors.
  std::vector<double> pooled_walk(std::span<const Index> order) const {
    const NoGrad no_grad;
    const Index channels = present_.size(3), steps = static_cast<Index>(order.size()) - 1;
    std::vector<double> sums(static_cast<std::size_t>(channels));
    for (Index k = 0; k < channels; ++k)
      sums[static_cast<std::size_t>(k)] = static_cast<double>(places_) * static_cast<double>(absent_.data()[k]);
    Tensor<T> pooled = Tensor<T>::empty({steps, channels});
    T* to = pooled.mutable_data();
    for (Index step = 0; step < steps; ++step) {
      const T* joins = present_.data() + order[static_cast<std::size_t>(step)] * channels;
      for (Index k = 0; k < channels; ++k) {
        double& sum = sums[static_cast<std::size_t>(k)];
        sum += static_cast<double>(joins[k]) - static_cast<double>(absent_.data()[k]);
        *to++ = static_cast<T>(sum / static_cast<double>(places_));
      }
    }
    const Variable<T> values = steps > 0 ? worth_of(run_head(Variable<T>(pooled))) : Variable<T>(Tensor<T>());
    return std::vector<double>(values.value().span().begin(), values.value().span().end());
  }

  Variable<T> run_head(const Variable<T>& pooled) const {
    return run_chain(head_, pooled_rank_ == 4 ? reshape(pooled, Shape{pooled.size(0), 1, 1, pooled.size(1)}) : pooled);
  }

  const LayerCut<T>& cut_;
  const Target<T>& target_;
  ShapCamOptions options_;
  Index places_ = 0;
  Tensor<T> present_;  // [1,h,w,channels], behind the placewise layers if is_pooled_
  Tensor<T> absent_;   // [1,1,1,channels]
  bool is_pooled_ = false;
  int pooled_rank_ = 2;
  std::vector<nn::Module<T>*> head_;
  double nobody_ = 0;
  double everybody_ = 0;
};

}  // namespace detail

/// The Shapley value of every place, [h,w], with standard errors. Cost: .permutations times as many runs of the rest of
/// the network as there are places. Map::score is the target's value (not the worth). Throws ValueError for more than
/// 16 places with .exact, and as shapley_sampled.
template <class T>
Map<T> shap_cam(nn::Module<T>& net, const std::string& layer, const Tensor<T>& image,
                const std::type_identity_t<Target<T>>& target = {}, const ShapCamOptions& options = {}) {
  const EvalMode<T> eval(net);
  const LayerCut<T> cut(net, layer, image);
  const auto [resolved, score] = detail::score_of(cut, target);
  const detail::PlaceGame<T> game(cut, resolved, options);
  Map<T> out{Tensor<T>::empty({cut.activation().size(1), cut.activation().size(2)}), score, resolved.class_index(), {}};
  const auto to_map = [&](const std::vector<double>& values) {
    Tensor<T> map = Tensor<T>::empty(out.raw.shape());
    std::transform(values.begin(), values.end(), map.mutable_data(),
                   [](double value) { return static_cast<T>(value); });
    return map;
  };
  if (options.exact) {
    require(game.places() <= 16, "shap_cam: .exact is for up to 16 places; the layer has ", game.places());
    out.raw = to_map(shapley_exact(game.all_worths()));
    return out;
  }
  const ShapleyEstimate estimate =
      shapley_sampled(game.places(), [&](std::span<const Index> order) { return game.walk(order); },
                      {.permutations = options.permutations, .antithetic = options.antithetic, .seed = options.seed});
  out.raw = to_map(estimate.values);
  out.standard_error = to_map(estimate.standard_errors);
  return out;
}

}  // namespace kashi::inline v0::explain
