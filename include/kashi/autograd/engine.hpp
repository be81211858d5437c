/// The backward pass: gradients flow from outputs to inputs, newest node first.
#pragma once

#include <queue>
#include <unordered_map>
#include <unordered_set>

#include <kashi/autograd/function.hpp>
#include <kashi/core/compiled.hpp>
#include <kashi/kernels/elementwise.hpp>

namespace kashi::inline v0 {

/// Options of grad().
struct GradOptions {
  bool create_graph = false;  ///< make the gradients differentiable themselves
  bool retain_graph = false;  ///< keep the graph for another pass (create_graph does so too)
  bool allow_unused = false;  ///< an input that the outputs do not depend on gets zeros instead of an error
};

/// a + b as gradients are summed; declared here, defined with the arithmetic operations.
template <class T>
Variable<T> add_gradients(const Variable<T>& a, const Variable<T>& b);

namespace detail {

/// Sums the gradients that arrive at one value. The first is kept as it is; one that nobody else holds becomes the sum.
template <class T>
void accumulate(Variable<T>& total, Variable<T> more, bool create_graph) {
  if (!total.defined()) {
    total = std::move(more);
    return;
  }
  if (create_graph) {
    total = add_gradients(total, more);
    return;
  }
  if (!total.value().is_unique() && more.value().is_unique()) std::swap(total, more);
  Tensor<T> sum = total.value().is_unique() ? total.value() : Tensor<T>::empty(total.shape());
  kernels::add(sum.numel(), total.value().data(), more.value().data(), sum.mutable_data());
  total = Variable<T>(std::move(sum));
}

template <class T>
void accumulate_leaf(Node<T>& leaf, const Variable<T>& gradient) {
  Variable<T> total = leaf.has_gradient ? Variable<T>(std::move(leaf.gradient)) : Variable<T>();
  accumulate(total, Variable<T>(gradient.value()), false);
  leaf.gradient = total.value();
  leaf.has_gradient = true;
}

/// One backward pass over the graph below some outputs.
template <class T>
class Engine {
 public:
  using NodePointer = std::shared_ptr<Node<T>>;

  Engine(bool create_graph, bool retain_graph)
      : create_graph_(create_graph), retain_graph_(retain_graph || create_graph) {}

  void seed(const Variable<T>& output, Variable<T> gradient) { arrive(output.node(), std::move(gradient)); }

  /// Only these values are wanted: leaves are not touched, and paths that do not lead to them are skipped.
  void restrict_to(const std::vector<Variable<T>>& inputs) {
    restricted_ = true;
    for (const auto& input : inputs) targets_.insert(input.node().get());
  }

  void run() {
    if (restricted_) mark_paths();
    while (!queue_.empty()) {
      const NodePointer node = queue_.top();
      queue_.pop();
      auto found = pending_.find(node.get());
      Variable<T> gradient = std::move(found->second);
      pending_.erase(found);
      for (const auto& [id, hook] : node->hooks.entries()) {
        gradient = hook(gradient);
        require<GradError>(gradient.defined() && gradient.shape() == node->shape, "backward: a hook on ", node->name,
                           " must return a gradient of shape ", node->shape);
      }
      visit(node, std::move(gradient));
    }
  }

  /// The gradient of a restricted target; empty if nothing reached it.
  Variable<T> result(const Variable<T>& input) const {
    const auto found = results_.find(input.node().get());
    return found == results_.end() ? Variable<T>() : found->second;
  }

 private:
  struct Older {
    bool operator()(const NodePointer& a, const NodePointer& b) const { return a->order < b->order; }
  };

  void arrive(const NodePointer& node, Variable<T> gradient) {
    auto [entry, is_new] = pending_.try_emplace(node.get());
    if (is_new) queue_.push(node);
    accumulate(entry->second, std::move(gradient), create_graph_);
  }

  void visit(const NodePointer& node, Variable<T> gradient) {
    if (restricted_ && targets_.contains(node.get())) results_[node.get()] = gradient;
    if (node->is_leaf()) {
      if (!restricted_) accumulate_leaf(*node, gradient);
      return;
    }
    if (restricted_ && !leads_to_target(node.get())) return;
    require<GradError>(!node->freed, "backward: the graph of ", node->name,
                       " was freed by an earlier pass; give it {.retain_graph = true}");
    const std::vector<NodePointer> inputs = node->inputs;
    Gradients<T> gradients = node->rule(GradContext<T>(*node, node, std::move(gradient), create_graph_));
    require<GradError>(gradients.size() == inputs.size(), "backward: the rule of ", node->name, " returned ",
                       gradients.size(), " gradients for ", inputs.size(), " inputs");
    if (!retain_graph_) {
      node->freed = true;
      node->rule = nullptr;
      node->recipe = nullptr;
      node->inputs.clear();
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] == nullptr || !gradients[i].defined()) continue;
      require<GradError>(gradients[i].shape() == inputs[i]->shape, "backward: the rule of ", node->name,
                         " returned a gradient of shape ", gradients[i].shape(), " for input ", i, " of shape ",
                         inputs[i]->shape);
      arrive(inputs[i], std::move(gradients[i]));
    }
  }

  bool leads_to_target(Node<T>* node) const { return useful_.contains(node); }

