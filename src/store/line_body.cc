#include "store/line_body.h"

#include "store/body_bytes.h"

namespace gemel {

Result<StagedBody> made_of_lines(MailStore& store, std::string_view partition, StagedBody body,
                                 const Carriage& carriage) {
  if (!may_be_unfit(body.lines(), carriage.carrier)) return body;
  BodyBytes message(body, carriage.message_at);
  const MimePart structure = parse_structure(message);
  if (!has_unfit_binary(message, structure, carriage.carrier)) {
    TRY_OK(message.failure());
    return body;
  }
  TRY(BodyWriter writer, store.stage(partition));
  TRY(const std::string before, body.read(0, carriage.message_at));
  TRY_OK(writer.append(before));
  TRY_OK(put_binary_as_base64(message, structure, carriage.carrier,
                              [&](std::string_view piece) { return writer.append(piece); }));
  TRY_OK(message.failure());
  return writer.finish();
}

}  // namespace gemel
