/// What a program found out: figures as a flat report.json, and report.html, one page with figures, pictures and
/// tables.
///
/// A report holds no date and no path of its own, so equal runs give equal reports but for their times. It can be saved
/// again and again while a program runs; every file is replaced whole.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/io/atomic_file.hpp>
#include <kashi/io/file.hpp>
#include <kashi/io/image.hpp>
#include <kashi/train/report_page.hpp>

namespace kashi::inline v0::train {

/// How a headline figure is presented.
struct Headline {
  std::string label = {};  ///< instead of the figure's name
  Format format = Format::number;
  std::string note = {};  ///< a line below it, such as what it is measured on
};

struct ReportSaveOptions {
  int refresh_seconds = 0;  ///< above 0: the page says that the program still runs, and loads itself again
};

/// An ordered set of figures with the pictures, tables and texts that explain them. Json is nlohmann::ordered_json; a
/// template so that only programs which write reports compile it. Use the name Report.
template <class Json>
class BasicReport {
 public:
  explicit BasicReport(std::string title, std::string description = {})
      : title_(std::move(title)), description_(std::move(description)) {}

  /// Sets a figure; an earlier one of this name is replaced in its place. Takes numbers, bools, text, vectors, maps
  /// with text keys, and whatever else nlohmann::json takes, nested too. NaN and infinities become null.
  template <class T>
  void set(const std::string& name, const T& value) {
    figures_[name] = to_json(value);
  }

  /// The figures as they will be written.
  const Json& figures() const { return figures_; }

  /// Shows a figure as a card at the top of the page, in the order of these calls. It may be set later.
  void headline(const std::string& name, Headline how = {}) {
    const auto same =
        std::find_if(headlines_.begin(), headlines_.end(), [&](const auto& old) { return old.first == name; });
    if (same != headlines_.end()) {
      same->second = std::move(how);
    } else {
      headlines_.emplace_back(name, std::move(how));
    }
  }

  /// A paragraph under the heading `section`. Sections stand in the order in which they are first named.
  void text(const std::string& section, const std::string& paragraph) {
    const std::string html = "<p>" + detail::escape_html(paragraph) + "</p>\n";
    put(section, "text:" + paragraph, html);
  }

  /// A picture [H,W] or [H,W,1..4]: becomes the file `file` (a name such as "curves.png") in the output folder and
  /// stands on the page with its caption. A picture of the same file and section is replaced. Throws ValueError,
  /// ShapeError.
  void picture(const std::string& section, const std::string& file, const Tensor<std::uint8_t>& image,
               const std::string& caption) {
    const bool is_name = std::filesystem::path(file).filename() == file && file.ends_with(".png") && file.size() > 4;
    require(is_name, "Report: a picture's file must be a plain name that ends with .png; got \"", file, "\"");
    detail::PagePicture page_picture{caption, io::encode_png(image), static_cast<std::size_t>(image.size(1)),
                                     static_cast<std::size_t>(image.size(0))};
    put(section, "picture:" + file, detail::picture_html(page_picture));
    pictures_[file] = std::move(page_picture.png);
  }

  /// A table with a heading for each column (or none). Columns of numbers stand to the right. A table of the same
  /// section and header is replaced.
  void table(const std::string& section, const std::vector<std::string>& header,
             const std::vector<std::vector<std::string>>& rows) {
    std::string key = "table:";
    for (const std::string& column : header) key += column + "\n";
    put(section, key, detail::table_html({header, rows}));
  }

  /// Names another file of the output folder, with what it holds.
  void file(const std::string& name, const std::string& caption) { files_[name] = caption; }

