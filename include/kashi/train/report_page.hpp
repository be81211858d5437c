/// The page of a report: one HTML file with its style and pictures inside, readable on a phone and in the dark, without
/// scripts. Used by train/report.hpp.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <kashi/io/base64.hpp>

namespace kashi::inline v0::train {

/// How a headline figure is shown.
enum class Format {
  number,   ///< 0.9754, 94212
  percent,  ///< 0.9754 as 97.54 %
  seconds   ///< 204.5 as 3 min 25 s
};

namespace detail {

/// Text for HTML: no tag, attribute or entity can come out of it.
template <class = void>
inline std::string escape_html(std::string_view plain) {
  std::string out;
  for (const char c : plain) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

inline std::string print(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

inline std::string format_seconds(double seconds) {
  if (seconds < 10) return print("%.2f s", seconds);
  if (seconds < 60) return print("%.1f s", seconds);
  const double whole = std::round(seconds);
  if (whole < 3600) return print("%.0f min", std::floor(whole / 60)) + print(" %.0f s", std::fmod(whole, 60));
  return print("%.0f h", std::floor(whole / 3600)) + print(" %.0f min", std::floor(std::fmod(whole, 3600) / 60));
}

inline std::string format_figure(double value, Format format) {
  if (!std::isfinite(value)) return "–";
  if (format == Format::percent) return print("%.4g", 100 * value) + " %";
  if (format == Format::seconds) return format_seconds(value);
  return std::abs(value) < 1e15 && value == std::round(value) ? print("%.0f", value) : print("%.4g", value);
}

inline constexpr std::string_view page_style = R"css(
:root{color-scheme:light dark;--paper:#f6f7f9;--card:#fff;--ink:#1d2329;--muted:#66707b;--line:#e3e7eb;--accent:#0072b2}
@media(prefers-color-scheme:dark){
:root{--paper:#14181c;--card:#1e242a;--ink:#e7ebef;--muted:#98a3af;--line:#323a43;--accent:#56b4e9}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1060px;margin:0 auto;padding:2rem 1.1rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.25rem;margin:2.6rem 0 .8rem}
p{margin:.4rem 0 .8rem;max-width:75ch}
.lead,figcaption,.card small{color:var(--muted)}
.running{display:inline-block;margin:.4rem 0;padding:.15rem .7rem;border-radius:1rem;
background:var(--accent);color:#fff;font-size:.85rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.9rem;margin:1.6rem 0}
.card,figure,.table{background:var(--card);border:1px solid var(--line);border-radius:.7rem}
.card{padding:.9rem 1.1rem}
.card b{display:block;font-size:clamp(1.3rem,4.6vw,1.7rem);
line-height:1.25;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.card span{color:var(--muted);font-size:.92rem}
.card small{display:block;font-size:.82rem}
figure{margin:0 0 1.1rem;padding:.8rem;overflow:hidden}
figure img{display:block;max-width:100%;height:auto;margin:0 auto;background:#fff;border-radius:.35rem}
figcaption{padding:.6rem .3rem 0;font-size:.93rem}
.table{overflow-x:auto;margin:0 0 1.1rem}
table{border-collapse:collapse;width:100%;font-size:.93rem}
td,th{padding:.42rem .9rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
tr:last-child>td{border-bottom:0}
th{color:var(--muted);font-weight:600}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
td code{font-size:.92em}
details summary{cursor:pointer;color:var(--accent)}
.inner td{border:0;padding:.05rem .9rem .05rem 0}
.inner{width:auto}
)css";

struct PageCard {
  std::string label;
  std::string value;
  std::string note;
};

struct PageTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< plain text
};

struct PagePicture {
  std::string caption;
  std::vector<std::byte> png;
  std::size_t width = 0;
  std::size_t height = 0;
};

inline std::string card_html(const PageCard& card) {
  const std::string note = card.note.empty() ? "" : "<small>" + escape_html(card.note) + "</small>";
  return "<div class=\"card\"><span>" + escape_html(card.label) + "</span><b>" + escape_html(card.value) + "</b>" +
         note + "</div>\n";
}

inline std::string picture_html(const PagePicture& picture) {
  return "<figure><img alt=\"" + escape_html(picture.caption) + "\" width=\"" + std::to_string(picture.width) +
         "\" height=\"" + std::to_string(picture.height) + "\" src=\"data:image/png;base64," + io::base64(picture.png) +
         "\">\n<figcaption>" + escape_html(picture.caption) + "</figcaption></figure>\n";
}

/// Numbers stand to the right.
inline bool looks_like_number(const std::string& cell) {
  const std::size_t end = cell.find_first_not_of("0123456789.-+eE %");
  return end == std::string::npos && cell.find_first_of("0123456789") != std::string::npos;
}

template <class = void>
inline std::string table_html(const PageTable& table) {
  const auto is_numeric = [&](std::size_t column) {
    for (const auto& row : table.rows) {
      if (column < row.size() && !row[column].empty() && !looks_like_number(row[column])) return false;
    }
    return !table.rows.empty();
  };
  const auto row_html = [&](const std::vector<std::string>& row, const std::string& tag) {
    std::string out = "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += "<" + tag + (is_numeric(i) ? " class=\"n\">" : ">") + escape_html(row[i]) + "</" + tag + ">";
    }
    return out + "</tr>\n";
  };
  std::string out = "<div class=\"table\"><table>\n";
  if (!table.header.empty()) out += row_html(table.header, "th");
  for (const auto& row : table.rows) out += row_html(row, "td");
  return out + "</table></div>\n";
}

template <class = void>
inline std::string page_html(const std::string& title, int refresh_seconds, const std::string& body) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n";
  if (refresh_seconds > 0) out += "<meta http-equiv=\"refresh\" content=\"" + std::to_string(refresh_seconds) + "\">\n";
  out += "<title>" + escape_html(title) + "</title>\n<style>" + std::string(page_style) +
         "</style>\n</head>\n<body>\n<main>\n";
  return out + body + "</main>\n</body>\n</html>\n";
}

}  // namespace detail

/// Whether a page says that its program still runs.
inline bool is_live_page(const std::string& html) {
  return html.find("<meta http-equiv=\"refresh\"") != std::string::npos;
}

}  // namespace kashi::inline v0::train
