/// A network that loses some of its channels by chance: each run is of another network that is nearly as good.
///
/// What is made for all of them at once (an image of a class, an attack) holds for other networks too more often than
/// what is made for one ("ghost networks", Li et al. 2020; dropout of whole channels, Tompson et al. 2015).
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <kashi/core/random.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/ops/arithmetic.hpp>

namespace kashi::inline v0::explain {

/// While it lives, the output of every layer whose kind is listed loses each channel with probability p, and what is
/// left is made larger by 1 / (1 - p). Works in evaluation mode. The network must outlive it, and one thread use it at
/// a time.
template <class T>
class ChannelDropout {
 public:
  /// Throws ValueError for a p outside [0,1).
  ChannelDropout(nn::Module<T>& net, double p, std::uint64_t seed = 42,
                 const std::vector<std::string>& kinds = {"ReLU", "ReLU6"})
      : generator_(seed) {
    set_probability(p);
    for (auto& [name, module] : net.named_modules())
      if (std::find(kinds.begin(), kinds.end(), module->kind()) != kinds.end())
        hooks_.push_back(module->register_forward_hook([this](const auto&, const auto&, const Variable<T>& output) {
          if (p_ == 0) return output;
          Shape channels = output.shape();
          for (int axis = 1; axis + 1 < output.rank(); ++axis) channels = channels.with(axis, 1);
          return output * (generator_.bernoulli<T>(channels, 1 - p_) * static_cast<T>(1 / (1 - p_)));
        }));
  }
  ~ChannelDropout() {
    for (HookHandle& hook : hooks_) hook.remove();
  }
  ChannelDropout(const ChannelDropout&) = delete;
  ChannelDropout& operator=(const ChannelDropout&) = delete;

  /// Changes the share from now on. Throws ValueError for a p outside [0,1).
  void set_probability(double p) {
    require(p >= 0 && p < 1, "ChannelDropout: p must lie in [0,1); got ", p);
    p_ = p;
  }

  /// How many layers lose channels.
  Index layers() const { return static_cast<Index>(hooks_.size()); }

 private:
  double p_ = 0;
  random::Generator generator_;
  std::vector<HookHandle> hooks_;
};

}  // namespace kashi::inline v0::explain
