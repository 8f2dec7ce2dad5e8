# One static library for each folder of src, one test program for its *_test.cc. A new file needs no
# change here; a new dependency between modules does, and must point down (see ARCHITECTURE.md).
include(GoogleTest)

# All unit tests and corpus replays: what the second compiler and the sanitizers run.
add_custom_target(unit_tests)

function(gemel_module name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(sources)
    add_library(gemel_${name} STATIC ${sources})
    target_link_libraries(gemel_${name} PUBLIC gemel_options ${ARGN})
  else()
    add_library(gemel_${name} INTERFACE)
    target_link_libraries(gemel_${name} INTERFACE gemel_options ${ARGN})
  endif()
  if(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE gemel_${name} ${GEMEL_TEST_LIBS_${name}}
                          GTest::gtest GTest::gmock GTest::gtest_main)
    add_dependencies(unit_tests ${name}_test)
    target_compile_definitions(${name}_test PRIVATE GEMEL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
                         PROPERTIES TIMEOUT 300 LABELS unit)
  endif()
endfunction()

if(gmime_FOUND)
  set(GEMEL_TEST_LIBS_mail PkgConfig::gmime)
endif()
if(gsasl_FOUND)
  set(GEMEL_TEST_LIBS_wire PkgConfig::gsasl)
endif()

gemel_module(base PkgConfig::fmt PkgConfig::spdlog PkgConfig::xxhash OpenSSL::Crypto PkgConfig::zstd PkgConfig::lz4
             Threads::Threads ${PROMETHEUS_CORE})
gemel_module(mail gemel_base ICU::uc ICU::i18n)
gemel_module(store gemel_mail PkgConfig::rocksdb PkgConfig::isal ${ROARING})
gemel_module(wire gemel_base PkgConfig::zstd ZLIB::ZLIB)
gemel_module(expire gemel_store)
gemel_module(sieve gemel_mail PkgConfig::re2 ICU::uc ICU::i18n)
# Final delivery: who gets a message, duplicates, scripts.
gemel_module(delivery gemel_store gemel_sieve)
# The sessions: each knows the store and the wire, none knows another.
gemel_module(sync gemel_store gemel_wire)
gemel_module(imap gemel_store gemel_wire gemel_expire ${ROARING})
gemel_module(lmtp gemel_store gemel_wire gemel_delivery)
gemel_module(outgoing gemel_store gemel_wire)
gemel_module(managesieve gemel_store gemel_wire gemel_sieve)
gemel_module(nntp gemel_store gemel_wire)
gemel_module(pop3 gemel_store gemel_wire)
gemel_module(admin gemel_store gemel_wire gemel_sync gemel_expire crypt)
gemel_module(net gemel_wire OpenSSL::SSL)
gemel_module(oauth gemel_wire)

# The programs: src/bin/gemeld*.cc is the server, gemel.cc and gemel_*.cc the tool, config*.cc both.
file(GLOB config CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/bin/config*.cc)
list(FILTER config EXCLUDE REGEX "_test\\.cc$")
add_library(gemel_config STATIC ${config})
target_link_libraries(gemel_config PUBLIC gemel_expire gemel_nntp gemel_oauth)
add_executable(bin_test ${CMAKE_SOURCE_DIR}/src/bin/config_test.cc
               ${CMAKE_SOURCE_DIR}/src/bin/pace_test.cc ${CMAKE_SOURCE_DIR}/src/bin/periodic_test.cc
               ${CMAKE_SOURCE_DIR}/src/bin/places_test.cc ${CMAKE_SOURCE_DIR}/src/bin/gemeld_places.cc
               ${CMAKE_SOURCE_DIR}/src/bin/gemeld_pace.cc ${CMAKE_SOURCE_DIR}/src/bin/gemeld_periodic.cc)
target_link_libraries(bin_test PRIVATE gemel_config GTest::gtest GTest::gmock GTest::gtest_main)
target_compile_definitions(bin_test PRIVATE GEMEL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
add_dependencies(unit_tests bin_test)
gtest_discover_tests(bin_test TEST_PREFIX "bin." PROPERTIES LABELS unit)

file(GLOB server CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/bin/gemeld*.cc)
if(server)
  add_executable(gemeld ${server})
  target_link_libraries(gemeld PRIVATE gemel_config gemel_imap gemel_lmtp gemel_pop3 gemel_sync gemel_admin
                        gemel_managesieve gemel_nntp gemel_outgoing
                        gemel_net PkgConfig::systemd)
endif()
file(GLOB tool CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/bin/gemel_*.cc ${CMAKE_SOURCE_DIR}/src/bin/gemel.cc)
if(tool)
  add_executable(gemel ${tool})
  target_link_libraries(gemel PRIVATE gemel_config gemel_admin gemel_sieve gemel_store)
endif()

file(GLOB benches CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*_bench.cc)
if(benches)
  add_executable(gemel_bench ${benches})
  target_link_libraries(gemel_bench PRIVATE gemel_delivery gemel_imap gemel_sync benchmark::benchmark benchmark::benchmark_main)
endif()

if(GEMEL_FUZZ)
  file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.cc)
  foreach(source ${fuzzers})
    get_filename_component(fuzzer ${source} NAME_WE)
    add_executable(${fuzzer} ${source})
    target_link_libraries(${fuzzer} PRIVATE gemel_imap gemel_lmtp gemel_managesieve gemel_nntp gemel_pop3
                          gemel_sync)
    target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
  endforeach()
endif()
