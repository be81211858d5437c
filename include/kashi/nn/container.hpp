/// Modules made of modules: Sequential, Residual, Identity, Lambda.
#pragma once

#include <concepts>

#include <kashi/nn/module.hpp>
#include <kashi/ops/arithmetic.hpp>

namespace kashi::inline v0::nn {

/// A module with numbers of type T.
template <class M, class T>
concept ModuleOf = std::derived_from<std::remove_cvref_t<M>, Module<T>>;

/// Modules one after the other, named "0", "1", ... or as given.
///
///     nn::Sequential net{nn::Conv2d({.in = 3, .out = 32, .kernel = 3}), nn::ReLU(), nn::GlobalAvgPool2d(),
///     nn::Linear({.in = 32, .out = 4})};
template <class T = float>
class Sequential : public Module<T> {
 public:
  Sequential() = default;

  /// Takes modules as values; copies share their parameters.
  template <class First, class... Rest>
  requires(ModuleOf<First, T> && (ModuleOf<Rest, T> && ...) &&
           !(sizeof...(Rest) == 0 && std::same_as<std::remove_cvref_t<First>, Sequential>)) explicit(false)
      Sequential(First&& first, Rest&&... rest) {
    add(std::forward<First>(first));
    (add(std::forward<Rest>(rest)), ...);
  }

  /// Adds a module at the end, under its position as name, or a name of one's own.
  template <ModuleOf<T> M>
  Sequential& add(M&& module) {
    return add(std::to_string(size()), std::forward<M>(module));
  }
  template <ModuleOf<T> M>
  Sequential& add(const std::string& name, M&& module) {
    return add(name,
               std::static_pointer_cast<Module<T>>(std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module))));
  }
  Sequential& add(std::shared_ptr<Module<T>> module) { return add(std::to_string(size()), std::move(module)); }
  /// Throws ValueError for a name that is taken, empty, or has a dot.
  Sequential& add(const std::string& name, std::shared_ptr<Module<T>> module) {
    require(module != nullptr, "Sequential: the module \"", name, "\" is null");
    require(!name.empty() && name.find('.') == std::string::npos,
            "Sequential: a name can't be empty or have a dot; got \"", name, "\"");
    for (const auto& [taken, other] : modules_)
      require(taken != name, "Sequential: there is already a module \"", name, "\"");
    modules_.emplace_back(name, std::move(module));
    return *this;
  }
  /// Adds a module at the end whose members count as the Sequential's own: their names get nothing before them. It may
  /// be done once. Networks whose file names know nothing of a Residual or a group of layers are built so.
  template <ModuleOf<T> M>
  Sequential& add_inline(M&& module) {
    for (const auto& [taken, other] : modules_)
      require(!taken.empty(), "Sequential: only one module can be added inline");
    modules_.emplace_back("", std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module)));
    return *this;
  }
  /// Puts another module in the place of a named one, as when a head is replaced. Throws ValueError for an unknown
  /// name.
  template <ModuleOf<T> M>
  void replace(const std::string& name, M&& module) {
    for (auto& [key, old] : modules_) {
      if (key != name) continue;
      old = std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module));
      return;
    }
    throw ValueError(text("Sequential: there is no module \"", name, "\" to replace"));
  }

  Index size() const { return static_cast<Index>(modules_.size()); }
  /// The module at a position. Throws ValueError out of range.
  Module<T>& operator[](Index i) const {
    require(i >= 0 && i < size(), "Sequential: position ", i, " is not in 0..", size() - 1);
    return *modules_[static_cast<std::size_t>(i)].second;
  }

  /// The module of a name, shared, to stand in another network too. Throws ValueError for an unknown name.
  std::shared_ptr<Module<T>> child(const std::string& name) const {
    for (const auto& [key, module] : modules_)
      if (key == name) return module;
    throw ValueError(text("Sequential: there is no module \"", name, "\""));
  }

  Variable<T> forward(const Variable<T>& x) const override {
    try {
      return run_fused(modules_, x, Tail<T>());
    } catch (const ShapeError&) {
      return one_by_one(x);  // fails again, and knows in which layer
    }
  }
  Variable<T> forward_with(const Variable<T>& x, const Tail<T>& tail) const override {
    return detail::is_exactly<Sequential>(*this) ? run_fused(modules_, x, tail) : tail.apply(this->forward(x));
  }
  void members(Members<T>& m) override {
    for (auto& [name, module] : modules_) m(name, module);
  }
  std::string kind() const override { return "Sequential"; }

 private:
  Variable<T> one_by_one(const Variable<T>& x) const {
    Variable<T> value = x;
    for (const auto& [name, module] : modules_) value = (*module)(value);
    return value;
  }

  std::vector<std::pair<std::string, std::shared_ptr<Module<T>>>> modules_;
};

