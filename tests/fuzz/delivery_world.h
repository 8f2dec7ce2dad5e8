// Deliveries into a store in memory.
#pragma once

#include "delivery/deliverer.h"
#include "memory_store.h"

namespace gemel::fuzz {

struct DeliveryWorld {
  DeliveryWorld(std::initializer_list<const char*> users, const delivery::Options& options)
      : store(users),
        deliverer({.store = *store,
                   .clock = system_clock(),
                   .access = access,
                   .aliases = aliases,
                   .scripts = scripts,
                   .outbox = &outbox},
                  options) {}
  MemoryStore store;
  AccessOptions access;
  delivery::AliasTable aliases;
  delivery::ScriptLibrary scripts;
  Outbox outbox{*store, 1000};
  delivery::Deliverer deliverer;
};

}  // namespace gemel::fuzz
