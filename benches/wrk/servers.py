"""The servers of the comparison: how each is built, configured, started and stopped."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
START_SECONDS = 60  # under valgrind a server needs a few
STOP_SECONDS = 5  # for one of three attempts
# The key of the examples in AWS's documentation.
ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


class Failure(Exception):
    """An error that ends the comparison, with a message for the user."""


@dataclass(frozen=True)
class Machine:
    """The environment of the comparison: binaries, directory of the configurations, cores, node."""

    binaries: dict[str, Path]
    work: Path
    proxy_core: str
    load_cores: str
    node: str

    def configured(self, template: str, name: str, **values: str) -> str:
        """The path of a configuration in which every @NAME@ of the template is replaced by its value."""
        text = (HERE / template).read_text()
        values |= {"NODE": self.node, "WORK": str(self.work)}
        values |= {"ACCESS_KEY_ID": ACCESS_KEY_ID, "SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
        for word, value in values.items():
            text = text.replace(f"@{word}@", value)
        path = self.work / name
        path.write_text(text)
        return str(path)


@dataclass(frozen=True)
class Server:
    """A program that the requests pass through."""

    name: str
    title: str
    command: Callable[[Machine, str], list[str]]  # from the machine and the address to listen on
    checks_signature: bool = False
    versions: tuple[str, ...] = ("v2", "v4")  # of the signatures that its requests may carry
    missing: Callable[[], str] = lambda: ""  # what must be installed, or nothing


def tool(name: str) -> str | None:
    """The path of a program; servers are often in the sbin directories."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin")


def nginx_module(name: str) -> Path | None:
    directories = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/nginx/modules")
    return next((path for path in (Path(d, name) for d in directories) if path.exists()), None)


def gateway(access_log: str, binary: str = "countersign") -> Callable[[Machine, str], list[str]]:
    def command(machine: Machine, listen: str) -> list[str]:
        config = machine.configured("gateway.toml", "gateway.toml", LISTEN=listen, ACCESS_LOG=access_log)
        return [str(machine.binaries[binary]), "serve", "--config", config]

    return command


def rust_proxy(name: str) -> Callable[[Machine, str], list[str]]:
    return lambda machine, listen: [str(machine.binaries[name]), listen, machine.node]


def nginx(machine: Machine, listen: str) -> list[str]:
    config = machine.configured("nginx.conf", "nginx.conf", LISTEN=listen, MODULES="", KEYS="", CHECK="")
    return [tool("nginx"), "-p", str(machine.work), "-c", config]


def nginx_lua(machine: Machine, listen: str) -> list[str]:
    modules = ("ndk_http_module.so", "ngx_http_lua_module.so")
    config = machine.configured(
        "nginx.conf",
        "nginx-lua.conf",
        LISTEN=listen,
        MODULES="\n".join(f"load_module {nginx_module(module)};" for module in modules),
        KEYS=f'init_by_lua_block {{ keys = {{ ["{ACCESS_KEY_ID}"] = "{SECRET_ACCESS_KEY}" }} }}',
        CHECK=f"access_by_lua_file {HERE}/verify_v2.lua;",
    )
    return [tool("nginx"), "-p", str(machine.work), "-c", config]


def haproxy(machine: Machine, listen: str) -> list[str]:
    return [tool("haproxy"), "-db", "-f", machine.configured("haproxy.cfg", "haproxy.cfg", LISTEN=listen)]


def lacks(program: str) -> Callable[[], str]:
    return lambda: "" if tool(program) else program


def lacks_nginx_lua() -> str:
    module = nginx_module("ngx_http_lua_module.so") and nginx_module("ndk_http_module.so")
    return lacks("nginx")() or ("" if module else "nginx's Lua module (Debian: libnginx-mod-http-lua)")


BARE = Server("bare", "bare Pingora", rust_proxy("bare-proxy"))  # the baseline of the ratios
GATEWAYS = (
    Server("gateway", "gateway", gateway("true"), checks_signature=True),
    Server("gateway-nolog", "gateway, no access log", gateway("false"), checks_signature=True),
)
OTHERS = (
    Server("stock", "bare Pingora, stock build", rust_proxy("stock-proxy")),
    Server("nginx", "nginx", nginx, missing=lacks("nginx")),
    Server(
        "nginx-lua",
        "nginx, Lua HMAC-SHA1 check",
        nginx_lua,
        checks_signature=True,
        versions=("v2",),
        missing=lacks_nginx_lua,
    ),
    Server("haproxy", "HAProxy", haproxy, missing=lacks("haproxy")),
)
SERVERS = (BARE, *GATEWAYS, *OTHERS)


def gateways(binaries: list[str], kinds: list[Server]) -> list[Server]:
    """These kinds of gateway, for each of the binaries that have a name."""
    logs = dict(zip(GATEWAYS, ("true", "false")))
    return [
        replace(kind, name=f"{kind.name}-{name}", title=f"{kind.title} [{name}]", command=gateway(logs[kind], name))
        for kind in kinds
        for name in binaries
    ]


@contextmanager
def running(command: list[str], listen: str, cores: str):
    """A process on its cores, which accepts connections in the block.
    
    Its output goes to /dev/null: writing the gateway's access log is measured, its destination is not.
    """
    process = subprocess.Popen(
        ["taskset", "--cpu-list", cores, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_listening(process, command, listen)
        yield process
        if process.poll() is not None:
            raise Failure(f"it ended by itself with status {process.returncode}: {' '.join(command)}")
    finally:
        stop(process)


def stop(process: subprocess.Popen) -> None:
    """Stops the process, if possible with a graceful shutdown.
    
    If a signal reaches nginx after it has checked the flag and before it waits for events, nginx sees it only after the next one.
    """
    for _ in range(3):
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    process.wait()


def wait_until_listening(process: subprocess.Popen, command: list[str], listen: str) -> None:
    host, port = listen.split(":")
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    reason = "does not listen" if process.poll() is None else f"ended with status {process.returncode}"
    raise Failure(f"it {reason}; to see why, run: {' '.join(command)}")


def free_address() -> str:
    """A free loopback address: nginx and HAProxy do not report the port that they are given for port 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
