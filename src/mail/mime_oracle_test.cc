// Messages made at random, of which the maker knows each part's bytes; what it does not know, GMime
// does (where it is installed).
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "mail/mime_soundness.h"
#include "mail/mime_structure.h"

#if __has_include(<gmime/gmime.h>)
#include <gmime/gmime.h>
#endif

namespace gemel {
namespace {

struct Made {
  size_t header_start = 0;
  size_t body_start = 0;
  size_t body_end = 0;
  std::vector<Made> children;
};

class Maker {
 public:
  Maker(uint32_t seed, std::string_view line_end) : random_(seed), line_end_(line_end) {}

  Made message() {
    Made root = part(0);
    root.body_end = text_.size();
    return root;
  }
  const std::string& text() const { return text_; }

 private:
  size_t below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }
  void line(std::string_view text) {
    text_ += text;
    text_ += line_end_;
  }

  /// A part without the line end that belongs to the delimiter behind it.
  Made part(size_t depth) {
    Made made{.header_start = text_.size(), .body_start = 0, .body_end = 0, .children = {}};
    for (size_t i = below(3); i > 0; --i) line("X-Field: value");
    const size_t choice = depth >= 4 ? 0 : below(4);
    if (choice == 1) return message_part(std::move(made), depth);
    if (choice >= 2) return multipart(std::move(made), depth);
    if (below(4) != 0) line(below(2) == 0 ? "Content-Type: text/html" : "content-type: image/gif");
    line("");
    made.body_start = text_.size();
    for (size_t i = below(5); i > 0; --i) leaf_line();
    text_ += below(2) == 0 ? "last line" : "";
    made.body_end = text_.size();
    return made;
  }

  void leaf_line() {
    constexpr std::array<std::string_view, 6> kLines = {
        "", "text", "--", "-- signature", "--b", "Content-Type: text/plain"};
    line(kLines[below(kLines.size())]);
  }

  Made message_part(Made made, size_t depth) {
    line("Content-Type: message/rfc822");
    line("");
    made.body_start = text_.size();
    made.children.push_back(part(depth + 1));
    made.body_end = text_.size();
    return made;
  }

  Made multipart(Made made, size_t depth) {
    // Boundaries that start one another are the hard case.
    const std::string boundary = std::string(1 + depth, 'b') + "=" + std::to_string(++boundaries_);
    line("Content-Type: multipart/mixed; boundary=\"" + boundary + "\"");
    line("");
    made.body_start = text_.size();
    if (below(3) == 0) line("preamble");
    for (size_t i = 1 + below(3); i > 0; --i) {
      line("--" + boundary);
      made.children.push_back(part(depth + 1));
      line("");
    }
    text_ += "--" + boundary + "--";
    if (below(3) == 0) text_ += std::string(line_end_) + "epilogue";
    made.body_end = text_.size();
    return made;
  }

  std::mt19937 random_;
  std::string_view line_end_;
  std::string text_;
  size_t boundaries_ = 0;
};

void expect_same(const Made& made, const MimePart& part) {
  EXPECT_EQ(part.header_start, made.header_start);
  EXPECT_EQ(part.body_start, made.body_start);
  EXPECT_EQ(part.body_end, made.body_end);
  ASSERT_EQ(part.children.size(), made.children.size());
  for (size_t i = 0; i < made.children.size(); ++i) expect_same(made.children[i], part.children[i]);
}

TEST(MimeOracle, TheMakerAgreesOnAllOffsets) {
  for (uint32_t seed = 0; seed < 2'000; ++seed) {
    Maker maker(seed, seed % 2 == 0 ? "\r\n" : "\n");
    const Made made = maker.message();
    const MimePart part = parse_structure(maker.text());
    ASSERT_EQ(fault_in_structure(maker.text(), part), "") << seed;
    expect_same(made, part);
    if (HasFailure()) FAIL() << seed << "\n" << maker.text();
  }
}

#if __has_include(<gmime/gmime.h>)

using Range = std::pair<size_t, size_t>;

void add_leaves(const MimePart& part, std::vector<Range>& leaves) {
  if (part.kind == MimePart::Kind::kLeaf) leaves.emplace_back(part.body_start, part.body_end);
  for (const MimePart& child : part.children) add_leaves(child, leaves);
}

void add_gmime_leaf(GMimeObject*, GMimeObject* part, gpointer leaves);

void add_gmime_message(GMimeMessage* message, gpointer leaves) {
  GMimeObject* body = g_mime_message_get_mime_part(message);
  if (body == nullptr) return;
  add_gmime_leaf(nullptr, body, leaves);
  if (GMIME_IS_MULTIPART(body))
    g_mime_multipart_foreach(GMIME_MULTIPART(body), add_gmime_leaf, leaves);
}

void add_gmime_leaf(GMimeObject*, GMimeObject* part, gpointer leaves) {
  if (GMIME_IS_MESSAGE_PART(part)) {
    if (auto* message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(part)))
      add_gmime_message(message, leaves);
  } else if (GMIME_IS_PART(part)) {
    GMimeDataWrapper* content = g_mime_part_get_content(GMIME_PART(part));
    GMimeStream* stream = g_mime_data_wrapper_get_stream(content);
    static_cast<std::vector<Range>*>(leaves)->emplace_back(static_cast<size_t>(stream->bound_start),
                                                           static_cast<size_t>(stream->bound_end));
  }
}

std::vector<Range> gmime_leaves(const std::string& text) {
  GMimeStream* stream = g_mime_stream_mem_new_with_buffer(text.data(), text.size());
  GMimeParser* parser = g_mime_parser_new_with_stream(stream);
  g_mime_parser_set_persist_stream(parser, TRUE);
  std::vector<Range> leaves;
  if (GMimeMessage* message = g_mime_parser_construct_message(parser, nullptr)) {
    add_gmime_message(message, &leaves);
    g_object_unref(message);
  }
  g_object_unref(parser);
  g_object_unref(stream);
  return leaves;
}

TEST(MimeOracle, GMimeAgreesOnLeafOffsets) {
  g_mime_init();
  size_t leaves_seen = 0;
  for (uint32_t seed = 0; seed < 2'000; ++seed) {
    const std::string_view line_end = seed % 2 == 0 ? "\r\n" : "\n";
    Maker maker(seed, line_end);
    maker.message();
    // GMime leaves a CR to the part before a delimiter that is the last line and has no end.
    const std::string text = maker.text() + std::string(line_end);
    std::vector<Range> leaves;
    add_leaves(parse_structure(text), leaves);
    ASSERT_EQ(leaves, gmime_leaves(text)) << seed << "\n" << text;
    leaves_seen += leaves.size();
  }
  EXPECT_GT(leaves_seen, 4'000u);
  g_mime_shutdown();
}

#endif

}  // namespace
}  // namespace gemel
