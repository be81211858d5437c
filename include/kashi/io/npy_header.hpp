/// The header of NumPy's .npy format, read with distrust. Include io/npy.hpp from outside.
///
/// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. Eight bytes with a magic text and a
/// version, the header's length, and a Python dict of exactly three keys: descr, fortran_order, shape.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/io/byte_source.hpp>
#include <kashi/io/dtype.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/utf8.hpp>

namespace kashi::inline v0::io::detail {

struct NpyHeader {
  Dtype dtype = Dtype::f32;
  bool is_fortran = false;  ///< the first axis runs fastest
  Shape shape;
  std::size_t data_begin = 0;
};

inline constexpr std::string_view npy_magic = "\x93NUMPY";

/// NumPy's letter and size of each type, by Dtype; bfloat16 has none.
inline constexpr std::array<std::string_view, 13> npy_codes = {"f8", "f4", "f2", "",   "i8", "i4", "i2",
                                                               "i1", "u8", "u4", "u2", "u1", "b1"};

/// Reads the dict's text from the left.
class NpyDict {
 public:
  NpyDict(std::string_view text, const Limits& limits, const std::string& where)
      : rest_(text), limits_(limits), where_(where) {}

  NpyHeader read() {
    NpyHeader out;
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      bool& is_known = key == "descr" ? has_type : key == "fortran_order" ? has_order : has_shape;
      check(key == "descr" || key == "fortran_order" || key == "shape", "has the unknown key '", shown_text(key), "'");
      check(!is_known, "has the key '", key, "' twice");
      is_known = true;
      if (key == "descr") {
        out.dtype = type();
      } else if (key == "fortran_order") {
        out.is_fortran = boolean();
      } else {
        out.shape = shape();
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    check(rest_.empty(), "goes on behind its dict");
    check(has_type && has_order && has_shape, "lacks descr, fortran_order or shape");
    return out;
  }

 private:
  template <class... Parts>
  void check(bool condition, const Parts&... reason) const {
    require<FormatError>(condition, where_, ": its npy header ", reason...);
  }

  void skip_space() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
  }

  bool accept(char wanted) {
    skip_space();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char wanted) { check(accept(wanted), "lacks a '", wanted, "' before \"", shown_text(rest_, 20), "\""); }

  std::string_view quoted() {
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    check(quote == '\'' || quote == '"', "lacks a quoted text before \"", shown_text(rest_, 20), "\"");
    const std::size_t end = rest_.find(quote, 1);
    check(end != std::string_view::npos, "has a text without its end");
    const std::string_view out = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return out;
  }

  Dtype type() {
    check(!accept('['), "describes records with fields, which are not read");
    const std::string_view descr = quoted();
    check(descr.find('O') == std::string_view::npos, "describes Python objects ('", shown_text(descr),
          "'), which are not read");
    check(!descr.starts_with('>') || descr.size() < 3 || descr.substr(2) == "1", "describes big-endian numbers ('",
          shown_text(descr), "'), which are not read");
    const std::string_view code = descr.substr(std::min<std::size_t>(descr.size(), 1));
    const auto* found = std::find(npy_codes.begin(), npy_codes.end(), code);
    check(!code.empty() && found != npy_codes.end() &&
              (descr[0] == '<' || descr[0] == '=' || descr[0] == '|' || descr[0] == '>'),
          "describes the type '", shown_text(descr), "'; f8, f4, f2, i8 to i1, u8 to u1 and b1 are read");
    return static_cast<Dtype>(found - npy_codes.begin());
  }

  bool boolean() {
    skip_space();
    for (const std::string_view word : {"True", "False"}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return word == "True";
    }
    check(false, "says neither True nor False for fortran_order");
    return false;
  }

  Index integer() {
    skip_space();
    Index out = 0;
    bool has_digit = false;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      const Index digit = rest_.front() - '0';
      check(out <= (std::numeric_limits<Index>::max() - digit) / 10, "has a size beyond 64 bits");
      out = out * 10 + digit;
      has_digit = true;
      rest_.remove_prefix(1);
    }
    check(has_digit, "lacks a size before \"", shown_text(rest_, 20), "\"");
    return out;
  }

  Shape shape() {
    expect('(');
    std::vector<Index> sizes;
    while (!accept(')')) {
      check(sizes.size() < static_cast<std::size_t>(Shape::max_rank), "has more than ", int{Shape::max_rank}, " axes");
      sizes.push_back(integer());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return checked_shape(sizes, limits_.tensor_elements, where_);
  }

  std::string_view rest_;
  const Limits& limits_;
  const std::string& where_;
};

/// Reads the header and checks that as many bytes follow it as its shape needs.
inline NpyHeader read_npy_header(std::span<const std::byte> bytes, const Limits& limits, const std::string& where) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  require<FormatError>(text.starts_with(npy_magic), where, ": it does not begin with npy's magic text");
  require<FormatError>(text.size() >= 12, where, ": its npy header is cut off");
  const int version = text[6];
  require<FormatError>(version >= 1 && version <= 3, where, ": version ", version,
                       " of the npy format; 1 to 3 are read");
  const std::size_t begin = version == 1 ? 10 : 12;
  const std::size_t header_bytes =
      version == 1 ? little_endian<std::uint16_t>(bytes, 8) : little_endian<std::uint32_t>(bytes, 8);
  require<FormatError>(header_bytes <= text.size() - begin, where, ": its npy header claims ", header_bytes, " bytes, ",
                       text.size() - begin, " follow");
  NpyHeader out = NpyDict(text.substr(begin, header_bytes), limits, where).read();
  out.data_begin = begin + header_bytes;
  const std::int64_t needed = out.shape.numel() * size_of(out.dtype),
                     there = static_cast<std::int64_t>(text.size() - out.data_begin);
  require<FormatError>(needed == there, where, ": its shape ", out.shape, " needs ", needed, " bytes, the file has ",
                       there);
  return out;
}

}  // namespace kashi::inline v0::io::detail
