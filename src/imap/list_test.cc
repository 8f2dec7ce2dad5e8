// LIST where there is much to tell.
#include <gtest/gtest.h>

#include "imap/test_world.h"
#include "store/annotations.h"

namespace gemel::imap {
namespace {

TEST(List, TellsMuchInPieces) {
  World world;
  constexpr size_t kMailboxes = 60;
  const std::string value(kAnnotationValueBytesMax, 'x');
  for (size_t i = 0; i < kMailboxes; ++i) {
    const MailboxInfo made =
        world.store().create({.name = {"alice", "Box" + std::to_string(i)}}).value();
    ASSERT_TRUE(annotate(world.store(), "alice", &made, {{"/shared/comment", value}}));
  }
  Client client = alice(world);
  const std::string said = client.line("1 LIST \"\" Box* RETURN (METADATA (/shared/comment))");
  EXPECT_GT(said.size(), kMailboxes * value.size());
  EXPECT_TRUE(said.ends_with("1 OK LIST completed\r\n"));
  // One mailbox's annotations may come on top of a piece.
  EXPECT_LT(client.largest_piece(), 2 * Limits().output_piece_bytes);
}

}  // namespace
}  // namespace gemel::imap
