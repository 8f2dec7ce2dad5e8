// What commands do and tests find; the table of keywords names them.
//
// Source   RFC 5228 §3 to §5 and the extensions' RFCs, named at each.
#pragma once

#include "base/result.h"
#include "sieve/keyword.h"

namespace gemel::sieve {

Result<Flow> run_addflag(Machine& machine, const Node& node);
Result<Flow> run_addheader(Machine& machine, const Node& node);
Result<Flow> run_break(Machine& machine, const Node& node);
Result<Flow> run_deleteheader(Machine& machine, const Node& node);
Result<Flow> run_discard(Machine& machine, const Node& node);
Result<Flow> run_enclose(Machine& machine, const Node& node);
Result<Flow> run_ereject(Machine& machine, const Node& node);
Result<Flow> run_error(Machine& machine, const Node& node);
Result<Flow> run_extracttext(Machine& machine, const Node& node);
Result<Flow> run_fileinto(Machine& machine, const Node& node);
Result<Flow> run_foreverypart(Machine& machine, const Node& node);
Result<Flow> run_include(Machine& machine, const Node& node);
Result<Flow> run_keep(Machine& machine, const Node& node);
Result<Flow> run_nothing(Machine& machine, const Node& node);
Result<Flow> run_notify(Machine& machine, const Node& node);
Result<Flow> run_redirect(Machine& machine, const Node& node);
Result<Flow> run_reject(Machine& machine, const Node& node);
Result<Flow> run_removeflag(Machine& machine, const Node& node);
Result<Flow> run_replace(Machine& machine, const Node& node);
Result<Flow> run_return(Machine& machine, const Node& node);
Result<Flow> run_set(Machine& machine, const Node& node);
Result<Flow> run_setflag(Machine& machine, const Node& node);
Result<Flow> run_stop(Machine& machine, const Node& node);
Result<Flow> run_vacation(Machine& machine, const Node& node);

Result<bool> test_address(Machine& machine, const Node& node);
Result<bool> test_allof(Machine& machine, const Node& node);
Result<bool> test_anyof(Machine& machine, const Node& node);
Result<bool> test_body(Machine& machine, const Node& node);
Result<bool> test_currentdate(Machine& machine, const Node& node);
Result<bool> test_date(Machine& machine, const Node& node);
Result<bool> test_duplicate(Machine& machine, const Node& node);
Result<bool> test_envelope(Machine& machine, const Node& node);
Result<bool> test_environment(Machine& machine, const Node& node);
Result<bool> test_exists(Machine& machine, const Node& node);
Result<bool> test_false(Machine& machine, const Node& node);
Result<bool> test_hasflag(Machine& machine, const Node& node);
Result<bool> test_header(Machine& machine, const Node& node);
Result<bool> test_ihave(Machine& machine, const Node& node);
Result<bool> test_mailboxexists(Machine& machine, const Node& node);
Result<bool> test_mailboxidexists(Machine& machine, const Node& node);
Result<bool> test_metadata(Machine& machine, const Node& node);
Result<bool> test_metadataexists(Machine& machine, const Node& node);
Result<bool> test_not(Machine& machine, const Node& node);
Result<bool> test_notify_method_capability(Machine& machine, const Node& node);
Result<bool> test_servermetadata(Machine& machine, const Node& node);
Result<bool> test_servermetadataexists(Machine& machine, const Node& node);
Result<bool> test_size(Machine& machine, const Node& node);
Result<bool> test_spamtest(Machine& machine, const Node& node);
Result<bool> test_specialuse_exists(Machine& machine, const Node& node);
Result<bool> test_string(Machine& machine, const Node& node);
Result<bool> test_true(Machine& machine, const Node& node);
Result<bool> test_valid_notify_method(Machine& machine, const Node& node);
Result<bool> test_virustest(Machine& machine, const Node& node);

}  // namespace gemel::sieve
