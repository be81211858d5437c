/// Folding batch norms into the layers next to them: the same function in evaluation, with fewer steps.
///
///     net.eval();
///     const nn::FoldReport report = nn::fold_batch_norm(net, {1, 224, 224, 3});
///     std::puts(report.to_string().c_str());
///
/// Who feeds whom is read from a run of the network (trace.hpp), so blocks with functions and skips inside are folded
/// too. What is not sound is left as it is and told with its reason. A folded network is for inference: trained
/// further, it would learn without its norms.
#pragma once

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include <kashi/nn/fold_layers.hpp>
#include <kashi/nn/trace.hpp>

namespace kashi::inline v0::nn {

/// A norm that became part of a layer.
struct FoldedNorm {
  std::string norm;
  std::string layer;
  bool in_front = false;  ///< the norm stood in front of the layer
};

/// A norm that stays, and why.
struct RefusedNorm {
  std::string norm;
  std::string reason;
};

/// What fold_batch_norm did with each norm.
struct FoldReport {
  std::vector<FoldedNorm> folded;
  std::vector<RefusedNorm> refused;

  /// A line a norm.
  std::string to_string() const {
    std::string out;
    for (const FoldedNorm& f : folded)
      out += text(f.norm, ": folded into ", f.layer, f.in_front ? ", which it stood in front of" : "", "\n");
    for (const RefusedNorm& r : refused) out += text(r.norm, ": kept, because ", r.reason, "\n");
    return out;
  }
};

/// Options of fold_batch_norm.
struct FoldOptions {
  bool strict = false;  ///< throw ValueError for a norm that can't be folded, after the others were
};

namespace detail {

/// One round of folding on one trace of the network.
template <class T>
class Folder {
 public:
  explicit Folder(Module<T>& net, const Shape& input) : trace_(trace(net, input)) {
    const std::size_t values = trace_.shapes.size();
    readers_.resize(values);
    producer_.assign(values, -1);
    for (std::size_t i = 0; i < trace_.operations.size(); ++i) {
      const TracedOperation<T>& op = trace_.operations[i];
      producer_[at(op.output)] = static_cast<int>(i);
      for (const int value : op.inputs)
        if (value >= 0) readers_[at(value)].push_back(static_cast<int>(i));
      for (const Variable<T>& constant : op.constants)
        if (constant.defined()) ++uses_[constant.value().data()];
    }
    for (const TracedCall<T>& call : trace_.calls) ++runs_[call.module];
  }

  /// Folds a norm; gives the reason where it can't. `report` takes what was done.
  std::string fold(const std::string& name, BatchNorm<T>& norm, FoldReport& report) {
    if (norm.is_training()) return "it is in training mode, where it uses the batch's statistics (call eval() first)";
    if (!norm.options().track_running_stats) return "it keeps no running statistics, so it uses the batch's own";
    const int runs = runs_.contains(&norm) ? runs_.at(&norm) : 0;
    if (runs == 0) return "it does not run";
    if (runs > 1) return text("it runs ", runs, " times, so it would have to be folded into several layers");
    const TracedOperation<T>* op = operation_of(norm);
    if (op == nullptr) return "it does not depend on the input";
    for (const Variable<T>& own : op->constants)
      if (own.defined() && uses_.at(own.value().data()) > 1) return "it shares its parameters with another norm";
    const ChannelMap map = channel_map(norm);
    if (!map.is_finite()) return "its factors are not finite (a variance and eps of 0, or NaN)";
    const std::string behind = fold_behind_layer(name, *op, map, report);
    if (behind.empty()) return finish(norm);
    const std::string in_front = fold_in_front_of_layer(name, *op, map, report);
    if (in_front.empty()) return finish(norm);
    return behind == no_layer                           ? in_front
           : behind == in_front || in_front == no_layer ? behind
                                                        : text(behind, "; ", in_front);
  }

 private:
  static constexpr const char* no_layer = "no convolution or linear layer stands next to it";

  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  static std::string finish(BatchNorm<T>& norm) {
    norm.make_identity();
    return {};
  }

  const TracedOperation<T>* operation_of(const Module<T>& module) const {
    for (const TracedOperation<T>& op : trace_.operations)
      if (op.call >= 0 && trace_.calls[at(op.call)].module == &module) return &op;
    return nullptr;
  }

  /// Why a layer's weights can't be changed for one place; empty if they can.
  std::string shared_reason(const TracedCall<T>& call, const Variable<T>& weight, const Variable<T>& bias) const {
    if (runs_.at(call.module) > 1)
      return text(call.name, " runs ", runs_.at(call.module), " times with the same weights");
    for (const Variable<T>* own : {&weight, &bias}) {
      const auto found = own->defined() ? uses_.find(own->value().data()) : uses_.end();
      if (found != uses_.end() && found->second > 1) return text(call.name, " shares its weights with another layer");
    }
    return {};
  }

