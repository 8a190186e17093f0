#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""After an @everyone, a herd of HTTP clients reads the newest page at once.

Three servers take turns, round by round, each asked by a herd of its own:

  chatd        as it is: equal reads in flight are one store read
  no joining   chatd --no-coalescing: the store is read for each
  varnish      Debian's Varnish in front of "no joining": equal requests in
               flight are one, and its answer serves those of the next 100 ms,
               whoever asks (so it neither checks who may read, nor lets
               writers read their writes)

Printed, of all rounds: requests for each store read; the median over the
rounds of the herd's p50, p99 and slowest answer; CPU time of the server (and
of Varnish) for each request.
"""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import urllib.request

VCL = """vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{port}"; }}
sub vcl_recv {{
    if (req.method == "GET") {{ return (hash); }}
    return (pass);
}}
sub vcl_backend_response {{
    unset beresp.http.Set-Cookie;
    set beresp.ttl = 100ms;
    set beresp.grace = 0s;
    set beresp.uncacheable = false;
    return (deliver);
}}
"""


class Server:
    """A chatd with a page of messages, and what it counts."""

    def __init__(self, program, folder, options):
        self.process = subprocess.Popen(
            [program, "--data", folder, "--port", "0", "--metrics-port", "0",
             "--no-rate-limits", *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        output = ""
        for line in self.process.stdout:
            output += line
            if line.startswith("chatd: ready on"):
                break
        self.port = re.search(r"ready on http://[^:]+:(\d+)", output)[1]
        self.metrics = re.search(r"metrics on (\S+)", output)[1]
        self.token = re.search(r"^bot \S+\s+(\S+)$", output, re.M)[1]
        guild = self.call("GET", "/users/@me/guilds")[0]["id"]
        self.channel = next(c["id"] for c in
                            self.call("GET", f"/guilds/{guild}/channels")
                            if c["type"] == 0)
        self.path = f"/api/v10/channels/{self.channel}/messages?limit=50"

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v10{path}", method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": f"Bot {self.token}",
                     "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def say(self, text):
        self.call("POST", f"/channels/{self.channel}/messages",
                  {"content": text})

    def counter(self, name):
        with urllib.request.urlopen(self.metrics, timeout=30) as answer:
            text = answer.read().decode()
        return int(re.search(rf"^{name} (\d+)$", text, re.M)[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def cpu_s(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def children(pid):
    path = f"/proc/{pid}/task/{pid}/children"
    with open(path, encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


class Varnish:
    """In front of a server, on any free port."""

    def __init__(self, folder, port):
        vcl = os.path.join(folder, "herd.vcl")
        with open(vcl, "w", encoding="ascii") as file:
            file.write(VCL.format(port=port))
        os.chmod(folder, 0o755)
        self.name = os.path.join(folder, "varnish")
        self.process = subprocess.Popen(
            ["varnishd", "-F", "-n", self.name, "-a", "127.0.0.1:0",
             "-f", vcl, "-s", "malloc,64m",
             "-p", "thread_pool_min=50", "-p", "thread_pool_max=3000",
             "-p", "timeout_idle=3600"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port = self.find_port()

    def find_port(self):
        for _ in range(100):
            done = subprocess.run(
                ["varnishadm", "-n", self.name, "-t", "10",
                 "debug.listen_address"],
                capture_output=True, text=True, check=False)
            found = re.search(r"127\.0\.0\.1 (\d+)", done.stdout)
            if found:
                return found[1]
        sys.exit("herd: Varnish does not listen")

    def pids(self):
        return [self.process.pid, *children(self.process.pid)]

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class Herd:
    """The clients of one way to a server, and what they saw."""

    def __init__(self, program, name, count, server, port, pids):
        self.name, self.count, self.server = name, count, server
        self.pids = pids
        self.rounds, self.cpu, self.reads = [], 0.0, 0
        self.process = subprocess.Popen(
            [program, port, str(count), server.path, server.token],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"herd: {name}: the clients do not connect")

    def run(self, text):
        self.server.say(text)
        cpu = cpu_s(self.pids())
        reads = self.server.counter("chatd_data_runs_total")
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        numbers = [int(n) for n in self.process.stdout.readline().split()]
        if not numbers or numbers[4]:
            sys.exit(f"herd: {self.name}: {numbers[4:]} answers not 200")
        self.rounds.append(numbers)
        self.reads += self.server.counter("chatd_data_runs_total") - reads
        self.cpu += cpu_s(self.pids()) - cpu

    def report(self):
        requests = self.count * len(self.rounds)
        p50, p99, most = (statistics.median(r[i] for r in self.rounds) / 1e3
                          for i in range(3))
        print(f"{self.name:12} {requests:9} {self.reads:11} "
              f"{requests / max(self.reads, 1):9.0f} {p50:8.1f} {p99:8.1f} "
              f"{most:8.1f} {self.cpu / requests * 1e6:10.0f}", flush=True)
        return p99

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("chatd")
    parser.add_argument("herd_clients")
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="herd.")
    servers, herds, varnish = [], [], None
    try:
        for name, options in (("chatd", []),
                              ("no joining", ["--no-coalescing"])):
            server = Server(args.chatd, os.path.join(folder, name), options)
            servers.append(server)
            for i in range(60):
                server.say(f"message {i}: " + "lorem ipsum dolor " * 12)
            pid = server.process.pid
            herds.append(Herd(args.herd_clients, name, args.clients, server,
                              server.port, lambda pid=pid: [pid]))
        if shutil.which("varnishd"):
            varnish = Varnish(folder, servers[1].port)
            herds.append(Herd(
                args.herd_clients, "varnish", args.clients, servers[1],
                varnish.port,
                lambda: [servers[1].process.pid, *varnish.pids()]))
        else:
            print("# varnish is not installed: scripts/setup --bench")
        for n in range(args.rounds):
            for herd in herds:
                herd.run(f"@everyone look at this, {n}")
        print(f"# {args.clients} clients, {args.rounds} rounds, a page of "
              f"{herds[0].rounds[-1][3]} bytes")
        print(f"{'':12} {'requests':>9} {'store reads':>11} {'ratio':>9} "
              f"{'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'CPU us/req':>10}")
        p99 = [herd.report() for herd in herds]
        print(f"# p99: no joining is {p99[1] / p99[0]:.2f} x chatd's")
    finally:
        for part in [*herds, *servers, *([varnish] if varnish else [])]:
            part.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
