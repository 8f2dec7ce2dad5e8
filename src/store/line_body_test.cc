#include "store/line_body.h"

#include <gtest/gtest.h>

#include "mail/transfer_encoding.h"
#include "store/store_fixture.h"

namespace gemel {
namespace {

// Of more than one chunk, with every byte there is.
std::string large_binary() {
  std::string out;
  for (size_t i = 0; out.size() < 2 * kBodyChunkBytes + 7; ++i) out += static_cast<char>(i * 7);
  return out;
}

class LineBody : public testing::TestWithParam<TestStore::On> {
 protected:
  std::string lines_of(std::string_view bytes, const Carriage& carriage = {}) {
    const Result<StagedBody> body = made_of_lines(*store, "default", store.stage(bytes), carriage);
    if (!body) return std::string(name_of(body.error().code));
    return body->read(0, body->size()).value();
  }
  TestStore store{GetParam()};
};

TEST_P(LineBody, IsTheSameWhereThereIsNothingToDo) {
  const StagedBody text = store.stage("Subject: x\r\n\r\ny\r\n");
  EXPECT_EQ(made_of_lines(*store, "default", text)->guid(), text.guid());
  const std::string odd = "Content-Transfer-Encoding: 8bit\r\n\r\nx\ny\rz";
  EXPECT_EQ(lines_of(odd), odd);
}

TEST_P(LineBody, LosesNothingOfALargeBody) {
  const std::string binary = large_binary();
  const std::string out = lines_of("Content-Transfer-Encoding: binary\r\n\r\n" + binary);
  EXPECT_FALSE(out.contains('\0'));
  const MimePart part = parse_structure(out);
  EXPECT_EQ(part.encoding, "base64");
  EXPECT_TRUE(decode_transfer(part.body_in(out), part.encoding) == binary);
}

TEST_P(LineBody, LeavesWhatIsBeforeTheMessage) {
  const std::string before = "to a\n\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";
  EXPECT_EQ(lines_of(before + "Content-Transfer-Encoding: binary\r\n\r\na\n",
                     {.carrier = Carrier::kSmtp, .message_at = before.size()}),
            before + "Content-Transfer-Encoding: base64\r\n\r\nYQo=\r\n");
}

TEST_P(LineBody, MayBecomeTooLarge) {
  store.options.message_bytes_max = 100;
  store.open();
  EXPECT_EQ(lines_of("Content-Transfer-Encoding: binary\r\n\r\n" + std::string(60, '\n')),
            name_of(Code::kTooBig));
}

GEMEL_ON_BOTH_ENGINES(LineBody);

}  // namespace
}  // namespace gemel
