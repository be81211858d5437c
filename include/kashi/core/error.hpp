/// Errors: one line each that says who, the rule, what came, and where.
///
/// Everything that a caller can get wrong throws a type from this file before anything is changed.
/// The library never aborts, never prints, and asserts only what would be its own fault.
#pragma once

#include <cstddef>
#include <cstdio>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
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

namespace detail {

/// A part of a message by reference: text, a number (as "%g" prints it), or anything with to_string().
///
/// The type is forgotten here, so that a check costs its caller a few stores off the beaten path and no template of its
/// own.
class TextPart {
 public:
  template <class Part>
  TextPart(const Part& part) : part_(&part), append_(append<Part>) {}  // NOLINT: made in argument lists alone
  template <std::size_t N>
  TextPart(const char (&part)[N]) : part_(part), append_(append_literal) {}

  void append_to(std::string& out) const { append_(out, part_); }

 private:
  template <class Part>
  static void append(std::string& out, const void* pointer) {
    const Part& part = *static_cast<const Part*>(pointer);
    if constexpr (std::is_same_v<Part, char>) {
      out += part;
    } else if constexpr (std::is_convertible_v<const Part&, std::string_view>) {
      out += std::string_view(part);
    } else if constexpr (std::is_unsigned_v<Part>) {
      append_unsigned(out, part);
    } else if constexpr (std::is_integral_v<Part>) {
      append_integer(out, part);
    } else if constexpr (std::is_floating_point_v<Part>) {
      char buffer[32];
      std::snprintf(buffer, sizeof buffer, "%g", static_cast<double>(part));
      out += buffer;
    } else {
      out += part.to_string();
    }
  }

  // Once for all types of their kind.
  [[gnu::noinline]] static void append_integer(std::string& out, long long number) { out += std::to_string(number); }
  [[gnu::noinline]] static void append_unsigned(std::string& out, unsigned long long number) {
    out += std::to_string(number);
  }
  static void append_literal(std::string& out, const void* pointer) { out += static_cast<const char*>(pointer); }

  const void* part_;
  void (*append_)(std::string&, const void*);
};

inline std::string join(std::initializer_list<TextPart> parts) {
  std::string out;
  for (const TextPart& part : parts) part.append_to(out);
  return out;
}

#if defined(__GNUC__)
#define KASHI_COLD [[gnu::cold, gnu::noinline]]
#else
#define KASHI_COLD
#endif
template <class E>
[[noreturn]] KASHI_COLD void fail(std::initializer_list<TextPart> parts) {
  throw E(join(parts));
}
#undef KASHI_COLD

}  // namespace detail

/// All parts as one text: `text("conv2d: groups ", g, " must be positive")`.
template <class... Parts>
std::string text(const Parts&... parts) {
  return detail::join({detail::TextPart(parts)...});
}

/// Throws `E` with the parts as one text unless `condition` holds. The text is only made when it does not.
template <class E = ValueError, class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) detail::fail<E>({detail::TextPart(parts)...});
}

}  // namespace kashi::inline v0
