/// Module<T>: something with parameters that maps a value to a value.
///
/// A module of one's own lists its members by name and says how it computes:
///
///     struct Block : nn::Module<float> {
///       nn::Conv2d<float> conv{{.in = 8, .out = 8, .kernel = 3, .padding = nn::same}};
///       nn::BatchNorm2d<float> norm{8};
///       Variable<float> forward(const Variable<float>& x) const override { return relu(norm(conv(x)) + x); }
///       void members(nn::Members<float>& m) override { m("conv", conv); m("norm", norm); }
///     };
///
/// Copies of a module share its parameters, as copies of a Tensor share numbers. In eval mode `forward` changes
/// nothing, so several threads may call one module.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include <kashi/autograd/engine.hpp>
#include <kashi/nn/fusion.hpp>
#include <kashi/nn/state_dict.hpp>

namespace kashi::inline v0::nn {

template <class T>
class Module;

/// Receives a module's members, each with its name: parameters, buffers, children.
template <class T>
class Members {
 public:
  virtual ~Members() = default;

  /// Something learnt. An undefined Variable (an absent bias) is left out.
  void operator()(const std::string& name, Variable<T>& parameter) {
    if (parameter.defined()) on_parameter(name, parameter);
  }
  /// Numbers that belong to the state but are not learnt, such as running statistics. An empty Tensor is left out.
  void operator()(const std::string& name, Tensor<T>& buffer) {
    if (buffer.numel() > 0) on_buffer(name, buffer);
  }
  /// A module inside this one. With an empty name its members count as this one's own: nothing comes before their
  /// names.
  void operator()(const std::string& name, Module<T>& child) { on_child(name, child); }
  /// A module held by a pointer; null is left out.
  template <class M>
  void operator()(const std::string& name, const std::shared_ptr<M>& child) {
    if (child != nullptr) on_child(name, *child);
  }

 protected:
  virtual void on_parameter(const std::string&, Variable<T>&) {}
  virtual void on_buffer(const std::string&, Tensor<T>&) {}
  virtual void on_child(const std::string&, Module<T>&) {}
};

/// Called before a module computes; returns the input to use.
template <class T>
using ForwardPreHook = std::function<Variable<T>(const Module<T>& module, const Variable<T>& input)>;

/// Called after a module computed; returns the output to use.
template <class T>
using ForwardHook =
    std::function<Variable<T>(const Module<T>& module, const Variable<T>& input, const Variable<T>& output)>;

/// Base of all layers and networks. T: float or double.
template <class T>
class Module {
 public:
  using Scalar = T;

  Module() = default;
  Module(const Module&) = default;
  Module(Module&&) = default;
  Module& operator=(const Module&) = default;
  Module& operator=(Module&&) = default;
  virtual ~Module() = default;

  /// Computes, with hooks. An error on the way gets the names of the layers that it passes through.
  Variable<T> operator()(const Variable<T>& x) const {
    try {
      return forward_with_hooks(x);
    } catch (Error& error) {
      name_layer(error);
      throw;
    }
  }

  /// What the module computes; called through operator(). Shapes as the module's own description says.
  virtual Variable<T> forward(const Variable<T>& x) const = 0;

  /// Computes, then does what `tail` says; with names of layers in errors, without hooks. Containers call it.
  Variable<T> call_with(const Variable<T>& x, const Tail<T>& tail) const {
    try {
      return forward_with(x, tail);
    } catch (Error& error) {
      name_layer(error);
      throw;
    }
  }
  /// tail.apply(forward(x)), in one pass where a module can (fusion.hpp).
  virtual Variable<T> forward_with(const Variable<T>& x, const Tail<T>& tail) const { return tail.apply(forward(x)); }
  /// Adds this module, as it would compute now, to what is done to the result of the one before it. False if it can't
  /// be a step there.
  virtual bool join(Tail<T>&) const { return false; }
  /// Whether the result has x's shape and max pooling may join the tail of forward_with().
  virtual bool can_pool(const Variable<T>&) const { return false; }
  /// Gives back memory that only makes the next call quicker, such as packed weights.
  virtual void forget_prepared() const {}

  /// Names the members; see Members.
  virtual void members(Members<T>&) {}

  /// The shape [O,H,W,C] in which a member's numbers see an image; by default that of a member with four axes. Rank 0:
  /// it sees none. State dicts need it to change between our order of the axes and that of files.
  virtual Shape image_shape(const std::string& member, const Tensor<T>& value) const {
    (void)member;
    return value.rank() == 4 ? value.shape() : Shape{};
  }

