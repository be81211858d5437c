/// Errors: one line each that says who, the rule, what came, and where.
///
/// Everything that a caller can get wrong throws a type from this file before anything is changed.
/// The library never aborts, never prints, and asserts only what would be its own fault.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace kashi::inline v0 {

/// Base of all errors that the library throws. `what()` is one line without a full stop.
///
/// An error that passes through modules on its way out collects their names: the text then ends with
/// `(layer "stem.conv")`.
class Error : public std::runtime_error {
 public:
  explicit Error(std::string message) : std::runtime_error(message), message_(std::move(message)), text_(message_) {}

  const char* what() const noexcept override { return text_.c_str(); }

  /// The dotted name of the layer in which the error arose; empty outside of modules.
  const std::string& layer() const noexcept { return layer_; }

  /// Puts a parent's name before the layer's path: "conv" becomes "stem.conv".
  void add_layer(std::string_view name) {
    layer_ = layer_.empty() ? std::string(name) : std::string(name) + "." + layer_;
    text_ = message_ + " (layer \"" + layer_ + "\")";
  }

  /// The module that the error left last; its parent looks up the name by it.
  const void* source() const noexcept { return source_; }
  void set_source(const void* module) noexcept { source_ = module; }

 private:
  std::string message_;
  std::string layer_;
  std::string text_;
  const void* source_ = nullptr;
};

/// Shapes, ranks or axes that do not fit each other.
class ShapeError : public Error {
  using Error::Error;
};

/// An argument or option outside its range.
class ValueError : public Error {
  using Error::Error;
};

/// A file or folder that can't be opened, read or written; the text names its path.
class IoError : public Error {
  using Error::Error;
};

/// A file whose content breaks its format; the text names its path and the place.
class FormatError : public Error {
  using Error::Error;
};

/// A gradient that can't be computed: nothing to differentiate, a freed graph, a saved value that was changed.
class GradError : public Error {
  using Error::Error;
};

/// Streams all parts into one text: `text("conv2d: groups ", g, " must be positive")`.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

/// Throws `E` with the streamed parts unless `condition` holds. The parts are only streamed when it does not.
template <class E = ValueError, class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) throw E(text(parts...));
}

}  // namespace kashi::inline v0
