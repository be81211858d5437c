/// Reports: a flat JSON file, and a page from which nothing that was put in can break out.
#include <cmath>
#include <csignal>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <kashi/io/base64.hpp>
#include <kashi/io/file.hpp>
#include <kashi/train/report.hpp>

using namespace kashi;
using Catch::Matchers::Contains;
using Image = Tensor<std::uint8_t>;

namespace {

std::filesystem::path fresh_folder(const std::string& name) {
  const auto out = std::filesystem::temp_directory_path() / ("kashi_report_" + name + "_" + std::to_string(::getpid()));
  std::filesystem::remove_all(out);
  return out;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t out = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++out;
  return out;
}

}  // namespace

TEST_CASE("figures are written flat, in their order, with the numbers that were set") {
  train::Report report("A title");
  report.set("accuracy", 0.9754);
  report.set("single", 0.1f);
  report.set("epochs", 25);
  report.set("parameters", Index{34'426'698});
  report.set("seed", std::uint64_t{18'446'744'073'709'551'615u});
  report.set("quick", false);
  report.set("isa", "avx2");
  report.set("version", std::string("0.1"));
  report.set("losses", std::vector<float>{0.3f, 0.2f});
  report.set("recall", std::map<std::string, double>{{"1", 0.5}, {"2", 1.0}});
  report.set("epochs", 26);
  CHECK(report.json() == R"({
  "accuracy": 0.9754,
  "single": 0.1,
  "epochs": 26,
  "parameters": 34426698,
  "seed": 18446744073709551615,
  "quick": false,
  "isa": "avx2",
  "version": "0.1",
  "losses": [
    0.3,
    0.2
  ],
  "recall": {
    "1": 0.5,
    "2": 1.0
  }
}
)");
}

TEST_CASE("numbers that JSON lacks become null, bytes that are no UTF-8 are replaced") {
  train::Report report("t");
  report.set("nan", std::nan(""));
  report.set("infinity", std::numeric_limits<double>::infinity());
  report.set("nan_float", std::numeric_limits<float>::quiet_NaN());
  report.set("list", std::vector<double>{1.0, std::nan("")});
  report.set("bytes", std::string("a\xFF\"b"));
  report.headline("nan", {.label = "NaN", .format = train::Format::percent});
  const auto back = nlohmann::json::parse(report.json());
  CHECK(back["nan"].is_null());
  CHECK(back["infinity"].is_null());
  CHECK(back["nan_float"].is_null());
  CHECK(back["list"][1].is_null());
  CHECK(back["bytes"] == "a\xEF\xBF\xBD\"b");
  CHECK(report.html().find("nan%") == std::string::npos);
}

TEST_CASE("nothing breaks out of the page") {
  const std::string evil = "</td><script>alert('x')</script>\"&";
  train::Report report(evil, evil);
  report.set(evil, evil);
  report.set("map", std::map<std::string, std::string>{{evil, evil}});
  report.headline(evil, {.label = evil, .note = evil});
  report.text(evil, evil);
  report.table(evil, {evil}, {{evil}});
  report.picture(evil, "a.png", Image::zeros({2, 2, 3}), evil);
  report.file(evil, evil);
  const std::string html = report.html();
  CHECK(count(html, "<script") == 0);
  CHECK(count(html, "alert(&#39;x&#39;)") >= 14);
  CHECK(count(html, "<td") == count(html, "</td>"));
}