  /// Marks every node from which a target can be reached (depth first, without recursion).
  void mark_paths() {
    std::vector<Node<T>*> order;
    std::unordered_set<Node<T>*> seen;
    std::vector<Node<T>*> waiting;
    for (const auto& [node, gradient] : pending_) waiting.push_back(node);
    while (!waiting.empty()) {
      Node<T>* node = waiting.back();
      waiting.pop_back();
      if (!seen.insert(node).second) continue;
      order.push_back(node);
      for (const auto& input : node->inputs)
        if (input != nullptr) waiting.push_back(input.get());
    }
    // Inputs are older than what they lead to, so oldest first sees every input before its consumers.
    std::sort(order.begin(), order.end(), [](const Node<T>* a, const Node<T>* b) { return a->order < b->order; });
    for (Node<T>* node : order)
      for (const auto& input : node->inputs)
        if (input != nullptr && (targets_.contains(input.get()) || useful_.contains(input.get()))) useful_.insert(node);
  }

  bool create_graph_;
  bool retain_graph_;
  bool restricted_ = false;
  std::unordered_set<Node<T>*> targets_;
  std::unordered_set<Node<T>*> useful_;
  std::unordered_map<Node<T>*, Variable<T>> pending_;
  std::unordered_map<Node<T>*, Variable<T>> results_;
  std::priority_queue<NodePointer, std::vector<NodePointer>, Older> queue_;
};

template <class T>
void require_differentiable(const Variable<T>& output, const char* who) {
  require<GradError>(
      output.requires_grad(), who, ": there is nothing to differentiate: no input of this value needs a gradient",
      grad_enabled() ? " (make one with parameter(), or set_requires_grad(true))" : " (it was computed under NoGrad?)");
}

}  // namespace detail

template <class T>
void Variable<T>::backward(BackwardOptions options) const {
  detail::require_differentiable(*this, "backward");
  require<GradError>(numel() == 1, "backward: the value must be one number; its shape is ", shape(),
                     " (pass a gradient of that shape, or take sum() or mean())");
  backward(Tensor<T>::ones(shape()), options);
}

template <class T>
void Variable<T>::backward(const Tensor<T>& gradient, BackwardOptions options) const {
  detail::require_differentiable(*this, "backward");
  require<ShapeError>(gradient.shape() == shape(), "backward: the gradient's shape ", gradient.shape(),
                      " differs from the value's ", shape());
  const NoGrad no_grad;
  detail::Engine<T> engine(false, options.retain_graph);
  engine.seed(*this, Variable<T>(gradient));
  engine.run();
}

/// Gradients of (the sum of) `outputs` with respect to `inputs`, which may be any values of the graph. Leaves are not
/// touched.
///
/// With {.create_graph = true} the gradients can be differentiated again.
/// Throws GradError if there is nothing to differentiate or an input takes no part (see allow_unused).
template <class T>
std::vector<Variable<T>> grad(const std::vector<Variable<T>>& outputs, const std::vector<Variable<T>>& inputs,
                              GradOptions options = {}, const std::vector<Variable<T>>& grad_outputs = {}) {
  require<GradError>(!outputs.empty() && !inputs.empty(), "grad: outputs and inputs can't be empty");
  require<GradError>(grad_outputs.empty() || grad_outputs.size() == outputs.size(), "grad: ", grad_outputs.size(),
                     " grad_outputs for ", outputs.size(), " outputs");
  for (const auto& input : inputs)
    require<GradError>(input.requires_grad(), "grad: an input of shape ", input.shape(),
                       " needs no gradient (set_requires_grad(true) before it is used)");
  detail::Engine<T> engine(options.create_graph, options.retain_graph);
  engine.restrict_to(inputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    detail::require_differentiable(outputs[i], "grad");
    const Variable<T> seed = grad_outputs.empty() ? Variable<T>(Tensor<T>::ones(outputs[i].shape())) : grad_outputs[i];
    require<ShapeError>(seed.shape() == outputs[i].shape(), "grad: grad_outputs[", i, "] has shape ", seed.shape(),
                        ", the output ", outputs[i].shape());
    engine.seed(outputs[i], seed);
  }
  if (options.create_graph) {
    const EnableGrad enable;
    engine.run();
  } else {
    const NoGrad no_grad;
    engine.run();
  }
  std::vector<Variable<T>> results;
  for (const auto& input : inputs) {
    Variable<T> result = engine.result(input);
    require<GradError>(result.defined() || options.allow_unused,
                       "grad: the outputs do not depend on an input of shape ", input.shape(),
                       " (pass {.allow_unused = true} to get zeros)");
    results.push_back(result.defined() ? result : Variable<T>(Tensor<T>::zeros(input.shape())));
  }
  return results;
}

/// The gradient of one output with respect to one input.
template <class T>
Variable<T> grad(const Variable<T>& output, const Variable<T>& input, GradOptions options = {}) {
  return grad(std::vector{output}, std::vector{input}, options)[0];
}

KASHI_INSTANTIATE(class Variable<float>)
KASHI_INSTANTIATE(class Variable<double>)
KASHI_INSTANTIATE(class detail::Engine<float>)
KASHI_INSTANTIATE(class detail::Engine<double>)

}  // namespace kashi::inline v0
