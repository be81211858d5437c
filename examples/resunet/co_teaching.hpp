/// Co-teaching (Han et al. 2018): two networks learn side by side, each from the images of a batch that the other finds
/// easiest. Wrong masks stay hard, and fewer and fewer of the hard images are used.
#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <kashi/ops/arithmetic.hpp>
#include <kashi/ops/reduce.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/weight_decay.hpp>
#include <kashi/train/trainer.hpp>
#include <kashi/train/weights.hpp>

#include "resunet/losses.hpp"

namespace resunet {

struct CoTeachingOptions {
  double lr = 2e-3;
  double forgotten = 0.2;  ///< share of each batch that is left out in the end
  double grows = 0.3;      ///< share of the training in which `forgotten` is reached
};

/// The second network with its optimizer. Its state is part of the training's checkpoints.
class CoTeaching : public kashi::train::Callback {
 public:
  template <class Network>
  CoTeaching(Network peer, MaskLoss loss, CoTeachingOptions options)
      : peer_(std::make_unique<Network>(std::move(peer))),
        optimizer_(kashi::optim::split_weight_decay(
            *peer_, kashi::optim::AdamWOptions{.lr = options.lr, .weight_decay = 0.02})),
        loss_(std::move(loss)),
        options_(options) {}

  /// The first network's loss over the images that the peer chooses; the peer makes its own step with those that the
  /// first network chooses.
  kashi::Variable<float> select(const kashi::Variable<float>& losses, const kashi::data::Batch& batch) {
    using namespace kashi;
    const double left_out = options_.forgotten * std::min(1.0, done_ / options_.grows);
    const Index kept =
        std::max<Index>(1, batch.size() - static_cast<Index>(left_out * static_cast<double>(batch.size()) + 0.5));
    peer_->train();
    const Variable<float> of_peer = loss_((*peer_)(Variable<float>(batch.images)), batch.targets);
    optimizer_.zero_grad();
    mean_of(of_peer, easiest(losses.value(), kept)).backward();
    optimizer_.step();
    return mean_of(losses, easiest(of_peer.value(), kept));
  }

  /// The peer's learning rate follows the first network's. Progress counts in epochs, of which a time limit changes the
  /// number.
  void on_step(kashi::train::Trainer& trainer, const kashi::train::StepLog& log) override {
    optimizer_.set_lr(trainer.optimizer().lr());
    done_ = (static_cast<double>(log.epoch - 1) + static_cast<double>(log.batch) / static_cast<double>(log.batches)) /
            static_cast<double>(log.epochs);
  }

  void save(kashi::io::TensorFile& file, const std::string& prefix) const override {
    using namespace kashi;
    train::add_state(file, prefix + "peer.", peer_->to_state_dict());
    const auto state = optimizer_.state();
    train::add_state(file, prefix + "optimizer.", state.tensors);
    train::add_numbers(file, prefix + "numbers.", state.numbers);
    file.add(prefix + "done", Tensor<double>::scalar(done_));
  }
  void load(const kashi::io::TensorFile& file, const std::string& prefix) override {
    using namespace kashi;
    peer_->load_state_dict(train::get_state(file, prefix + "peer."));
    optimizer_.load_state({.tensors = train::get_state(file, prefix + "optimizer."),
                           .numbers = train::get_numbers(file, prefix + "numbers.")});
    done_ = file.get<double>(prefix + "done").item();
  }

 private:
  /// 1 for the `kept` smallest losses, 0 for the others, [N].
  static kashi::Tensor<float> easiest(const kashi::Tensor<float>& losses, kashi::Index kept) {
    using kashi::Index;
    std::vector<Index> order(static_cast<std::size_t>(losses.numel()));
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return losses(a) < losses(b); });
    kashi::Tensor<float> out = kashi::Tensor<float>::zeros(losses.shape());
    for (Index i = 0; i < kept; ++i)
      out.mutable_data()[order[static_cast<std::size_t>(i)]] = 1.0f / static_cast<float>(kept);
    return out;
  }
  static kashi::Variable<float> mean_of(const kashi::Variable<float>& losses, const kashi::Tensor<float>& share) {
    return kashi::sum(losses * kashi::Variable<float>(share));
  }

  std::unique_ptr<kashi::nn::Module<float>> peer_;
  kashi::optim::AdamW<float> optimizer_;
  MaskLoss loss_;
  CoTeachingOptions options_;
  double done_ = 0;  ///< share of the training
};

}  // namespace resunet
