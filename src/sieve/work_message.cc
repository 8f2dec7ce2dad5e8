#include "sieve/work_message.h"

#include <fmt/format.h>

namespace gemel::sieve {

Result<std::string_view> MessageInMemory::header() { return bytes_.substr(0, header_size(bytes_)); }

Result<void> WorkMessage::load_header() {
  if (has_header_) return {};
  if (base_) {
    base_header_ = std::string_view(*base_).substr(0, header_size(*base_));
  } else {
    TRY(base_header_, source_.header());
  }
  has_header_ = true;
  return {};
}

Result<void> WorkMessage::load_all() {
  TRY_OK(load_header());
  if (base_bytes_) return {};
  if (base_) {
    base_bytes_ = *base_;
  } else {
    TRY(base_bytes_, source_.all());
  }
  return {};
}

Result<uint64_t> WorkMessage::size() {
  const uint64_t base = base_ ? base_->size() : source_.size();
  if (!header_) return base;
  TRY_OK(load_header());
  return base - base_header_.size() + header_->size();
}

Result<std::string_view> WorkMessage::header() {
  if (header_) return std::string_view(*header_);
  TRY_OK(load_header());
  return base_header_;
}

Result<const std::vector<HeaderField>*> WorkMessage::fields() {
  if (index_ == Index::kNotMade) {
    TRY(const std::string_view header, this->header());
    fields_.clear();
    index_ = Index::kMade;
    HeaderReader reader(header.substr(0, kHeaderBytesMax));
    while (const auto field = reader.next()) {
      if (fields_.size() == kFieldsIndexedMax) {
        fields_.clear();
        index_ = Index::kTooMany;
        break;
      }
      fields_.push_back(*field);
    }
  }
  return index_ == Index::kMade ? &fields_ : nullptr;
}

Result<std::string_view> WorkMessage::header_of(const PartPath& path) {
  if (path.empty()) return header();
  TRY(const MimePart* found, part(path));
  if (found == nullptr) return std::string_view();
  return found->header_in(*base_bytes_);
}

Result<std::optional<std::string_view>> WorkMessage::body() {
  TRY_OK(load_all());
  HeaderReader reader(base_header_);
  while (reader.next()) {
  }
  if (reader.position() >= base_header_.size()) return std::optional<std::string_view>();
  return std::optional(base_bytes_->substr(base_header_.size()));
}

Result<std::string_view> WorkMessage::bytes() {
  TRY_OK(load_all());
  return *base_bytes_;
}

Result<const MimePart*> WorkMessage::part(const PartPath& path) {
  TRY_OK(load_all());
  if (!structure_) structure_ = parse_structure(*base_bytes_);
  const MimePart* out = &*structure_;
  for (const uint32_t index : path) {
    if (index >= out->children.size()) return nullptr;
    out = &out->children[index];
  }
  return out;
}

Result<WorkMessage::Texts> WorkMessage::texts(const PartPath& path, TextForm form) {
  const std::pair key(path, form);
  if (const auto kept = texts_.find(key); kept != texts_.end()) return kept->second;
  TRY(const MimePart* found, part(path));
  if (found == nullptr) return std::make_shared<const std::vector<std::string>>();
  auto made =
      std::make_shared<const std::vector<std::string>>(texts_of_part(*base_bytes_, *found, form));
  size_t bytes = texts_bytes_;
  for (const std::string& text : *made) bytes += text.size();
  if (bytes > kTextsKeptBytesMax) return made;
  texts_bytes_ = bytes;
  texts_.emplace(key, made);
  return made;
}

Result<std::optional<PartPath>> WorkMessage::next_part(const PartPath& path,
                                                       const PartPath& within) {
  TRY(const MimePart* here, part(path));
  if (here == nullptr || here->children.empty()) return part_behind(path, within);
  PartPath out = path;
  out.push_back(0);
  return std::optional(std::move(out));
}

Result<std::optional<PartPath>> WorkMessage::part_behind(const PartPath& path,
                                                         const PartPath& within) {
  PartPath out = path;
  while (out.size() > within.size()) {
    ++out.back();
    TRY(const MimePart* sibling, part(out));
    if (sibling != nullptr) return std::optional(std::move(out));
    out.pop_back();
  }
  return std::optional<PartPath>();
}

Result<EditedMessage> WorkMessage::edited() {
  if (!header_) return base_;
  if (snapshot_) return snapshot_;
  TRY_OK(load_all());
  auto made = std::make_shared<std::string>(*header_);
  *made += base_bytes_->substr(base_header_.size());
  TRY_OK(count(made->size()));
  snapshot_ = std::move(made);
  return snapshot_;
}

Result<std::string> WorkMessage::whole() {
  TRY_OK(load_all());
  if (!header_) return std::string(*base_bytes_);
  return *header_ + std::string(base_bytes_->substr(base_header_.size()));
}

Result<EditedMessage> WorkMessage::redirected() {
  if (before_enclosing_) return before_enclosing_->message;
  return edited();
}

Result<void> WorkMessage::set_header(std::string header) {
  TRY_OK(load_header());
  snapshot_.reset();
  index_ = Index::kNotMade;
  if (header == base_header_)
    header_.reset();
  else
    header_ = std::move(header);
  return {};
}

Result<void> WorkMessage::count(size_t bytes) {
  edited_bytes_ += bytes;
  if (edited_bytes_ <= limits_.edited_bytes_max) return {};
  return fail(Code::kLimit, fmt::format("more than {} octets of changed copies of the message",
                                        limits_.edited_bytes_max));
}

Result<void> WorkMessage::take(std::string message) {
  TRY_OK(count(message.size()));
  base_ = std::make_shared<const std::string>(std::move(message));
  header_.reset();
  snapshot_.reset();
  index_ = Index::kNotMade;
  structure_.reset();
  texts_.clear();
  texts_bytes_ = 0;
  base_bytes_.reset();
  has_header_ = false;
  return {};
}

Result<void> WorkMessage::rebase() {
  if (!header_) return load_all();
  TRY(const EditedMessage whole, edited());
  TRY_OK(take(*whole));
  return load_all();
}

Result<void> WorkMessage::set_part(const PartPath& path, std::string_view entity) {
  TRY_OK(rebase());
  TRY(const MimePart* old, part(path));
  if (old == nullptr) return {};
  std::string made(base_bytes_->substr(0, old->header_start));
  made += entity;
  made += base_bytes_->substr(old->body_end);
  return take(std::move(made));
}

Result<void> WorkMessage::enclose_in(std::string message) {
  if (!before_enclosing_) {
    TRY(EditedMessage before, edited());
    before_enclosing_ = BeforeEnclosing{std::move(before)};
  }
  return take(std::move(message));
}

}  // namespace gemel::sieve
