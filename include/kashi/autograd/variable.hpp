/// Variable<T>: a value that remembers how it was made.
///
/// A Tensor is a value; a Variable is a value and, where a gradient is wanted, a node of the graph that made it. The
/// graph grows while operations run and is walked backwards by `backward()` and `grad()` (engine.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kashi/core/broadcast.hpp>
#include <kashi/core/tensor.hpp>

namespace kashi::inline v0 {

template <class T>
class Variable;
template <class T>
class GradContext;

/// What an operation's rule returns: a gradient for each input, in order. An empty one means: none, or zero.
template <class T>
using Gradients = std::vector<Variable<T>>;

/// An operation's derivative: from the gradient of its output to the gradients of its inputs.
template <class T>
using BackwardRule = std::function<Gradients<T>(const GradContext<T>&)>;

/// Sees a gradient as it passes; returns it, or another of the same shape to take its place.
template <class T>
using GradHook = std::function<Variable<T>(const Variable<T>&)>;

/// Takes a hook out again. Copies of a handle remove the same hook; doing it twice is allowed.
class HookHandle {
 public:
  HookHandle() = default;
  explicit HookHandle(std::function<void()> remove) : remove_(std::move(remove)) {}
  void remove() {
    if (remove_) remove_();
    remove_ = nullptr;
  }

 private:
  std::function<void()> remove_;
};

namespace detail {

/// A list of hooks that can be taken out by number.
template <class F>
class HookList {
 public:
  std::uint64_t add(F hook) {
    hooks_.emplace_back(next_, std::move(hook));
    return next_++;
  }
  void remove(std::uint64_t id) {
    std::erase_if(hooks_, [id](const auto& entry) { return entry.first == id; });
  }
  bool empty() const { return hooks_.empty(); }
  /// A copy, so that a hook may take itself out while it runs.
  std::vector<std::pair<std::uint64_t, F>> entries() const { return hooks_; }

 private:
  std::uint64_t next_ = 0;
  std::vector<std::pair<std::uint64_t, F>> hooks_;
};

inline bool& grad_mode() {
  thread_local bool enabled = true;
  return enabled;
}

inline std::uint64_t next_node_order() {
  static std::atomic<std::uint64_t> count{0};
  return count.fetch_add(1, std::memory_order_relaxed);
}

/// How to make a value again that is cheaper to compute twice than to keep until the backward pass. What was made is
/// kept until forget(), since a value is needed by those that used it and then by the step that made it.
template <class T>
class Recipe {
 public:
  explicit Recipe(std::function<Tensor<T>()> make) : make_(std::move(make)) {}
  const Tensor<T>& value() {
    if (!is_made_) value_ = make_();
    is_made_ = true;
    return value_;
  }
  void forget() {
    value_ = Tensor<T>();
    is_made_ = false;
  }

 private:
  std::function<Tensor<T>()> make_;
  Tensor<T> value_;
  bool is_made_ = false;
};

/// A step of the graph: one value, how its gradient flows on, and (for leaves) the gradient itself.
template <class T>
struct Node {
  const char* name = "leaf";
  std::uint64_t order = next_node_order();
  Shape shape;
  std::vector<std::shared_ptr<Node>> inputs;  // null where no gradient is wanted
  BackwardRule<T> rule;                       // empty for leaves, and after the graph was freed
  std::shared_ptr<Recipe<T>> recipe;          // null: whoever saves the value holds its numbers
  bool freed = false;
  bool requires_grad = true;  // false: a frozen leaf
  Tensor<T> gradient;
  bool has_gradient = false;
  HookList<GradHook<T>> hooks;

  bool is_leaf() const { return !rule && !freed; }
};

/// Frees a graph without recursion: a node's destruction would otherwise destroy its inputs inside itself, and a long
/// chain would overflow the stack.
template <class T>
void delete_node(Node<T>* node) {
  thread_local std::vector<Node<T>*> waiting;
  thread_local bool draining = false;
  waiting.push_back(node);
  if (draining) return;
  draining = true;
  while (!waiting.empty()) {
    Node<T>* next = waiting.back();
    waiting.pop_back();
    delete next;
  }
  draining = false;
}

template <class T>
std::shared_ptr<Node<T>> make_node(const Shape& shape) {
  std::shared_ptr<Node<T>> node(new Node<T>, delete_node<T>);
  node->shape = shape;
  return node;
}

}  // namespace detail

/// While it lives, operations on this thread record nothing, so no gradients can be asked of their results.
class NoGrad {
 public:
  NoGrad() : previous_(detail::grad_mode()) { detail::grad_mode() = false; }
  ~NoGrad() { detail::grad_mode() = previous_; }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool previous_;
};

/// Switches recording on again inside a NoGrad.
class EnableGrad {
 public:
  EnableGrad() : previous_(detail::grad_mode()) { detail::grad_mode() = true; }
  ~EnableGrad() { detail::grad_mode() = previous_; }
  EnableGrad(const EnableGrad&) = delete;
  EnableGrad& operator=(const EnableGrad&) = delete;

 private:
  bool previous_;
};

/// True unless a NoGrad is alive on this thread.
inline bool grad_enabled() { return detail::grad_mode(); }

/// Options of backward().
struct BackwardOptions {
  bool retain_graph = false;  ///< keep the graph for another pass
};

/// A value in a computation. T: float or double.
///
/// Copies are cheap and mean the same value. A Variable made from a Tensor is a constant; `parameter(tensor)` makes one
/// that gathers a gradient.
template <class T>
class Variable {
  static_assert(std::is_floating_point_v<T>, "Variable<T> needs float or double");

