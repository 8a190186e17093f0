#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fan-out: what one delivered message costs the server, and how long all take.

usage: fanout.py [--sessions N,N] [--pending P,P] [--rounds R] [--seconds S]
                 [--no-node] CHATD BIN_DIR

One run interleaves chatd (whole path: REST create, durable store, guild,
relay, sequence numbers, permissions, WebSocket) with a loop over pre-built
frames of the same size, by io_uring and by send(), and with Node's ws.  The
server has one core, everything else the other.  CPU is what the scheduler
counted for the server's threads.  "pending" messages are asked for while the
server is stopped for a moment, so that they meet it together.  Every client
checks that nothing is lost, doubled or out of order.  Prints medians of at
most R rounds, fewer where a peer has used up its S seconds.  More clients than
one process may have descriptors are more processes; chatd then has both cores
and its peers, which need a descriptor for each, are left out.
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT_BYTES = 40		# of a message's content, frames have about 750
BEAT_S = 20
HEARTBEAT_MS = 60000
RATE_S = 10		# at half of what can be delivered
ROUNDS_MIN = 1
ROUND_MOST = 2		# times the seconds of a server that a round may take
SERVER_CORE, CLIENT_CORE = 0, 1
CROWD_SHARE = 15000	# clients of one process


def pinned(core, argv, **options):
    return subprocess.Popen(["taskset", "-c", str(core), *argv], text=True,
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


def anonymous_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return 1024 * int(re.search(r"Anonymous: +(\d+)",
                                    rollup.read()).group(1))


def expect_line(process, pattern):
    for line in process.stdout:
        found = re.search(pattern, line)
        if found:
            return found
    raise RuntimeError(f"{process.args}: ended before {pattern!r}")


def end(process):
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


class Clients:
    def __init__(self, bin_dir, port, count, mode, token="", address=""):
        self.process = pinned(CLIENT_CORE, [
            f"{bin_dir}/fanout_clients", str(port), str(count), mode, token,
            *([address] if address else [])])
        self.count = count
        if not address:
            self.wait()

    def wait(self):
        expect_line(self.process, "ready")

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def done(self):
        return int(expect_line(self.process, r"done (\d+)").group(1))

    def ask(self, text):
        self.say(text)
        return self.done()

    def close(self):
        end(self.process)


class Crowd:
    """More clients than one process may have descriptors."""

    def __init__(self, bin_dir, port, count, token):
        shares = [min(CROWD_SHARE, count - start)
                  for start in range(0, count, CROWD_SHARE)]
        self.parts = [Clients(bin_dir, port, share, "gateway", token,
                              f"127.0.0.{i + 2}")
                      for i, share in enumerate(shares)]
        self.count = count
        for part in self.parts:
            part.wait()

    def say(self, text):
        for part in self.parts:
            part.say(text)

    def done(self):
        """Of times the longest, of counts the largest."""
        return max(part.done() for part in self.parts)

    def ask(self, text):
        self.say(text)
        return self.done()

    def close(self):
        for part in self.parts:
            part.close()


class Loop:
    """A server of ours or Node's that sends when it is told to."""

    def __init__(self, argv, bin_dir, count, mode):
        self.process = pinned(SERVER_CORE, argv)
        self.pid = self.process.pid
        port = expect_line(self.process, r"port (\d+)").group(1)
        self.clients = Clients(bin_dir, port, count, mode)

    def send(self, pending):
        self.process.stdin.write(f"send {pending}\n")
        self.process.stdin.flush()

    def prepare(self, _pending):
        pass

    def sent(self, _pending):
        expect_line(self.process, "done")

    def at_rate(self, rate):
        def one():
            self.send(1)
            self.sent(1)
        return late_at_rate(self.clients, rate, lambda _i: one())

    def close(self):
        self.clients.close()
        end(self.process)


class Sender:
    """A connection for one request at a time."""

    def __init__(self, port, token):
        self.port, self.token = port, token
        self.socket = None

    def say(self, method, path, body=""):
        head = (f"{method} /api/v10{path} HTTP/1.1\r\nHost: bench\r\n"
                f"Authorization: Bot {self.token}\r\n"
                "Content-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n")
        self.socket.sendall((head + body).encode())

    def answer(self):
        data = b""
        while True:
            head, separator, body = data.partition(b"\r\n\r\n")
            if separator:
                length = int(re.search(rb"(?i)content-length: (\d+)",
                                       head).group(1))
                if len(body) >= length:
                    break
            chunk = self.socket.recv(65536)
            if not chunk:
                raise ConnectionResetError("chatd has closed a connection")
            data += chunk
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(data.decode())
        return json.loads(body)

    def get(self, path):
        """On a fresh connection where chatd has closed the idle one."""
        try:
            self.say("GET", path)
            return self.answer()
        except (AttributeError, ConnectionError):
            self.socket = socket.create_connection(("127.0.0.1", self.port))
            self.say("GET", path)
            return self.answer()


class Chatd:
    def __init__(self, program, bin_dir, count, most_pending):
        self.folder = tempfile.mkdtemp(prefix="fanout-")
        crowd = count > CROWD_SHARE
        self.process = pinned("0,1" if crowd else SERVER_CORE, [
            program, "--data", self.folder + "/data", "--port", "0",
            "--cores", "2" if crowd else "1", "--no-rate-limits",
            "--log-level", "warn", "--heartbeat-ms", str(HEARTBEAT_MS)])
        self.pid = self.process.pid
        tokens = []
        for line in self.process.stdout:
            bot = re.match(r"bot (\S+)\s+(\S+)", line)
            ready = re.search(r"ready on http://[^:]+:(\d+)", line)
            if bot:
                tokens.append(bot.group(2))
            if ready:
                self.port = int(ready.group(1))
                break
        self.token = tokens[0]
        self.senders = [Sender(self.port, tokens[1])
                        for _ in range(most_pending)]
        self.channel = self.find_channel()
        before = anonymous_bytes(self.pid)
        self.clients = (
            Crowd(bin_dir, self.port, count, self.token) if crowd else
            Clients(bin_dir, self.port, count, "gateway", self.token))
        self.session_bytes = (anonymous_bytes(self.pid) - before) // count
        self.descriptors = len(os.listdir(f"/proc/{self.pid}/fd"))
        self.beat_at = time.monotonic()

    def find_channel(self):
        """#general is made right behind its guild: ask for both."""
        get = self.senders[0].get
        guild = get("/users/@me/guilds")[0]["id"]
        return next(c["id"] for c in get(f"/guilds/{guild}/channels")
                    if c["type"] == 0)

    def prepare(self, pending):
        """Connections that are idle, and sessions that do not beat, are closed;
        others have had their turn."""
        for sender in self.senders[:pending]:
            sender.get("/gateway")
        if time.monotonic() - self.beat_at > BEAT_S:
            self.beat_at = time.monotonic()
            self.clients.ask("beat")

    def post(self, sender, text):
        sender.say("POST", f"/channels/{self.channel}/messages",
                   json.dumps({"content": text.ljust(TEXT_BYTES, "x")}))

    def send(self, pending):
        """Each on a connection of its own, all before chatd looks."""
        os.kill(self.pid, signal.SIGSTOP)
        for sender in self.senders[:pending]:
            self.post(sender, "")
        os.kill(self.pid, signal.SIGCONT)

    def sent(self, pending):
        for sender in self.senders[:pending]:
            sender.answer()

    def at_rate(self, rate):
        def post(i):
            sender = self.senders[i % len(self.senders)]
            if i >= len(self.senders):
                sender.answer()
            self.post(sender, f"@{time.monotonic_ns()}@")
        self.prepare(len(self.senders))
        late = late_at_rate(self.clients, rate, post)
        self.sent(min(messages_at(rate), len(self.senders)))
        return late

    def close(self):
        self.clients.close()
        end(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


def messages_at(rate):
    return max(1, round(RATE_S * rate))


def late_at_rate(clients, rate, send):
    """Delivery in ms of half, of 99 in 100, at `rate` messages a second, which
    carry the time of their sending."""
    count = messages_at(rate)
    clients.ask("late 1000")
    clients.say(f"expect {count}")
    start = time.monotonic()
    for i in range(count):
        time.sleep(max(0, start + i / rate - time.monotonic()))
        send(i)
    clients.done()
    return [clients.ask(f"late {part}") / 1e6 for part in (500, 990)]


def measure(server, pending):
    """One round: CPU ns a delivery, ms until the last client has all, reads
    that a client took."""
    server.prepare(pending)
    before, start = cpu_ns(server.pid), time.monotonic()
    server.clients.say(f"expect {pending}")
    server.send(pending)
    reads = server.clients.done() / 100
    elapsed = time.monotonic() - start
    server.sent(pending)
    cost = cpu_ns(server.pid) - before
    return cost / (pending * server.clients.count), elapsed * 1000, reads


def frame_bytes(chatd, bin_dir):
    """How long chatd's frames are: measured, not assumed."""
    sample = Clients(bin_dir, chatd.port, 1, "gateway", chatd.token)
    sample.say("expect 1")
    measure(chatd, 1)
    sample.done()
    size = sample.ask("size")
    sample.close()
    return size


def patient(servers, pending, before, options):
    """Those whose round will not take too long, by that of fewer messages."""
    for name in list(servers):
        if name not in before:
            continue
        fewer, elapsed = before[name]
        seconds = elapsed / 1000 * pending / fewer
        if seconds > ROUND_MOST * options.seconds:
            print(f"{name:14}{pending:8}  left out: a round would take "
                  f"{seconds:.0f} s", flush=True)
            servers = {n: s for n, s in servers.items() if n != name}
    return servers


def take_turns(servers, pending, options):
    """Results of all rounds but each server's first."""
    results = {name: [] for name in servers}
    used = dict.fromkeys(servers, 0.0)
    for _ in range(options.rounds + 1):
        for name, server in servers.items():
            rows = results[name]
            if len(rows) > ROUNDS_MIN and used[name] > options.seconds:
                continue
            start = time.monotonic()
            rows.append(measure(server, pending))
            used[name] += time.monotonic() - start
    return {name: rows[1:] for name, rows in results.items()}


def report(servers, pending, before, options):
    """Returns chatd's median ms; notes in `before` what each has needed."""
    results = take_turns(patient(servers, pending, before, options), pending,
                         options)
    medians = {name: [statistics.median(column) for column in zip(*rows)]
               for name, rows in results.items()}
    limit = medians.get("io_uring loop")
    for name, (cost, elapsed, reads) in medians.items():
        before[name] = pending, elapsed
        ratios = [f"{value / of:.2f}" for value, of in
                  zip((cost, elapsed), limit)] if limit else ["", ""]
        print(f"{name:14}{pending:8}{cost:17.0f}{ratios[0]:>9}"
              f"{elapsed:18.1f}{ratios[1]:>9}{reads:7.1f}"
              f"{len(results[name]):8}", flush=True)
    return medians["chatd"][1] if "chatd" in medians else None


def start_all(count, options):
    most = max(options.pending)
    chatd = Chatd(options.chatd, options.bin_dir, count, most)
    size = frame_bytes(chatd, options.bin_dir)
    raw = [f"{options.bin_dir}/fanout_raw", str(count)]
    servers = {}
    # A descriptor for each is what they cannot do without.
    few = count <= CROWD_SHARE
    if few:
        servers["io_uring loop"] = Loop([*raw, "uring", str(size)],
                                        options.bin_dir, count, "raw")
        servers["send() loop"] = Loop([*raw, "send", str(size)],
                                      options.bin_dir, count, "raw")
    if few and not options.no_node:
        servers["Node ws"] = Loop(["node", f"{HERE}/fanout_ws.mjs", str(size)],
                                  options.bin_dir, count, "ws")
    servers["chatd"] = chatd
    print(f"\n{count:,} sessions, frames of {size} bytes; chatd: "
          f"{chatd.session_bytes:,} bytes of memory for each idle session, "
          f"{chatd.descriptors:,} descriptors")
    print(f"{'':14}{'pending':>8}{'CPU ns/delivery':>17}{'x limit':>9}"
          f"{'all have it, ms':>18}{'x limit':>9}{'reads':>7}{'rounds':>8}",
          flush=True)
    return servers


def run(count, options):
    servers = start_all(count, options)
    try:
        before = {}
        elapsed = [report(servers, pending, before, options)
                   for pending in options.pending]
        rate = 500 / elapsed[0] * options.pending[0]
        print(f"at {rate:.1f} messages/s, half of what chatd can:")
        for name in ("io_uring loop", "chatd"):
            if name not in servers:
                continue
            half, most = servers[name].at_rate(rate)
            print(f"{name:14} delivered within {half:.1f} ms (p50), "
                  f"{most:.1f} ms (p99)", flush=True)
    finally:
        for server in servers.values():
            server.close()


def numbers(text):
    return [int(n) for n in text.split(",")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=numbers, default=[1000, 10000])
    parser.add_argument("--pending", type=numbers, default=[1, 16, 64])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--no-node", action="store_true")
    parser.add_argument("chatd")
    parser.add_argument("bin_dir")
    options = parser.parse_args()
    os.sched_setaffinity(0, {CLIENT_CORE})
    for count in options.sessions:
        run(count, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
