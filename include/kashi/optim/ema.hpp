/// EMA: an exponential moving average of a network's weights, and of its running statistics, for evaluation.
///
///     optim::EMA ema(net, {.decay = 0.999});
///     for (...) { ...; adam.step(); ema.update(); }
///     { auto scope = ema.swap(); evaluate(net); }  // the network holds the average until the end of the scope
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kashi/nn/module.hpp>
#include <kashi/optim/optimizer_base.hpp>
#include <kashi/optim/state.hpp>

namespace kashi::inline v0::optim {

/// Options of EMA.
struct EMAOptions {
  double decay = 0.999;  ///< share of the average that an update keeps
  bool warm_up = true;   ///< update t keeps min(decay, (1 + t) / (10 + t)), t = 1, 2, ...
  bool buffers = true;   ///< average the running statistics of norms too
};

/// Begins as the network's numbers. Holds handles of them, which stay valid without the network.
/// Throws ValueError for a decay outside [0, 1).
template <class T>
class EMA {
  /// `value` shares its numbers with the network.
  struct Entry {
    std::string name;
    Tensor<T> value;
    Tensor<T> average;
    bool is_count;  ///< copied, not averaged
  };
  struct Record {
    std::vector<Entry> entries;
    Index updates = 0;
    bool is_swapped = false;
  };

 public:
  explicit EMA(const nn::Module<T>& module, EMAOptions options = {}) : options_(options) {
    detail::require_share(options.decay, "EMA", "decay");
    for (const auto& [name, parameter] : module.named_parameters()) add(name, parameter.value());
    if (!options.buffers) return;
    for (const auto& [name, buffer] : module.named_buffers()) add(name, buffer);
  }

  /// average += (1 - d) (value - average). Call it after the optimizer's step().
  /// Throws ValueError while a scope of swap() lives.
  void update() {
    require_in_place("update");
    const T take = static_cast<T>(1 - decay_at(record_->updates + 1));
    for (Entry& entry : record_->entries) {
      if (entry.is_count) {
        entry.average.copy_from(entry.value);
        continue;
      }
      const T* value = entry.value.data();
      T* average = entry.average.mutable_data();
      parallel_for(entry.value.numel(), piece, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) average[i] += take * (value[i] - average[i]);
      });
    }
    ++record_->updates;
  }

  /// The share of the average that update number t keeps, t = 1, 2, ...
  double decay_at(Index t) const {
    const double count = static_cast<double>(t);
    return options_.warm_up ? std::min(options_.decay, (1 + count) / (10 + count)) : options_.decay;
  }
  Index updates() const { return record_->updates; }

  /// Gives the network its own numbers back when it ends.
  class [[nodiscard]] Scope {
   public:
    explicit Scope(std::shared_ptr<Record> record) : record_(std::move(record)) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { exchange(*record_); }

   private:
    std::shared_ptr<Record> record_;
  };

  /// The network holds the average while the scope lives. Throws ValueError if one lives already.
  Scope swap() {
    require_in_place("swap");
    exchange(*record_);
    return Scope(record_);
  }

  /// Copies of the averages under the network's names, and the number of updates.
  /// Throws ValueError while a scope of swap() lives.
  State<T> state() const {
    require_in_place("state");
    State<T> out;
    for (const Entry& entry : record_->entries) out.tensors.set(entry.name, entry.average.clone());
    out.numbers.set("kind.EMA", 1);
    out.numbers.set("updates", static_cast<double>(record_->updates));
    return out;
  }
  /// Goes on from a state. Throws ValueError for names, ShapeError for shapes that don't fit, before anything is
  /// changed.
  void load_state(const State<T>& state) {
    require_in_place("load_state");
    const std::string who = "EMA: load_state";
    Numbers expected;
    expected.set("kind.EMA", 1);
    expected.set("updates", 0);
    detail::require_same_names(expected, state.numbers, who);
    for (const Entry& entry : record_->entries) {
      const Tensor<T>* found = state.tensors.find(entry.name);
      require(found != nullptr, who, ": the state has no tensor \"", entry.name, "\"");
      require<ShapeError>(found->shape() == entry.value.shape(), who, ": \"", entry.name, "\" has shape ",
                          found->shape(), ", the network's ", entry.value.shape());
    }
    require(state.tensors.size() == record_->entries.size(), who, ": the state has ", state.tensors.size(),
            " tensors, the network ", record_->entries.size());
    for (Entry& entry : record_->entries) entry.average.copy_from(state.tensors.at(entry.name));
    record_->updates = static_cast<Index>(state.numbers.at("updates"));
  }

 private:
  static constexpr Index piece = 16384;

  void add(const std::string& name, const Tensor<T>& value) {
    record_->entries.push_back({name, value, value.clone(), name.ends_with("num_batches_tracked")});
  }

  void require_in_place(const char* who) const {
    require(!record_->is_swapped, "EMA: ", who, ": the network holds the average; end the scope of swap() first");
  }

  static void exchange(Record& record) {
    for (Entry& entry : record.entries) {
      T* value = entry.value.mutable_data();
      std::swap_ranges(value, value + entry.value.numel(), entry.average.mutable_data());
    }
    record.is_swapped = !record.is_swapped;
  }

  EMAOptions options_;
  std::shared_ptr<Record> record_ = std::make_shared<Record>();
};

}  // namespace kashi::inline v0::optim