  /// report.json's content.
  std::string json() const { return figures_.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

  /// report.html's content.
  std::string html(const ReportSaveOptions& options = {}) const {
    std::string body = "<h1>" + detail::escape_html(title_) + "</h1>\n";
    if (options.refresh_seconds > 0) body += "<div class=\"running\">running, this page follows</div>\n";
    if (!description_.empty()) body += "<p class=\"lead\">" + detail::escape_html(description_) + "</p>\n";
    body += cards_html();
    for (const Section& section : sections_) {
      body += "<h2>" + detail::escape_html(section.title) + "</h2>\n";
      for (const auto& [key, part] : section.parts) body += part;
    }
    if (!files_.empty()) body += "<h2>Files</h2>\n" + files_html();
    body += "<h2>All figures</h2>\n" + figures_html();
    return detail::page_html(title_, options.refresh_seconds, body);
  }

  /// Writes the pictures, report.json and report.html into a folder, which is made if it is not there; each file is
  /// replaced whole. Throws IoError with the system's reason.
  void save(const std::filesystem::path& folder, const ReportSaveOptions& options = {}) const {
    io::make_output_folder(folder);
    for (const auto& [name, png] : pictures_) io::write_atomically(folder / name, png, "cannot write image");
    io::write_atomically(folder / "report.json", json(), "cannot write report");
    io::write_atomically(folder / "report.html", html(options), "cannot write report");
  }

 private:
  struct Section {
    std::string title;
    std::vector<std::pair<std::string, std::string>> parts;  ///< key, HTML
  };

  /// A float as the double with the same short decimals: 0.1f is 0.1, not 0.10000000149.
  template <class T>
  static Json to_json(const T& value) {
    if constexpr (std::is_same_v<T, float>) {
      char buffer[32];
      const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
      double wide = static_cast<double>(value);
      std::from_chars(buffer, end, wide);
      return Json(wide);
    } else if constexpr (std::is_same_v<T, std::vector<float>>) {
      Json out = Json::array();
      for (const float one : value) out.push_back(to_json(one));
      return out;
    } else {
      return Json(value);
    }
  }

  void put(const std::string& section, const std::string& key, std::string html) {
    auto place =
        std::find_if(sections_.begin(), sections_.end(), [&](const Section& old) { return old.title == section; });
    if (place == sections_.end()) place = sections_.insert(place, Section{section, {}});
    const auto part =
        std::find_if(place->parts.begin(), place->parts.end(), [&](const auto& old) { return old.first == key; });
    if (part != place->parts.end()) {
      part->second = std::move(html);
    } else {
      place->parts.emplace_back(key, std::move(html));
    }
  }

  static std::string plain(const Json& value) {
    if (value.is_null()) return "–";
    if (value.is_string()) return value.template get<std::string>();
    if (value.is_number_float())
      return std::isfinite(value.template get<double>()) ? detail::print("%.6g", value.template get<double>()) : "–";
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  std::string cards_html() const {
    std::string out;
    for (const auto& [name, how] : headlines_) {
      const auto figure = figures_.find(name);
      if (figure == figures_.end()) continue;
      const std::string value =
          figure->is_number() ? detail::format_figure(figure->template get<double>(), how.format) : plain(*figure);
      out += detail::card_html({how.label.empty() ? name : how.label, value, how.note});
    }
    return out.empty() ? "" : "<div class=\"cards\">\n" + out + "</div>\n";
  }

  std::string files_html() const {
    detail::PageTable table;
    for (const auto& [name, caption] : files_) table.rows.push_back({name, caption});
    return detail::table_html(table);
  }

  /// A value of the table of all figures: short lists in one line, long ones folded, maps as small tables.
  static std::string value_html(const Json& value) {
    if (!value.is_structured()) return detail::escape_html(plain(value));
    if (value.empty()) return "–";
    std::string out;
    if (value.is_object()) {
      for (const auto& item : value.items()) {
        out += "<tr><td>" + detail::escape_html(item.key()) + "</td><td class=\"n\">" + value_html(item.value()) +
               "</td></tr>";
      }
      out = "<table class=\"inner\">" + out + "</table>";
    } else {
      for (const Json& item : value) out += (out.empty() ? "" : ", ") + value_html(item);
    }
    const bool is_long = value.size() > 12;
    return is_long ? "<details><summary>" + std::to_string(value.size()) + " entries</summary>" + out + "</details>"
                   : out;
  }

  std::string figures_html() const {
    std::string out = "<div class=\"table\"><table>\n";
    for (const auto& item : figures_.items()) {
      out += "<tr><td><code>" + detail::escape_html(item.key()) + "</code></td><td>" + value_html(item.value()) +
             "</td></tr>\n";
    }
    return out + "</table></div>\n";
  }

  std::string title_;
  std::string description_;
  Json figures_ = Json::object();
  std::vector<std::pair<std::string, Headline>> headlines_;
  std::vector<Section> sections_;
  std::map<std::string, std::vector<std::byte>> pictures_;
  std::map<std::string, std::string> files_;
};

using Report = BasicReport<nlohmann::ordered_json>;

}  // namespace kashi::inline v0::train
