/// The built-in typeface: printable ASCII as strokes, so that text is sharp at every size.
///
/// Each glyph is a list of strokes, separated by spaces. A stroke is a list of points of two characters: x as a digit
/// 0..9, or as a letter A..J (0..9) for the control point of a quadratic curve, then y as 0..9, a (10), b (11).
/// The baseline lies at y = 2, small letters reach to 8, capitals to 10, descenders to 0.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

#include <kashi/plot/canvas.hpp>

namespace kashi::inline v0::plot::detail {

inline constexpr std::array<std::string_view, 95> glyph_strokes = {
    // space ! " # $ % & '
    "", "0a05 0202", "0a07 2a27", "121a 424a 0454 0858", "48E929A90807A626E64544E323A304 2b21",
    "1aAa09A818C829Ca1a 54E443E252G263G454 026a", "6218Ba3aEa49E726A504A222F266", "0a07",
    // ( ) * + , - . /
    "2bA906A321", "0bC926C301", "2a26 0947 0749", "2723 0545", "1200", "0535", "0202", "014b",
    // 0 1 2 3 4 5 6 7 8 9
    "2aAa0705A222E24547Ea2a", "082a22 0242", "08Aa2aEa48E60242", "09Aa2aEa48E62616 26E644E222A203", "3a0444 3732",
    "4a0a0727E74544E222A203", "49Ea2aAa0704A222E24445E727A705", "0a4a12", "2aAa08A626E648Ea2a 26A604A222E244E626",
    "03A222E24548Ea2aAa0807A525E547",
    // : ; < = > ? @
    "0202 0707", "1200 1717", "480542", "0646 0444", "084502", "08Aa2aEa48E72625 2222",
    "47E838C826C434E446 4845E454G466Ga3aAa06A23252",
    // A to M
    "023a62 1555", "020a3aFa58F63606 36F654F23202", "68Ga3aAa06A232G264", "020a2aGa66G22202", "5a0a0252 0646",
    "5a0a02 0646", "68Ga3aAa06A232G26636", "020a 626a 0666", "2a0a 2202 1a12", "4a45E222A204", "020a 5a05 2752",
    "0a0252", "020a346a62",
    // N to Z
    "020a525a", "3aAa06A232G266Ga3a", "020a3aFa58F63606", "3aAa06A232G266Ga3a 4461", "020a3aFa58F63606 3652",
    "58Fa3a2aAa08A62636F654F23222A204", "0a6a 3a32", "0a05A232G2656a", "0a326a", "0a2249628a", "0a62 026a",
    "0a366a 3632", "0a5a0252",
    // [ \ ] ^ _ `
    "2b0b0121", "0b41", "0b2b2101", "082a48", "0151", "0a18",
    // a to m
    "07A828E84642 4525A504A222E244", "0a02 05A828E845E222A205", "47E828A805A222E243", "4a42 45E828A805A222E245",
    "0545E828A805A222E243", "3aBa1812 0838", "45E828A805A222E245 4842E02000", "0a02 06A828E84642", "0802 0a0a",
    "2822C000 2a2a", "0a02 4804 1542", "0a03A212", "0802 06A818D83632 36D848G86662",
    // n to z
    "0802 06A828E84642", "28A805A222E245E828", "0800 05A828E845E222A205", "4840 45E828A805A222E245", "0802 05A838",
    "47E828A80706A525E54443E222A203", "1a13B22232 0838", "0804A222E244 4842", "082248", "0812375268", "0842 0248",
    "0822 482210", "08480242",
    // { | } ~
    "3bBb1918B606B61413B131", "0b01", "0bCb2928C636C62423C101", "05A6163444F455"};

/// Drawn for every character that the typeface lacks.
inline constexpr std::string_view missing_glyph = "020a4a4202";

struct Glyph {
  std::vector<Path> strokes;  ///< in pixels; y counts down from the capitals' upper edge
  double width = 0;
};

/// The text of a character's strokes; a box for what is not printable ASCII.
inline std::string_view strokes_of(char32_t character) {
  const bool is_known = character >= U' ' && character <= U'~';
  return is_known ? glyph_strokes[static_cast<std::size_t>(character - U' ')] : missing_glyph;
}

/// A glyph at `unit` pixels a unit. The points that define it are moved to whole pixels, so that upright and level
/// strokes are sharp; curves are drawn between these as short lines.
template <class = void>
inline Glyph make_glyph(char32_t character, double unit) {
  constexpr int curve_steps = 6;
  const std::string_view code = strokes_of(character);
  Glyph out;
  if (character == U' ') out.width = std::round(2 * unit);
  const auto digit = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  const auto point = [&](std::size_t at) {
    const int x = code[at] >= 'A' ? code[at] - 'A' : code[at] - '0';
    return Point{std::round(x * unit), std::round((10 - digit(code[at + 1])) * unit)};
  };
  bool is_new = true;
  for (std::size_t i = 0; i < code.size();) {
    if (code[i] == ' ') {
      is_new = true;
      ++i;
      continue;
    }
    if (is_new) out.strokes.emplace_back();
    is_new = false;
    Path& stroke = out.strokes.back();
    const bool is_curve = code[i] >= 'A';
    const Point end = point(is_curve ? i + 2 : i);
    if (is_curve) {
      const Point begin = stroke.back(), control = point(i);
      for (int step = 1; step < curve_steps; ++step) {
        const double t = static_cast<double>(step) / curve_steps, s = 1 - t;
        stroke.push_back({s * s * begin.x + 2 * s * t * control.x + t * t * end.x,
                          s * s * begin.y + 2 * s * t * control.y + t * t * end.y});
      }
    }
    stroke.push_back(end);
    out.width = std::max(out.width, end.x);
    i += is_curve ? 4 : 2;
  }
  return out;
}

}  // namespace kashi::inline v0::plot::detail
