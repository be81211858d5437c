/// Optimizer<T>: changes parameters by their gradients. Parameter groups, and state that can be saved.
///
///     optim::AdamW adam(net.parameters(), {.lr = 1e-3});
///     adam.zero_grad();
///     loss.backward();
///     adam.step();
///
/// An optimizer holds handles of the parameters, which stay valid without the network. It can be moved, not copied: two
/// optimizers on one set of parameters are almost always a mistake.
#pragma once

#include <cmath>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include <kashi/autograd/variable.hpp>
#include <kashi/optim/optimizer_base.hpp>
#include <kashi/optim/state.hpp>

namespace kashi::inline v0::optim {

/// Parameters that share options.
template <class T, class Options>
struct ParameterGroup {
  std::vector<Variable<T>> parameters;
  Options options{};
};

/// One parameter and what an optimizer remembers about it.
template <class T>
struct Slot {
  Variable<T> parameter;
  Index group = 0;
  Index steps = 0;                   ///< updates of this parameter
  std::vector<Tensor<T>> buffers{};  ///< in the order of buffer_names(); empty until first needed
};

/// Base of all optimizers of T parameters (float or double).
template <class T>
class Optimizer : public OptimizerBase {
 public:
  using Scalar = T;

  /// Changes every parameter that has a gradient; the others stay as they are, and so do their averages.
  void step() {
    settings();
    for (Slot<T>& slot : slots_) {
      if (!slot.parameter.has_grad()) continue;
      ++slot.steps;
      update(slot);
    }
    ++steps_;
  }

  /// Forgets the gradients of all parameters.
  void zero_grad() {
    for (Slot<T>& slot : slots_) slot.parameter.zero_grad();
  }

  /// How often step() was called.
  Index steps() const { return steps_; }

  /// All parameters, group after group.
  std::vector<Variable<T>> parameters() const {
    std::vector<Variable<T>> out;
    for (const Slot<T>& slot : slots_) out.push_back(slot.parameter);
    return out;
  }

  /// Copies of all that step() remembers, and the learning rates and momenta as they stand. Parameters are numbered in
  /// the order of parameters(): "0.exp_avg".
  State<T> state() const;

  /// Goes on from a state that the same kind of optimizer gave for parameters of the same shapes.
  /// Throws ValueError for names, ShapeError for shapes that don't fit, before anything is changed.
  void load_state(const State<T>& state);

 protected:
  Optimizer(std::string kind, std::vector<GroupSettings> settings, std::vector<Slot<T>> slots)
      : OptimizerBase(std::move(kind), std::move(settings)), slots_(std::move(slots)) {}

  /// Changes one parameter by its gradient.
  virtual void update(Slot<T>& slot) = 0;
  /// The names of all buffers that this kind of optimizer can have.
  virtual std::vector<std::string> buffer_names() const = 0;
  /// Whether buffer number `i` is in use under a group's options.
  virtual bool needs_buffer(Index group, std::size_t i) const = 0;

  /// The buffer's numbers; zeros at first.
  T* buffer(Slot<T>& slot, std::size_t i) const {
    if (!needs_buffer(slot.group, i)) return nullptr;
    if (slot.buffers.size() <= i) slot.buffers.resize(i + 1);
    if (!has_buffer(slot, i)) slot.buffers[i] = Tensor<T>::zeros(slot.parameter.shape());
    return slot.buffers[i].mutable_data();
  }
  static bool has_buffer(const Slot<T>& slot, std::size_t i) {
    return i < slot.buffers.size() && slot.buffers[i].shape() == slot.parameter.shape();
  }

  /// Calls f(begin, length) on pieces of a parameter, on several threads.
  template <class F>
  static void for_pieces(const Slot<T>& slot, F&& f) {
    constexpr Index piece = 16384;
    parallel_for(slot.parameter.numel(), piece, [&](Index begin, Index end) { f(begin, end - begin); });
  }

 private:
  Numbers numbers() const;
  void check_state(const State<T>& state) const;

