#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fan-out: what one delivered message costs the server, and how long all take.

usage: fanout.py [--sessions N,N] [--pending P,P] [--rounds R] CHATD BIN_DIR

One run interleaves chatd (whole path: REST create, durable store, guild,
relay, sequence numbers, permissions, WebSocket) with a loop over pre-built
frames of the same size, by io_uring and by send(), and with Node's ws.  The
server has one core, the clients the other.  CPU is what the scheduler counted
for the server's threads.  Every client checks that nothing is lost, doubled or
out of order.  Prints medians.
"""
import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT_BYTES = 40		# of a message's content, frames have about 750
BEAT_S = 20
SERVER_CORE, CLIENT_CORE = "0", "1"


def pinned(core, argv, **options):
    return subprocess.Popen(["taskset", "-c", core, *argv], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            **options)


def cpu_ns(pid):
    """Time on a core of all threads of a process, workers of io_uring too."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                total += int(stat.read().split()[0])
        except FileNotFoundError:
            pass
    return total


def expect_line(process, pattern):
    for line in process.stdout:
        found = re.search(pattern, line)
        if found:
            return found
    raise RuntimeError(f"{process.args}: ended before {pattern!r}")


class Clients:
    def __init__(self, bin_dir, port, count, mode, token=""):
        self.process = pinned(CLIENT_CORE, [
            f"{bin_dir}/fanout_clients", str(port), str(count), mode, token])
        self.count = count

    def ready(self):
        expect_line(self.process, "ready")

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def done(self):
        return int(expect_line(self.process, r"done (\d+)").group(1))

    def close(self):
        self.process.kill()
        self.process.wait()


class Loop:
    """A server of ours or Node's that sends when it is told to."""

    def __init__(self, argv, bin_dir, count, mode):
        self.process = pinned(SERVER_CORE, argv)
        self.pid = self.process.pid
        port = expect_line(self.process, r"port (\d+)").group(1)
        self.clients = Clients(bin_dir, port, count, mode)
        self.clients.ready()

    def send(self, pending):
        self.process.stdin.write(f"send {pending}\n")
        self.process.stdin.flush()

    def keep_alive(self):
        pass

    def sent(self, _pending):
        expect_line(self.process, "done")

    def close(self):
        self.clients.close()
        self.process.kill()
        self.process.wait()


