#!/usr/bin/env python3
"""What a server says of itself: status for people and as JSON, metrics over HTTP."""

import json
import unittest
import urllib.error
import urllib.request

from gemel_server import CHANNEL, HOST, Pair, ServerError, free_ports, wait_until

MESSAGE = b"Subject: hi\r\n\r\nhello\r\n"


class Status(unittest.TestCase):
    def setUp(self):
        self.port = free_ports(1)[0]
        self.pair = Pair()
        self.pair.primary.more = {"metrics": {"listen": [f"{HOST}:{self.port}"]}}
        self.enterContext(self.pair)
        for user in ("ann", "bob"):
            self.pair.primary.add_user(user)
        self.pair.wait_equal()

    def metrics(self):
        with urllib.request.urlopen(f"http://{HOST}:{self.port}/metrics", timeout=10) as answer:
            self.assertTrue(answer.headers["Content-Type"].startswith("text/plain"))
            lines = answer.read().decode().splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

    def test_a_replica_that_is_away_is_told_of_everywhere(self):
        primary = self.pair.primary
        by_channel = f'{{channel="{CHANNEL}"}}'
        self.assertEqual(self.metrics()["gemel_channel_connected" + by_channel], "1")
        self.assertEqual(self.metrics()["gemel_channel_changes_behind" + by_channel], "0")
        self.assertIn("user ann on standby: in step", primary.gemel("status", "--user", "ann"))
        self.pair.replica.kill()
        self.assertEqual(primary.deliver(["ann"], MESSAGE), [250])
        wait_until(lambda: primary.status()["channels"][CHANNEL]["lag_seconds"] > 0)
        self.assertEqual(self.metrics()["gemel_channel_connected" + by_channel], "0")
        self.assertEqual(self.metrics()["gemel_channel_changes_behind" + by_channel], "1")
        self.assertGreater(float(self.metrics()["gemel_channel_lag_seconds" + by_channel]), 0)
        said = primary.gemel("status", "--users")
        self.assertRegex(said, "user ann on standby: behind by 1 changes")
        self.assertNotIn("user bob", said)
        self.assertRegex(said, "error .*; next try in")
        rows = [json.loads(line) for line in
                primary.gemel("--json", "status", "--user", "bob").splitlines()]
        lag = [row for row in rows if row.get("type") == "user_lag"]
        self.assertEqual(lag, [{"type": "user_lag", "channel": CHANNEL, "user": "bob",
                                "changes_behind": 0, "lag_seconds": 0.0, "set_aside": 0}])
        self.pair.replica.start()
        self.pair.wait_equal()

    def test_what_is_not_there_is_refused(self):
        with self.assertRaisesRegex(ServerError, "nobody"):
            self.pair.primary.gemel("status", "--user", "nobody")
        with self.assertRaisesRegex(urllib.error.HTTPError, "404"):
            urllib.request.urlopen(f"http://{HOST}:{self.port}/", timeout=10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