TEST_CASE("the page stands alone") {
  train::Report report("Digits", "What it is.");
  report.set("accuracy", 0.97541);
  report.set("parameters", 94'212);
  report.set("seconds", 204.5);
  report.headline("accuracy", {.label = "Test accuracy", .format = train::Format::percent, .note = "held out"});
  report.headline("parameters");
  report.headline("seconds", {.label = "Time", .format = train::Format::seconds});
  report.headline("never set");
  report.picture("Curves", "a.png", Image::zeros({2, 5, 3}), "first");
  report.picture("Test", "b.png", Image::zeros({2, 2, 3}), "second");
  report.picture("Curves", "a.png", Image::full({3, 7, 3}, 9), "first again");
  const std::string html = report.html();
  CHECK_THAT(html, Contains("<b>97.54 %</b>") && Contains("<b>94212</b>") && Contains("<b>3 min 25 s</b>"));
  CHECK(count(html, "class=\"card\"") == 3);
  CHECK(count(html, "<img") == 2);
  CHECK_THAT(html, Contains("width=\"7\" height=\"3\"") && Contains("first again"));
  CHECK(html.find(">Curves<") < html.find(">Test<"));
  CHECK(count(html, "src=\"data:image/png;base64,iVBORw0KGgo") == 2);
  // No address, no script, no other file.
  CHECK(count(html, "http://") + count(html, "https://") + count(html, "<link") + count(html, "<script") == 0);
  CHECK_THAT(html, Contains("name=\"viewport\"") && Contains("prefers-color-scheme:dark"));
  CHECK(count(html, "http-equiv=\"refresh\"") == 0);
  CHECK_THAT(report.html({.refresh_seconds = 7}), Contains("<meta http-equiv=\"refresh\" content=\"7\">"));
}

TEST_CASE("long lists are folded, headlines are formatted") {
  train::Report report("t");
  report.set("long", std::vector<double>(40, 0.5));
  report.set("short", std::vector<int>{1, 2});
  CHECK(count(report.html(), "<details>") == 1);
  CHECK_THAT(report.html(), Contains("40 entries") && Contains("1, 2"));
  using train::Format;
  CHECK(train::detail::format_figure(0.5, Format::percent) == "50 %");
  CHECK(train::detail::format_figure(1, Format::percent) == "100 %");
  CHECK(train::detail::format_figure(0.123456, Format::number) == "0.1235");
  CHECK(train::detail::format_figure(34'426'698, Format::number) == "34426698");
  CHECK(train::detail::format_figure(1.5, Format::seconds) == "1.50 s");
  CHECK(train::detail::format_figure(59.96, Format::seconds) == "60.0 s");
  CHECK(train::detail::format_figure(119.7, Format::seconds) == "2 min 0 s");
  CHECK(train::detail::format_figure(7'260, Format::seconds) == "2 h 1 min");
  CHECK(train::detail::format_figure(std::nan(""), Format::number) == "–");
}

TEST_CASE("a report is saved into its folder, and again") {
  const auto folder = fresh_folder("save");
  train::Report report("t");
  report.set("a", 1);
  report.picture("s", "p.png", Image::full({2, 2, 3}, 5), "caption");
  report.save(folder / "deeper", {.refresh_seconds = 5});
  report.set("a", 2);
  report.save(folder / "deeper");
  CHECK(io::read_text_file(folder / "deeper/report.json") == "{\n  \"a\": 2\n}\n");
  CHECK(io::read_text_file(folder / "deeper/report.html") == report.html());
  CHECK(io::load_image(folder / "deeper/p.png").to_vector() == std::vector<std::uint8_t>(12, 5));
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "deeper"), std::filesystem::directory_iterator()) ==
        3);
  std::filesystem::remove_all(folder);
}

TEST_CASE("a full disk leaves the earlier report whole") {
  const auto folder = fresh_folder("full");
  train::Report report("t");
  report.set("a", 1);
  report.save(folder);
  const std::string json = io::read_text_file(folder / "report.json"),
                    html = io::read_text_file(folder / "report.html");

  report.set("a", std::string(5'000, 'x'));
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1'000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  CHECK_THROWS_WITH(report.save(folder), Contains("cannot write report") && Contains("File too large"));
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);

  CHECK(io::read_text_file(folder / "report.json") == json);
  CHECK(io::read_text_file(folder / "report.html") == html);
  std::filesystem::remove_all(folder);
}

TEST_CASE("a folder that can't be made, and names that lead out of it, are refused") {
  train::Report report("t");
  CHECK_THROWS_AS(report.save("/proc/nothing"), IoError);
  const Image dot = Image::zeros({1, 1});
  CHECK_THROWS_WITH(report.picture("s", "../up.png", dot, ""),
                    "Report: a picture's file must be a plain name that ends with .png; got \"../up.png\"");
  CHECK_THROWS_AS(report.picture("s", "a/b.png", dot, ""), ValueError);
  CHECK_THROWS_AS(report.picture("s", "a.jpg", dot, ""), ValueError);
  CHECK_THROWS_AS(report.picture("s", ".png", dot, ""), ValueError);
  CHECK_THROWS_AS(report.picture("s", "a.png", Image::zeros({3}), ""), ShapeError);
}

TEST_CASE("base64 follows the standard's examples") {
  const auto encode = [](std::string_view chars) { return io::base64(std::as_bytes(std::span(chars))); };
  CHECK(encode("") == "");
  CHECK(encode("f") == "Zg==");
  CHECK(encode("fo") == "Zm8=");
  CHECK(encode("foo") == "Zm9v");
  CHECK(encode("foobar") == "Zm9vYmFy");
  CHECK(encode(std::string_view("\xFF\xFE\xFD", 3)) == "//79");
}
