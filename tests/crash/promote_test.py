#!/usr/bin/env python3
"""kill -9 of a primary under load, then its replica is promoted: with answers that wait for the
replica's disk, it has everything that any client was told is done.

    promote_test.py [--rounds N] [--seed N] [--level LEVEL]

Each round has a pair of its own. --level local shows what is lost without: then it should fail.
"""

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
from gemel_server import Pair, ServerError  # noqa: E402
from kill_test import Deliverer, Knowledge, Reader, compare, read_side  # noqa: E402

LOAD_S = (0.3, 1.5)  # before the kill
DELIVERERS, READERS = 4, 3  # users of kill_test's letters are user0 to user2


def check_workers(knowledge, workers):
    knowledge.running.clear()
    for _ in workers:
        if not knowledge.idle.acquire(timeout=120):
            raise ServerError("a client hangs")
    knowledge.stopped = True
    knowledge.running.set()
    for worker in workers:
        if worker.error is not None:
            raise worker.error


def run_round(number, dice, level):
    users = [f"user{i}" for i in range(READERS)]
    knowledge = Knowledge()
    with Pair(channel={"acknowledge": level}) as pair:
        for user in users:
            pair.primary.add_user(user)
        pair.wait_equal()
        workers = [Deliverer(knowledge, pair, i) for i in range(DELIVERERS)]
        workers += [Reader(knowledge, pair, 100 + i, user) for i, user in enumerate(users)]
        for worker in workers:
            worker.start()
        knowledge.running.set()
        time.sleep(dice.uniform(*LOAD_S))
        pair.primary.kill()
        pair.replica.gemel("promote", "--force")
        check_workers(knowledge, workers)
        seen = read_side(pair.replica, users)
        wrong = compare(knowledge, seen, "promoted") + pair.replica.verify()
        if pair.replica.deliver(users, b"Subject: on\r\n\r\nwe go\r\n") != [250] * READERS:
            wrong.append("the promoted server takes no mail")
    counts = ", ".join(f"{value} {key}" for key, value in sorted(knowledge.counts.items()))
    print(f"round {number}: {counts}; {len(seen)} messages", flush=True)
    if wrong:
        raise ServerError("\n".join(map(str, wrong[:20])))
    return knowledge.counts.get("delivered", 0) + knowledge.counts.get("appended", 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--level", default="durable")
    options = parser.parse_args()
    dice = random.Random(options.seed)
    try:
        total = sum(run_round(number, dice, options.level) for number in range(options.rounds))
        if total == 0:
            raise ServerError("nothing was ever acknowledged")
    except ServerError as error:
        print(f"FAILED: {error}")
        return 1
    print(f"{options.rounds} rounds: all of {total} acknowledged messages were there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