  /// The module's kind for summaries: "Conv2d".
  virtual std::string kind() const { return "Module"; }
  /// The module in one line: "Conv2d(3, 32, kernel=3, padding=same)".
  virtual std::string to_string() const { return kind(); }

  /// All parameters, depth first in the order of members(), each shared one once. Includes frozen ones.
  std::vector<Variable<T>> parameters() const {
    std::vector<Variable<T>> out;
    for (auto& [name, value] : named_parameters()) out.push_back(value);
    return out;
  }
  /// The same with dotted names ("layer1.0.conv1.weight").
  std::vector<std::pair<std::string, Variable<T>>> named_parameters() const;
  /// All buffers with dotted names.
  std::vector<std::pair<std::string, Tensor<T>>> named_buffers() const;
  /// This module ("") and all below it with dotted names, parents first. A child without a name has its parent's.
  std::vector<std::pair<std::string, Module<T>*>> named_modules();
  /// Direct children with their names.
  std::vector<std::pair<std::string, Module<T>*>> children() const;

  /// The module of a dotted name. Throws ValueError if there is none, with the names that there are.
  Module<T>& find(const std::string& name);

  /// Training mode: batch norm uses the batch's statistics, dropout drops. New modules are in training mode.
  void train(bool on = true) {
    for (auto& [name, module] : named_modules()) {
      module->training_ = on;
      if (on) module->forget_prepared();
    }
  }
  /// Evaluation mode.
  void eval() { train(false); }
  bool is_training() const { return training_; }

  /// Forgets the gradients of all parameters.
  void zero_grad() const {
    for (auto& parameter : parameters()) parameter.zero_grad();
  }
  /// Freezes (false) or thaws all parameters.
  void set_requires_grad(bool wanted) const {
    for (auto& parameter : parameters()) parameter.set_requires_grad(wanted);
  }

  /// Copies of all parameters and buffers under their dotted names, in PyTorch's order of names and our layout.
  StateDict<T> to_state_dict() const;
  /// Copies numbers into parameters and buffers by name, from either layout. If the names fit only without a beginning
  /// that they share ("module.", "state_dict."), they are taken without it. Strict: a missing, unexpected or misshapen
  /// entry throws ShapeError or ValueError before anything is changed. Otherwise what fits is loaded. PyTorch's
  /// `num_batches_tracked` may be absent.
  LoadReport load_state_dict(const StateDict<T>& state, const LoadOptions& options = {});

  /// True while a forward hook or pre-hook is registered.
  bool has_hooks() const {
    return (pre_hooks_ != nullptr && !pre_hooks_->empty()) || (hooks_ != nullptr && !hooks_->empty());
  }
  /// Calls `hook` before (after) every computation of this module, until the handle's remove().
  HookHandle register_forward_pre_hook(ForwardPreHook<T> hook) { return add_hook(pre_hooks_, std::move(hook)); }
  HookHandle register_forward_hook(ForwardHook<T> hook) { return add_hook(hooks_, std::move(hook)); }

 private:
  template <class F>
  static HookHandle add_hook(std::shared_ptr<kashi::detail::HookList<F>>& list, F hook) {
    if (list == nullptr) list = std::make_shared<kashi::detail::HookList<F>>();
    const std::uint64_t id = list->add(std::move(hook));
    return HookHandle([list = std::weak_ptr(list), id] {
      if (const auto alive = list.lock()) alive->remove(id);
    });
  }

  Variable<T> forward_with_hooks(const Variable<T>& x) const {
    if (pre_hooks_ == nullptr && hooks_ == nullptr) return forward(x);
    Variable<T> input = x;
    if (pre_hooks_ != nullptr)
      for (const auto& [id, hook] : pre_hooks_->entries()) input = hook(*this, input);
    Variable<T> output = forward(input);
    if (hooks_ != nullptr)
      for (const auto& [id, hook] : hooks_->entries()) output = hook(*this, input, output);
    return output;
  }

  /// An error that left a child gets the child's name; the parent of this module will add this one's.
  void name_layer(Error& error) const {
    if (error.source() != nullptr)
      for (const auto& [name, child] : children())
        if (child == error.source() && !name.empty()) error.add_layer(name);
    error.set_source(this);
  }