  std::string fold_behind_layer(const std::string& name, const TracedOperation<T>& op, const ChannelMap& map,
                                FoldReport& report) const {
    const int value = op.inputs[0];
    if (value < 0 || producer_[at(value)] < 0) return no_layer;
    const int index = trace_.operations[at(producer_[at(value)])].call;
    if (index < 0) return no_layer;
    const TracedCall<T>& call = trace_.calls[at(index)];
    if (call.output != value || call.module == nullptr) return no_layer;
    auto* conv = dynamic_cast<Conv2d<T>*>(call.module);
    auto* transposed = dynamic_cast<ConvTranspose2d<T>*>(call.module);
    auto* linear = dynamic_cast<Linear<T>*>(call.module);
    if (conv == nullptr && transposed == nullptr && linear == nullptr) return no_layer;
    if (readers_[at(value)].size() > 1 || value == trace_.output)
      return text("the output of ", call.name, " is used elsewhere too");
    Variable<T>& weight = conv ? conv->weight() : transposed ? transposed->weight() : linear->weight();
    Variable<T>& bias = conv ? conv->bias() : transposed ? transposed->bias() : linear->bias();
    if (std::string reason = shared_reason(call, weight, bias); !reason.empty()) return reason;
    transposed ? fold_behind_transposed(weight, bias, transposed->options().groups, map)
               : fold_behind(weight, bias, map);
    report.folded.push_back({name, call.name, false});
    return {};
  }

  std::string fold_in_front_of_layer(const std::string& name, const TracedOperation<T>& op, const ChannelMap& map,
                                     FoldReport& report) const {
    int value = op.output;
    const TracedOperation<T>* reader = nullptr;
    // A flatten on the way keeps the channels last.
    do {
      if (value == trace_.output) return no_layer;
      if (readers_[at(value)].size() != 1) return "its output is used in several places";
      reader = &trace_.operations[at(readers_[at(value)][0])];
      value = reader->output;
    } while (reader->name == "reshape" && trace_.shapes[at(value)].rank() == 2);
    if (reader->call < 0) return no_layer;
    const TracedCall<T>& call = trace_.calls[at(reader->call)];
    if (auto* conv = dynamic_cast<Conv2d<T>*>(call.module)) {
      const auto* g = std::any_cast<kernels::ConvGeometry>(&reader->detail);
      if (g == nullptr) return no_layer;
      if (g->pad_top + g->pad_bottom + g->pad_left + g->pad_right > 0)
        return text(call.name, " behind it pads with zeros, which would have to stay zeros behind the norm");
      if (std::string reason = shared_reason(call, conv->weight(), conv->bias()); !reason.empty()) return reason;
      fold_in_front(conv->weight(), conv->bias(), conv->options().groups, map);
    } else if (auto* linear = dynamic_cast<Linear<T>*>(call.module)) {
      if (std::string reason = shared_reason(call, linear->weight(), linear->bias()); !reason.empty()) return reason;
      fold_in_front(linear->weight(), linear->bias(), 1, map);
    } else if (dynamic_cast<ConvTranspose2d<T>*>(call.module) != nullptr) {
      return text(
          call.name,
          " behind it is transposed: its border sees fewer taps, so the norm's offset differs from place to place");
    } else {
      return no_layer;
    }
    report.folded.push_back({name, call.name, true});
    return {};
  }

  Trace<T> trace_;
  std::vector<std::vector<int>> readers_;  // operations that read a value
  std::vector<int> producer_;              // the operation that made it
  std::unordered_map<const T*, int> uses_;
  std::unordered_map<const Module<T>*, int> runs_;
};

}  // namespace detail

/// Folds every batch norm of `net` that allows it into the convolution, transposed convolution or linear layer behind
/// whose output it stands, or into the unpadded convolution or linear layer that reads it. The layers get new
/// parameters (copies of the network that share the old ones keep them), and the norms become identities. `input` is a
/// shape that the network takes; it runs two or three times on zeros. A norm must be in evaluation mode. Throws
/// ValueError under .strict, and what the network throws.
template <class T>
FoldReport fold_batch_norm(Module<T>& net, const Shape& input, const FoldOptions& options = {}) {
  FoldReport report;
  for (bool progress = true; progress;) {
    progress = false;
    report.refused.clear();
    detail::Folder<T> folder(net, input);
    std::vector<const Module<T>*> seen;
    for (const auto& [name, module] : net.named_modules()) {
      auto* norm = dynamic_cast<detail::BatchNorm<T>*>(module);
      if (norm == nullptr || norm->is_identity() || std::find(seen.begin(), seen.end(), module) != seen.end()) continue;
      seen.push_back(module);
      const std::string reason = folder.fold(name, *norm, report);
      if (reason.empty())
        progress = true;
      else
        report.refused.push_back({name, reason});
    }
  }
  require(
      !options.strict || report.refused.empty(), "fold_batch_norm: ",
      report.refused.empty() ? "" : report.refused[0].norm + " can't be folded, because " + report.refused[0].reason,
      report.refused.size() > 1 ? text(" (and ", report.refused.size() - 1, " more)") : std::string());
  return report;
}

}  // namespace kashi::inline v0::nn