  std::vector<Slot<T>> slots_;
  Index steps_ = 0;
};

template <class T>
Numbers Optimizer<T>::numbers() const {
  Numbers out;
  out.set("kind." + kind(), 1);
  out.set("steps", static_cast<double>(steps_));
  for (Index group = 0; group < groups(); ++group) {
    out.set(text("group.", group, ".lr"), lr(group));
    out.set(text("group.", group, ".momentum"), momentum(group));
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) out.set(text(i, ".steps"), static_cast<double>(slots_[i].steps));
  return out;
}

template <class T>
State<T> Optimizer<T>::state() const {
  State<T> out;
  out.numbers = numbers();
  const auto names = buffer_names();
  for (std::size_t i = 0; i < slots_.size(); ++i)
    for (std::size_t j = 0; j < names.size(); ++j)
      if (has_buffer(slots_[i], j)) out.tensors.set(text(i, ".", names[j]), slots_[i].buffers[j].clone());
  return out;
}

template <class T>
void Optimizer<T>::check_state(const State<T>& state) const {
  const std::string who = kind() + ": load_state";
  for (const auto& [name, value] : state.numbers)
    require(!name.starts_with("kind.") || name == "kind." + kind(), who, ": the state is of ", name.substr(5));
  detail::require_same_names(numbers(), state.numbers, who);
  for (const auto& [name, value] : state.numbers)
    require(std::isfinite(value) && value >= 0, who, ": the number \"", name, "\" is ", value);
  const auto names = buffer_names();
  std::size_t known = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    for (std::size_t j = 0; j < names.size(); ++j) {
      const std::string name = text(i, ".", names[j]);
      const Tensor<T>* found = state.tensors.find(name);
      const bool is_needed = needs_buffer(slots_[i].group, j) && state.numbers.at(text(i, ".steps")) > 0;
      require(found != nullptr || !is_needed, who, ": the state has no tensor \"", name,
              "\" (was it saved with other options?)");
      if (found == nullptr) continue;
      ++known;
      const Shape& shape = slots_[i].parameter.shape();
      require<ShapeError>(found->shape() == shape, who, ": \"", name, "\" has shape ", found->shape(),
                          ", the parameter ", shape);
    }
  }
  require(known == state.tensors.size(), who, ": the state has ", state.tensors.size() - known,
          " tensors of no parameter; this optimizer has ", slots_.size(), " parameters");
}

template <class T>
void Optimizer<T>::load_state(const State<T>& state) {
  check_state(state);
  const auto names = buffer_names();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].steps = static_cast<Index>(state.numbers.at(text(i, ".steps")));
    slots_[i].buffers.assign(names.size(), Tensor<T>());
    for (std::size_t j = 0; j < names.size(); ++j)
      if (const Tensor<T>* found = state.tensors.find(text(i, ".", names[j]))) slots_[i].buffers[j] = found->clone();
  }
  for (std::size_t group = 0; group < settings()->size(); ++group) {
    (*settings())[group].lr = state.numbers.at(text("group.", group, ".lr"));
    (*settings())[group].momentum = state.numbers.at(text("group.", group, ".momentum"));
  }
  steps_ = static_cast<Index>(state.numbers.at("steps"));
}

namespace detail {

/// Lists the parameters of all groups. Throws ValueError for none, for constants, and for one that occurs twice.
template <class T, class Options>
std::vector<Slot<T>> make_slots(const std::string& kind, const std::vector<ParameterGroup<T, Options>>& groups) {
  std::vector<Slot<T>> slots;
  std::unordered_set<const void*> seen;
  for (std::size_t group = 0; group < groups.size(); ++group) {
    for (const Variable<T>& parameter : groups[group].parameters) {
      const std::string place = text("parameter ", slots.size(), " of shape ", parameter.shape());
      require(parameter.node() != nullptr && parameter.is_leaf(), kind, ": ", place,
              " gathers no gradient: it is a constant or the result of an operation (make it by parameter(tensor))");
      require(seen.insert(parameter.node().get()).second, kind, ": ", place, " was already given");
      slots.push_back({parameter, static_cast<Index>(group)});
    }
  }
  require(!slots.empty(), kind, ": there are no parameters");
  return slots;
}

}  // namespace detail

/// An optimizer whose groups have `Options`. For each Options there is check_options(options), which throws ValueError,
/// and momentum_of(options), the momentum or beta1 that schedules may change.
template <class T, class Options>
class GroupedOptimizer : public Optimizer<T> {
 public:
  using Group = ParameterGroup<T, Options>;

  /// A group's options, with the learning rate and the momentum that they began with.
  const Options& options(Index group = 0) const {
    require(group >= 0 && group < this->groups(), this->kind(), ": there is no group ", group, " among the ",
            this->groups());
    return options_[static_cast<std::size_t>(group)];
  }

 protected:
  GroupedOptimizer(const char* kind, std::vector<Group> groups)
      : Optimizer<T>(kind, checked_settings(kind, groups), detail::make_slots(kind, groups)) {
    for (const Group& group : groups) options_.push_back(group.options);
  }

 private:
  static std::vector<GroupSettings> checked_settings(const std::string& kind, const std::vector<Group>& groups) {
    std::vector<GroupSettings> out;
    for (const Group& group : groups) {
      check_options(group.options, kind);
      out.push_back({.lr = group.options.lr, .momentum = momentum_of(group.options)});
    }
    return out;
  }

  std::vector<Options> options_;
};

KASHI_INSTANTIATE(class Optimizer<float>)

}  // namespace kashi::inline v0::optim