class Chatd:
    def __init__(self, program, bin_dir, count):
        self.folder = tempfile.mkdtemp(prefix="fanout-")
        self.process = pinned(SERVER_CORE, [
            program, "--data", self.folder + "/data", "--port", "0",
            "--cores", "1", "--no-rate-limits"])
        self.pid = self.process.pid
        self.number = 0
        self.tokens = []
        for line in self.process.stdout:
            bot = re.match(r"bot (\S+)\s+(\S+)", line)
            ready = re.search(r"ready on http://[^:]+:(\d+)", line)
            if bot:
                self.tokens.append(bot.group(2))
            if ready:
                self.port = int(ready.group(1))
                break
        self.clients = Clients(bin_dir, self.port, count, "gateway",
                               self.tokens[0])
        self.clients.ready()
        self.senders = [socket.create_connection(("127.0.0.1", self.port))
                        for _ in range(64)]
        self.channel = self.find_channel()
        self.beat_at = 0

    def find_channel(self):
        """#general is made right behind its guild: ask for both."""
        guild = self.ask(self.senders[0], "GET", "/users/@me/guilds")[0]["id"]
        channels = self.ask(self.senders[0], "GET", f"/guilds/{guild}/channels")
        return next(c["id"] for c in channels if c["type"] == 0)

    def request(self, method, path, body=""):
        return (f"{method} /api/v10{path} HTTP/1.1\r\nHost: bench\r\n"
                f"Authorization: Bot {self.tokens[1]}\r\n"
                "Content-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}").encode()

    @staticmethod
    def answer(sender):
        data = b""
        while True:
            head, separator, body = data.partition(b"\r\n\r\n")
            if separator:
                length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
                if len(body) >= length:
                    break
            chunk = sender.recv(65536)
            if not chunk:
                raise RuntimeError("chatd has closed a connection")
            data += chunk
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(data.decode())
        return json.loads(body)

    def ask(self, sender, method, path):
        sender.sendall(self.request(method, path))
        return self.answer(sender)

    def keep_alive(self):
        """Between rounds: sessions that do not beat are closed."""
        if time.monotonic() - self.beat_at > BEAT_S:
            self.clients.say("beat")
            self.clients.done()
            self.beat_at = time.monotonic()

    def send(self, pending):
        """All at once, each on a connection of its own."""
        for sender in self.senders[:pending]:
            body = json.dumps({"content": "x" * TEXT_BYTES})
            sender.sendall(self.request(
                "POST", f"/channels/{self.channel}/messages", body))

    def sent(self, pending):
        for sender in self.senders[:pending]:
            self.answer(sender)

    def close(self):
        self.clients.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def measure(server, pending):
    """One round: (CPU ns a delivery, ms until the last client has all)."""
    before, start = cpu_ns(server.pid), time.monotonic()
    server.clients.say(f"expect {pending}")
    server.send(pending)
    server.clients.done()
    elapsed = time.monotonic() - start
    server.sent(pending)
    cost = cpu_ns(server.pid) - before
    return cost / (pending * server.clients.count), elapsed * 1000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", default="1000,10000")
    parser.add_argument("--pending", default="1,16,64")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("chatd")
    parser.add_argument("bin_dir")
    options = parser.parse_args()
    frame = None
    for count in map(int, options.sessions.split(",")):
        chatd = Chatd(options.chatd, options.bin_dir, count)
        frame = frame or frame_bytes(chatd)
        raw = f"{options.bin_dir}/fanout_raw"
        servers = {
            "io_uring loop": Loop([raw, str(count), "uring", str(frame)],
                                  options.bin_dir, count, "raw"),
            "send() loop": Loop([raw, str(count), "send", str(frame)],
                                options.bin_dir, count, "raw"),
            "Node ws": Loop(["node", f"{HERE}/fanout_ws.mjs", str(frame)],
                            options.bin_dir, count, "ws"),
            "chatd": chatd,
        }
        try:
            report(servers, count, frame, options)
        finally:
            for server in servers.values():
                server.close()


def frame_bytes(chatd):
    """How long chatd's frames are: measured, not assumed."""
    sample = Clients(os.path.dirname(chatd.clients.process.args[3]), chatd.port,
                     1, "gateway", chatd.tokens[0])
    sample.ready()
    chatd.clients.say("expect 1")
    sample.say("expect 1")
    chatd.send(1)
    sample.done()
    chatd.clients.done()
    chatd.sent(1)
    sample.say("size")
    size = sample.done()
    sample.close()
    return size


def report(servers, count, frame, options):
    print(f"{count} sessions, frames of {frame} bytes, "
          f"medians of {options.rounds} rounds")
    print(f"{'':16}{'pending':>8}{'CPU ns/delivery':>17}{'all have it, ms':>17}")
    for pending in map(int, options.pending.split(",")):
        results = {name: [] for name in servers}
        for round_number in range(options.rounds + 1):
            for name, server in servers.items():
                servers["chatd"].keep_alive()
                result = measure(server, pending)
                if round_number:
                    results[name].append(result)
        for name, rows in results.items():
            cost = statistics.median(row[0] for row in rows)
            elapsed = statistics.median(row[1] for row in rows)
            print(f"{name:16}{pending:8}{cost:17.0f}{elapsed:17.2f}")
        limit = statistics.median(r[0] for r in results["io_uring loop"])
        ours = statistics.median(r[0] for r in results["chatd"])
        print(f"{'chatd / limit':16}{pending:8}{ours / limit:17.2f}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