 public:
  using Scalar = T;

  /// No value: what an absent bias or gradient is.
  Variable() = default;
  // As in Tensor: handles are copied and dropped by calls.
  [[gnu::noinline]] Variable(const Variable&) = default;
  [[gnu::noinline]] Variable(Variable&&) noexcept = default;
  [[gnu::noinline]] Variable& operator=(const Variable&) = default;
  [[gnu::noinline]] Variable& operator=(Variable&&) noexcept = default;
  [[gnu::noinline]] ~Variable() = default;
  /// A constant.
  Variable(Tensor<T> value) : value_(std::move(value)), defined_(true) {}  // NOLINT: a Tensor is a Variable by itself

  bool defined() const { return defined_; }
  const Tensor<T>& value() const { return value_; }
  /// The value for changing in place, as optimizers do. A later backward through a step that saved it is an error.
  Tensor<T>& mutable_value() { return value_; }

  const Shape& shape() const { return value_.shape(); }
  int rank() const { return value_.rank(); }
  Index numel() const { return value_.numel(); }
  Index size(Index axis) const { return value_.size(axis); }
  /// The number of a value with one element. Throws ShapeError for more or fewer.
  T item() const { return value_.item(); }

  bool requires_grad() const { return node_ != nullptr && node_->requires_grad; }
  /// Makes a constant a leaf that gathers a gradient, freezes a leaf, or thaws it. All copies of a leaf see the change;
  /// a constant's earlier copies stay constants.
  /// Throws GradError for the result of an operation: use detach().
  Variable& set_requires_grad(bool wanted) {
    require<GradError>(is_leaf(), "set_requires_grad: only leaves can be changed; this is the result of ",
                       node_ ? node_->name : "", " (detach() gives a constant)");
    if (node_ != nullptr) node_->requires_grad = wanted;
    if (wanted && node_ == nullptr) node_ = detail::make_node<T>(shape());
    return *this;
  }

  /// True if the value was not made by a recorded operation.
  bool is_leaf() const { return node_ == nullptr || node_->is_leaf(); }

  /// The gradient that backward passes have added up. Throws GradError if there is none.
  const Tensor<T>& grad() const {
    require<GradError>(has_grad(),
                       "grad: there is no gradient; call backward() on a result that this value took part in");
    return node_->gradient;
  }
  /// The gradient for changing in place, as clipping does.
  Tensor<T>& mutable_grad() {
    grad();
    return node_->gradient;
  }
  bool has_grad() const { return node_ != nullptr && node_->has_gradient; }
  /// Forgets the gradient.
  void zero_grad() {
    if (node_ == nullptr) return;
    node_->gradient = Tensor<T>();
    node_->has_gradient = false;
  }

  /// The same value, cut off from the graph.
  Variable detach() const { return defined_ ? Variable(value_) : Variable(); }

  /// Adds d(this)/d(leaf) to every leaf's gradient and frees the graph. The value must have one element.
  /// Throws GradError if nothing can be differentiated.
  void backward(BackwardOptions options = {}) const;
  /// The same for any shape, weighted by `gradient` (a vector-Jacobian product).
  void backward(const Tensor<T>& gradient, BackwardOptions options = {}) const;

  /// Lets `hook` see (and replace) the gradient of this value whenever one is computed.
  /// Throws GradError if the value takes no part in gradients.
  HookHandle register_hook(GradHook<T> hook) const {
    require<GradError>(requires_grad(), "register_hook: this value needs no gradient");
    const std::uint64_t id = node_->hooks.add(std::move(hook));
    return HookHandle([node = std::weak_ptr(node_), id] {
      if (const auto alive = node.lock()) alive->hooks.remove(id);
    });
  }

  /// For the engine and for operations.
  const std::shared_ptr<detail::Node<T>>& node() const { return node_; }
  Variable(Tensor<T> value, std::shared_ptr<detail::Node<T>> node)
      : value_(std::move(value)), node_(std::move(node)), defined_(true) {}

 private:
  Tensor<T> value_;
  std::shared_ptr<detail::Node<T>> node_;
  bool defined_ = false;
};

/// A leaf that gathers a gradient: what a layer learns.
template <class T>
Variable<T> parameter(Tensor<T> value) {
  Variable<T> out(std::move(value));
  out.set_requires_grad(true);
  return out;
}

template <class X>
struct IsVariable : std::false_type {};
template <class T>
struct IsVariable<Variable<T>> : std::true_type {};
template <class X>
struct IsTensor : std::false_type {};
template <class T>
struct IsTensor<Tensor<T>> : std::is_floating_point<T> {};

/// What operations take: a Variable, or a floating-point Tensor, which becomes a constant by itself.
template <class X>
concept Differentiable = IsVariable<std::remove_cvref_t<X>>::value || IsTensor<std::remove_cvref_t<X>>::value;

/// float or double: the number type of a Variable or Tensor.
template <Differentiable X>
using ScalarOf = typename std::remove_cvref_t<X>::Scalar;

/// The Variable type that an operation on X gives.
template <Differentiable X>
using VariableOf = Variable<ScalarOf<X>>;

/// The argument as a Variable.
template <class T>
const Variable<T>& as_variable(const Variable<T>& x) {
  return x;
}
template <class T>
Variable<T> as_variable(const Tensor<T>& x) {
  return Variable<T>(x);
}

}  // namespace kashi::inline v0
