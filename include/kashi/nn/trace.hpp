/// What a module computes for one input: its operations in order, with their geometry, the values that flow between
/// them, and the module that each belongs to. Summary and folding read it.
///
/// The module runs once in evaluation mode on zeros, with recording on, so branches, skips and functions called inside
/// of a forward are all seen. Values that do not depend on the input count as constants.
#pragma once

#include <any>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <kashi/nn/module.hpp>

namespace kashi::inline v0::nn {

/// A recorded operation.
template <class T>
struct TracedOperation {
  std::string name;                         ///< as in the autograd graph: "conv2d", "add"
  int output = 0;                           ///< the value that it makes
  std::vector<int> inputs = {};             ///< values that it takes; -1 for a constant, such as a weight
  std::vector<Variable<T>> constants = {};  ///< the inputs that are constants, undefined where they are not
  std::vector<Shape> input_shapes = {};
  std::any detail = {};  ///< what the operation announced about itself (autograd/observe.hpp)
  int call = -1;         ///< the innermost module that ran; an index of Trace::calls
};

/// A run of a module.
template <class T>
struct TracedCall {
  Module<T>* module = nullptr;
  std::string name = {};  ///< dotted, "" for the traced module itself; a module with several names has its first
  int parent = -1;        ///< the module that ran it; an index of Trace::calls
  bool is_leaf = false;   ///< the module has no children
  int input = -1;         ///< values; -1 for a constant
  int output = -1;
  Shape input_shape = {};
  Shape output_shape = {};
};

/// The values of a trace are numbered from 0, the module's input.
template <class T>
struct Trace {
  std::vector<TracedOperation<T>> operations = {};
  std::vector<TracedCall<T>> calls = {};         ///< in the order in which they began
  std::vector<Shape> shapes = {};                ///< of the values
  int output = -1;                               ///< the module's output; -1 if it does not depend on the input
  std::vector<std::pair<bool, int>> steps = {};  ///< what ended when: (is it a call, its index)
};

namespace detail {

/// Records operations and module calls into a Trace.
template <class T>
class Tracer : public RecordObserver<T> {
 public:
  explicit Tracer(Module<T>& module) {
    std::unordered_set<const Module<T>*> seen;
    for (const auto& [name, part] : module.named_modules()) {
      if (!seen.insert(part).second) continue;
      training_.emplace_back(part, part->is_training());
      names_.emplace(part, std::pair(name, part));
      handles_.push_back(part->register_forward_pre_hook([this](const Module<T>& m, const Variable<T>& x) {
        enter(m, x);
        return x;
      }));
      handles_.push_back(
          part->register_forward_hook([this](const Module<T>& m, const Variable<T>&, const Variable<T>& y) {
            leave(m, y);
            return y;
          }));
    }
    module.eval();
  }
  ~Tracer() override {
    for (HookHandle& handle : handles_) handle.remove();
    for (const auto& [part, on] : training_) part->train(on);
  }
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  Trace<T> run(const Module<T>& module, const Shape& input) {
    const EnableGrad enable_grad;
    const ObserveRecords<T> observe(*this);
    const Variable<T> x = parameter(Tensor<T>::zeros(input));
    number(x);
    const Variable<T> y = module(x);
    trace_.output = value_of(y);
    return std::move(trace_);
  }

  void on_record(const char* name, const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                 std::any announced) override {
    TracedOperation<T> operation{
        .name = name, .detail = std::move(announced), .call = stack_.empty() ? -1 : stack_.back()};
    bool depends = false;
    for (const Variable<T>& input : inputs) {
      const int value = input.defined() ? value_of(input) : -1;
      depends = depends || value >= 0;
      operation.inputs.push_back(value);
      operation.constants.push_back(value < 0 && input.defined() ? input : Variable<T>());
      operation.input_shapes.push_back(input.defined() ? input.shape() : Shape{0});
    }
    if (!depends) return;
    operation.output = number(output);
    trace_.steps.emplace_back(false, static_cast<int>(trace_.operations.size()));
    trace_.operations.push_back(std::move(operation));
  }

 private:
  int number(const Variable<T>& value) {
    const int id = static_cast<int>(trace_.shapes.size());
    trace_.shapes.push_back(value.shape());
    values_.emplace(value.node().get(), id);
    alive_.push_back(value.node());
    return id;
  }
  int value_of(const Variable<T>& value) const {
    const auto found = values_.find(value.node().get());
    return value.node() == nullptr || found == values_.end() ? -1 : found->second;
  }
  void enter(const Module<T>& module, const Variable<T>& x) {
    // Copies of a module share its hooks, so a module may come twice.
    if (!stack_.empty() && trace_.calls[static_cast<std::size_t>(stack_.back())].module == &module) return;
    const auto found = names_.find(&module);
    TracedCall<T> call{.parent = stack_.empty() ? -1 : stack_.back(),
                       .is_leaf = module.children().empty(),
                       .input = value_of(x),
                       .input_shape = x.shape()};
    if (found != names_.end()) {
      call.name = found->second.first;
      call.module = found->second.second;
    }
    stack_.push_back(static_cast<int>(trace_.calls.size()));
    trace_.calls.push_back(std::move(call));
  }
  void leave(const Module<T>& module, const Variable<T>& y) {
    if (stack_.empty()) return;
    TracedCall<T>& call = trace_.calls[static_cast<std::size_t>(stack_.back())];
    if (call.module != &module) return;
    call.output = value_of(y);
    call.output_shape = y.shape();
    trace_.steps.emplace_back(true, stack_.back());
    stack_.pop_back();
  }

  Trace<T> trace_;
  std::vector<std::pair<Module<T>*, bool>> training_;
  std::unordered_map<const Module<T>*, std::pair<std::string, Module<T>*>> names_;
  std::vector<HookHandle> handles_;
  std::unordered_map<const kashi::detail::Node<T>*, int> values_;
  std::vector<std::shared_ptr<kashi::detail::Node<T>>> alive_;  // addresses stay unique while the trace runs
  std::vector<int> stack_;
};

}  // namespace detail

/// Runs `module` once on zeros of shape `input` ([N,H,W,C] or [N,F]) and tells what it computed. Modes, parameters and
/// buffers are left as they were. Throws what the module throws.
template <class T>
Trace<T> trace(Module<T>& module, const Shape& input) {
  return detail::Tracer<T>(module).run(module, input);
}

}  // namespace kashi::inline v0::nn