  bool training_ = true;
  std::shared_ptr<kashi::detail::HookList<ForwardPreHook<T>>> pre_hooks_;
  std::shared_ptr<kashi::detail::HookList<ForwardHook<T>>> hooks_;
};

namespace detail {

/// False for classes derived from a layer of the library, whose forward() may be another: they are not fused.
template <class Layer>
bool is_exactly(const auto& module) {
  return typeid(module) == typeid(Layer);
}

/// Eval mode without gradients or an observer of operations: layers may keep packed weights and fold batch norms.
template <class T>
bool is_inference(const Module<T>& module) {
  return !grad_enabled() && !module.is_training() && kashi::detail::record_observer<T>() == nullptr;
}

/// Walks a module's members and calls the functions that are set.
template <class T>
class Walker : public Members<T> {
 public:
  std::function<void(const std::string&, Variable<T>&)> parameter;
  std::function<void(const std::string&, Tensor<T>&)> buffer;
  std::function<void(const std::string&, Module<T>&)> child;

 protected:
  void on_parameter(const std::string& name, Variable<T>& value) override {
    if (parameter) parameter(name, value);
  }
  void on_buffer(const std::string& name, Tensor<T>& value) override {
    if (buffer) buffer(name, value);
  }
  void on_child(const std::string& name, Module<T>& value) override {
    if (child) child(name, value);
  }
};

inline std::string dotted(const std::string& module, const std::string& member) {
  return module.empty() || member.empty() ? module + member : module + "." + member;
}

template <class T>
void walk_modules(const std::string& name, Module<T>& module, std::vector<std::pair<std::string, Module<T>*>>& out) {
  out.emplace_back(name, &module);
  Walker<T> walker;
  walker.child = [&](const std::string& child_name, Module<T>& child) {
    walk_modules(dotted(name, child_name), child, out);
  };
  module.members(walker);
}

/// Calls `parameter` and `buffer` for every module below, in order. Members are listed, not changed, so const is cast
/// away.
template <class T, class OnParameter, class OnBuffer>
void walk_state(const Module<T>& module, OnParameter&& on_parameter, OnBuffer&& on_buffer) {
  for (auto& [prefix, part] : const_cast<Module<T>&>(module).named_modules()) {
    Walker<T> walker;
    const std::string& path = prefix;
    walker.parameter = [&](const std::string& name, Variable<T>& value) { on_parameter(dotted(path, name), value); };
    walker.buffer = [&](const std::string& name, Tensor<T>& value) { on_buffer(dotted(path, name), value); };
    part->members(walker);
  }
}

}  // namespace detail

template <class T>
std::vector<std::pair<std::string, Variable<T>>> Module<T>::named_parameters() const {
  std::vector<std::pair<std::string, Variable<T>>> out;
  detail::walk_state(
      *this,
      [&](const std::string& name, Variable<T>& value) {
        for (const auto& [seen_name, seen] : out)
          if (seen.node() == value.node() && value.node() != nullptr) return;
        out.emplace_back(name, value);
      },
      [](const std::string&, Tensor<T>&) {});
  return out;
}

template <class T>
std::vector<std::pair<std::string, Tensor<T>>> Module<T>::named_buffers() const {
  std::vector<std::pair<std::string, Tensor<T>>> out;
  detail::walk_state(
      *this, [](const std::string&, Variable<T>&) {},
      [&](const std::string& name, Tensor<T>& value) { out.emplace_back(name, value); });
  return out;
}

template <class T>
std::vector<std::pair<std::string, Module<T>*>> Module<T>::named_modules() {
  std::vector<std::pair<std::string, Module<T>*>> out;
  detail::walk_modules<T>("", *this, out);
  return out;
}

template <class T>
std::vector<std::pair<std::string, Module<T>*>> Module<T>::children() const {
  std::vector<std::pair<std::string, Module<T>*>> out;
  detail::Walker<T> walker;
  walker.child = [&](const std::string& name, Module<T>& child) { out.emplace_back(name, &child); };
  const_cast<Module<T>*>(this)->members(walker);
  return out;
}

template <class T>
Module<T>& Module<T>::find(const std::string& name) {
  std::string names;
  for (auto& [path, module] : named_modules()) {
    if (path == name) return *module;
    if (!path.empty()) names += (names.empty() ? "" : ", ") + path;
  }
  throw ValueError(text("find: there is no layer \"", name, "\"; there are: ", names));
}

namespace detail {

/// A number of the network that a state dict may fill.
template <class T>
struct LoadTarget {
  std::string name;
  Tensor<T> value;
  Shape image;  ///< [O,H,W,C] as it sees images, or rank 0
};

/// All parameters and buffers of a module, in order.
template <class T>
std::vector<LoadTarget<T>> load_targets(const Module<T>& module) {
  std::vector<LoadTarget<T>> out;
  for (auto& [prefix, part] : const_cast<Module<T>&>(module).named_modules()) {
    Walker<T> walker;
    const auto add = [&out, &path = prefix, at = part](const std::string& name, const Tensor<T>& value) {
      out.push_back({dotted(path, name), value, at->image_shape(name, value)});
    };
    walker.parameter = [&add](const std::string& name, Variable<T>& value) { add(name, value.value()); };
    walker.buffer = [&add](const std::string& name, Tensor<T>& value) { add(name, value); };
    part->members(walker);
  }
  return out;
}

/// What all of a file's names of this network begin with: "module." if it holds "module.conv1.weight" and the network
/// "conv1.weight". Empty if a name fits as it is, or if nothing helps.
inline std::string shared_beginning(const std::vector<std::string>& names, const std::set<std::string>& wanted) {
  std::map<std::string, std::size_t> votes;
  for (const std::string& name : names) {
    if (wanted.contains(name)) return "";
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
      if (wanted.contains(name.substr(dot + 1))) ++votes[name.substr(0, dot + 1)];
  }
  const auto best =
      std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == votes.end() ? "" : best->first;
}

/// The state's names as the network is asked for them: rules applied, a shared beginning taken off.
template <class T>
std::vector<std::string> final_names(const StateDict<T>& state, const std::set<std::string>& wanted,
                                     const LoadOptions& options, LoadReport& report) {
  std::vector<std::string> out;
  for (const auto& [name, value] : state) {
    out.push_back(rename(name, options.rename));
    if (out.back() != name) report.renamed.push_back(name + " -> " + out.back());
  }
  const std::string beginning = shared_beginning(out, wanted);
  if (beginning.empty()) return out;
  report.renamed.push_back(beginning + "* -> *");
  for (std::string& name : out)
    if (name.starts_with(beginning)) name.erase(0, beginning.size());
  return out;
}

/// The shape that a weight has in a state dict of a layout.
inline Shape shape_in(const Shape& shape, const Shape& image, WeightLayout layout) {
  const bool moves = layout == WeightLayout::channels_first && image.rank() == 4 && shape.rank() == 4;
  return moves ? Shape{image[0], image[3], image[1], image[2]} : shape;
}

}  // namespace detail

template <class T>
StateDict<T> Module<T>::to_state_dict() const {
  StateDict<T> out;
  for (const auto& target : detail::load_targets(*this)) {
    out.set(target.name, target.value.clone());
    if (target.image.rank() == 4) out.set_image_shape(target.name, target.image);
  }
  return out;
}

template <class T>
LoadReport Module<T>::load_state_dict(const StateDict<T>& state, const LoadOptions& options) {
  LoadReport report;
  const std::vector<detail::LoadTarget<T>> targets = detail::load_targets(*this);
  std::set<std::string> wanted;
  for (const auto& target : targets) wanted.insert(target.name);

  std::map<std::string, const Tensor<T>*> sources;
  const std::vector<std::string> names = detail::final_names(state, wanted, options, report);
  std::size_t position = 0;
  for (const auto& [file_name, value] : state) {
    const std::string& name = names[position++];
    const bool is_new = sources.emplace(name, &value).second;
    require(is_new, "load_state_dict: two entries are called \"", name, "\" after renaming, the second was \"",
            file_name, "\"");
    if (!wanted.contains(name)) report.unexpected.push_back(name);
  }

  std::vector<std::pair<Tensor<T>, Tensor<T>>> copies;
  for (const auto& [name, value, image] : targets) {
    const auto source = sources.find(name);
    const Shape shape = detail::shape_in(value.shape(), image, state.layout());
    if (source == sources.end()) {
      if (!name.ends_with("num_batches_tracked")) report.missing.push_back(name);
    } else if (source->second->shape() != shape) {
      report.mismatched.push_back(text(name, " (file ", source->second->shape(), ", network ", shape, ")"));
    } else {
      report.loaded.push_back(name);
      copies.emplace_back(value, state.layout() == WeightLayout::channels_first
                                     ? detail::change_layout(*source->second, image, WeightLayout::channels_last)
                                     : *source->second);
    }
  }
  if (options.strict) report.require_complete();
  for (auto& [target, source] : copies) target.copy_from(source);
  for (auto& [name, module] : this->named_modules()) module->forget_prepared();
  return report;
}

KASHI_INSTANTIATE(class Module<float>)
KASHI_INSTANTIATE(class detail::Walker<float>)

}  // namespace kashi::inline v0::nn