template <class First, class... Rest>
Sequential(First&&, Rest&&...) -> Sequential<typename std::remove_cvref_t<First>::Scalar>;

/// x itself.
template <class T = float>
class Identity : public Module<T> {
 public:
  Variable<T> forward(const Variable<T>& x) const override { return x; }
  bool join(Tail<T>&) const override { return true; }
  std::string kind() const override { return "Identity"; }
};

/// Any function as a module.
///
///     nn::Lambda twice([](const Variable<float>& x) { return x * 2; });
template <class T = float>
class Lambda : public Module<T> {
 public:
  template <class F>
  requires std::is_invocable_r_v < Variable<T>,
  const F&, const Variable<T>& > explicit Lambda(F function) : function_(std::move(function)) {}
  Variable<T> forward(const Variable<T>& x) const override { return function_(x); }
  std::string kind() const override { return "Lambda"; }

 private:
  std::function<Variable<T>(const Variable<T>&)> function_;
};

/// Names of a Residual's children. An empty name: the child's members count as the Residual's own.
struct ResidualNames {
  std::string body = "body";
  std::string shortcut = "shortcut";
};

/// body(x) + shortcut(x); without a shortcut the sum is with x itself (He et al. 2016). Children: "body", "shortcut",
/// or as given.
template <class T = float>
class Residual : public Module<T> {
 public:
  template <ModuleOf<T> Body>
  explicit Residual(Body&& body, ResidualNames names = {})
      : names_(std::move(names)), body_(std::make_shared<std::remove_cvref_t<Body>>(std::forward<Body>(body))) {}
  template <ModuleOf<T> Body, ModuleOf<T> Shortcut>
  Residual(Body&& body, Shortcut&& shortcut, ResidualNames names = {})
      : names_(std::move(names)),
        body_(std::make_shared<std::remove_cvref_t<Body>>(std::forward<Body>(body))),
        shortcut_(std::make_shared<std::remove_cvref_t<Shortcut>>(std::forward<Shortcut>(shortcut))) {}

  Variable<T> forward(const Variable<T>& x) const override {
    try {
      return with_shortcut(x, {});
    } catch (const ShapeError&) {
      return one_by_one(x);  // fails again, and knows in which layer
    }
  }
  Variable<T> forward_with(const Variable<T>& x, const Tail<T>& tail) const override {
    return detail::is_exactly<Residual>(*this) ? with_shortcut(x, tail) : tail.apply(this->forward(x));
  }
  void members(Members<T>& m) override {
    m(names_.body, body_);
    m(names_.shortcut, shortcut_);
  }
  std::string kind() const override { return "Residual"; }

 private:
  /// The sum with the shortcut is the first step of what the body does at its end.
  Variable<T> with_shortcut(const Variable<T>& x, const Tail<T>& tail) const {
    const bool is_apart = body_->has_hooks();
    const Variable<T> first = is_apart ? (*body_)(x) : Variable<T>();
    Tail<T> sum{.norm = nullptr, .residual = shortcut_ ? (*shortcut_)(x) : x};
    const bool fits = sum.append(tail);
    const Variable<T> y = is_apart ? sum.apply(first) : body_->call_with(x, sum);
    return fits ? y : tail.apply(y);
  }

  Variable<T> one_by_one(const Variable<T>& x) const {
    const Variable<T> y = (*body_)(x), skipped = shortcut_ ? (*shortcut_)(x) : x;
    require<ShapeError>(y.shape() == skipped.shape(), "Residual: the body gives ", y.shape(), ", the shortcut ",
                        skipped.shape(),
                        shortcut_ ? "" : " (give it a shortcut that changes the shape, such as a 1x1 convolution)");
    return add(y, skipped);
  }

  ResidualNames names_;
  std::shared_ptr<Module<T>> body_;
  std::shared_ptr<Module<T>> shortcut_;
};

template <class Body>
Residual(Body&&, ResidualNames = {}) -> Residual<typename std::remove_cvref_t<Body>::Scalar>;
template <class Body, class Shortcut>
requires(!std::same_as<std::remove_cvref_t<Shortcut>, ResidualNames>) Residual(Body&&, Shortcut&&, ResidualNames = {})
->Residual<typename std::remove_cvref_t<Body>::Scalar>;

KASHI_INSTANTIATE(class Sequential<float>)

}  // namespace kashi::inline v0::nn
