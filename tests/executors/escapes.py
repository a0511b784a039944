"""Small programs that try to get out of where a command runs: each ends without an exception only if it got through.

Hardly any does harm where it does get through: what it opens for writing it does not write to. The host's lures are
named by the variables FILES (a folder that anybody may write to, with `file`, `fifo` and sockets in it, and a listener
at each), HOME (what Motet keeps), PID and MARK (a process of the same user, and what stands in its command line),
PORT, NAME (an abstract socket), RUN (a socket in /run), SHM (a file in /dev/shm) and KEY (memory of System V).
"""

from __future__ import annotations

SHARED = r"""
import ctypes, fcntl, mmap, os, resource, signal, socket, stat, struct, subprocess, sys, time
from os import environ
FILES, HOME, MARK, NAME, RUN, SHM = (environ[name] for name in ("FILES", "HOME", "MARK", "NAME", "RUN", "SHM"))
PID, PORT, KEY = (int(environ[name]) for name in ("PID", "PORT", "KEY"))
REMOUNT, BIND, READ_ONLY, MOVE = 32, 4096, 1, 8192
libc = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"

def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def allowed(name, *arguments):
    "The kernel looks at the arguments, which are wrong, only of those who may ask."
    numbers = {  # x86_64, aarch64
        "reboot": (169, 142), "init_module": (175, 105), "delete_module": (176, 106), "kexec_load": (246, 104),
        "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "settimeofday": (164, 170),
        "syslog": (103, 116), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
        "pivot_root": (155, 41), "open_by_handle_at": (304, 265), "bpf": (321, 280),
        "fanotify_init": (300, 262), "perf_event_open": (298, 241), "setns": (308, 268), "vhangup": (153, 58),
        "open_tree": (428, 428), "fsopen": (430, 430), "mount_setattr": (442, 442), "pidfd_open": (434, 434),
        "kcmp": (312, 272), "migrate_pages": (256, 238), "process_vm_readv": (310, 270), "adjtimex": (159, 171),
        "ptrace": (101, 117), "prlimit": (302, 261), "ioprio_set": (251, 30), "clone3": (435, 435),
    }
    numbers["iopl"] = numbers["ioperm"] = (172, None)
    arguments = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    if libc.syscall(numbers[name][not X86], *arguments) == -1 and ctypes.get_errno() in (1, 13, 38, 3):
        raise OSError(ctypes.get_errno(), name)

def writable(path):
    os.close(os.open(path, os.O_WRONLY))

def readable(path):
    with open(path, "rb") as file:
        return file.read(64) or sys.exit(1)

def mount(source, target, kind, flags=0, options=None):
    if not target.startswith("/"):
        os.makedirs(target, exist_ok=True)
    encoded = [None if each is None else each.encode() for each in (source, target, kind)]
    checked(libc.mount(*encoded, flags, options.encode() if options else None))

def unmount(path):
    checked(libc.umount2(path.encode(), 2))

def capabilities(name):
    with open("/proc/self/status") as file:
        assert int(file.read().partition(f"Cap{name}:")[2].split()[0], 16)

def connects(address, family=socket.AF_UNIX, kind=socket.SOCK_STREAM):
    made = socket.socket(family, kind)
    made.settimeout(5)
    made.connect(address)
    made.send(b"x")
    if kind == socket.SOCK_DGRAM:
        time.sleep(0.05)
        made.send(b"x")  # fails if nobody listens

def processes():
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    yield file.read().decode(errors="replace")
            except OSError:
                pass
"""

FILES = r"""
open(FILES + "/file", "a").close()
open(FILES + "/new", "x")
os.remove(FILES + "/file")
os.rename(FILES + "/file", FILES + "/renamed")
os.rename(FILES + "/file", "moved")
os.replace("own", FILES + "/file")
os.chmod(FILES + "/file", 0o600)
os.chown(FILES + "/file", os.getuid(), os.getgid())
os.truncate(FILES + "/file", 1)
os.utime(FILES + "/file")
os.link(FILES + "/file", "hard")
os.link("own", FILES + "/hard")
os.symlink("own", FILES + "/soft")
os.mkdir(FILES + "/folder")
os.rmdir(FILES + "/empty")
os.mkfifo(FILES + "/pipe")
os.mknod(FILES + "/node")
os.setxattr(FILES + "/file", "user.motet", b"x")
os.open(FILES, os.O_TMPFILE | os.O_RDWR)
writable("/proc/self/root" + FILES + "/file")
writable("/proc/1/root" + FILES + "/file")
writable("/proc/self/cwd/" + "../" * 20 + FILES + "/file")
writable(f"/proc/self/fd/{os.open(FILES, os.O_PATH)}/file")
writable(f"/proc/self/fd/{os.open(FILES + '/file', os.O_RDONLY)}")
os.symlink(FILES, "link"), writable("link/file")
mmap.mmap(os.open(FILES + "/file", os.O_RDWR), 1)
os.listdir("/.old/")
assert os.listdir(HOME)
readable(HOME + "/secret")
writable(HOME + "/secret")
mount(None, "/", None, REMOUNT)
mount(None, "/", None, REMOUNT | BIND)
mount(None, "/etc", None, REMOUNT | BIND), writable("/etc/passwd")
mount(None, "/usr", None, REMOUNT | BIND), writable("/usr/bin/env")
mount(None, "/var", None, REMOUNT | BIND)
mount(None, FILES, None, REMOUNT | BIND)
mount(FILES, "here", None, BIND), writable("here/file")
mount("/", "here", None, BIND)
mount("none", "here", "overlay", 0, f"lowerdir={FILES},upperdir=up,workdir=work")
mount("none", "here", "tmpfs")
mount("/etc", "here", None, MOVE)
allowed("mount_setattr", -100, b"/", 0x8000, struct.pack("QQQQ", 0, 1, 0, 0), 32)
allowed("mount_setattr", -100, FILES.encode(), 0, struct.pack("QQQQ", 0, 1, 0, 0), 32)
allowed("open_tree", -100, FILES.encode(), 1)
allowed("fsopen", b"tmpfs", 0)
allowed("pivot_root", b"/", b"/")
allowed("open_by_handle_at", os.open(FILES, os.O_RDONLY), struct.pack("Ii", 8, 1) + bytes(8), 2)
allowed("swapon", b"own", 0)
allowed("swapoff", b"own")
allowed("acct", b"own")
unmount("/etc")
unmount("/usr")
unmount("/tmp")
unmount("/dev/shm")
unmount("/run")
unmount("/proc")
unmount("/sys")
unmount("/")
subprocess.run(["mount", "-o", "remount,rw,bind", "/usr"], check=True, stderr=subprocess.DEVNULL)
os.mkdir("jail"), os.chroot("jail"), [os.chdir("..") for _ in range(50)], os.chroot("."), writable(FILES + "/file")
"""

SYSTEM = r"""
open("/etc/motet-new", "x")
open("/usr/motet-new", "x")
open("/var/motet-new", "x")
open("/var/tmp/motet-new", "x")
open(os.path.expanduser("~root/motet-new"), "x")
open("/home/motet-new", "x")
open("/opt" + "/motet-new", "x")
open("/lib/motet-new", "x")
writable("/etc/passwd")
writable("/etc/shadow")
writable("/etc/hosts")
writable("/etc/resolv.conf")
writable("/bin/sh")
"""
"""In a container these are the image's own files."""

PROCESSES = r"""
os.kill(PID, 0)
os.kill(PID, signal.SIGCONT)
os.killpg(PID, 0)
assert any(MARK in each for each in processes())
assert MARK in open(f"/proc/{PID}/cmdline").read()
assert MARK in open(f"/proc/1/cmdline").read()
assert b"MOTET_ESCAPE_MARK" in open(f"/proc/{PID}/environ", "rb").read()
assert os.readlink(f"/proc/{PID}/cwd") and MARK in open(f"/proc/{PID}/cmdline").read()
writable(f"/proc/{PID}/oom_score_adj")
writable(f"/proc/{PID}/mem")
os.getpgid(PID), os.getsid(PID)
os.sched_getaffinity(PID)
os.getpriority(os.PRIO_PROCESS, PID)
os.setpriority(os.PRIO_PROCESS, PID, 19)
resource.prlimit(PID, resource.RLIMIT_NOFILE)
allowed("pidfd_open", PID, 0)
allowed("ptrace", 16, PID, 0, 0)
allowed("ptrace", 0x4206, PID, 0, 0)
allowed("process_vm_readv", PID, struct.pack("QQ", id(PID), 8), 1, struct.pack("QQ", id(PID), 8), 1, 0)
allowed("kcmp", PID, os.getpid(), 0, 0, 0)
allowed("migrate_pages", PID, 0, None, None)
allowed("ioprio_set", 1, PID, 0x6000)
allowed("perf_event_open", struct.pack("II", 1, 112) + bytes(104), PID, -1, -1, 0)
allowed("perf_event_open", struct.pack("II", 1, 112) + bytes(104), -1, 0, -1, 0)
checked(libc.setns(os.open(f"/proc/{PID}/ns/mnt", os.O_RDONLY), 0))
checked(libc.setns(os.open("/proc/1/ns/mnt", os.O_RDONLY), 0))
checked(libc.setns(os.open("/proc/1/ns/user", os.O_RDONLY), 0))
checked(libc.setns(os.open("/proc/1/ns/pid", os.O_RDONLY), 0))
checked(libc.setns(os.open("/proc/1/ns/net", os.O_RDONLY), 0))
writable("/sys/fs/cgroup/cgroup.procs")
writable("/sys/fs/cgroup/memory/cgroup.procs")
writable("/sys/fs/cgroup/freezer/cgroup.procs")
writable("/sys/fs/cgroup/unified/cgroup.procs")
writable("/sys/fs/cgroup/devices/devices.allow")
os.mkdir("/sys/fs/cgroup/memory/motet"), os.rmdir("/sys/fs/cgroup/memory/motet")
writable("/sys/fs/cgroup/memory/release_agent")
mount("none", "groups", "cgroup2")
mount("none", "groups", "cgroup", 0, "memory")
mount("none", "groups", "cgroup", 0, "freezer")
"""

KERNEL = r"""
writable("/proc/sys/kernel/hostname")
writable("/proc/sys/kernel/core_pattern")
writable("/proc/sys/kernel/modprobe")
writable("/proc/sys/kernel/panic")
writable("/proc/sys/kernel/sysrq")
writable("/proc/sys/kernel/pid_max")
writable("/proc/sys/kernel/threads-max")
writable("/proc/sys/kernel/randomize_va_space")
writable("/proc/sys/kernel/dmesg_restrict")
writable("/proc/sys/kernel/yama/ptrace_scope")
writable("/proc/sys/kernel/shmmax")
writable("/proc/sys/kernel/ns_last_pid")
writable("/proc/sys/kernel/perf_event_paranoid")
writable("/proc/sys/vm/overcommit_memory")
writable("/proc/sys/vm/drop_caches")
writable("/proc/sys/vm/swappiness")
writable("/proc/sys/vm/panic_on_oom")
writable("/proc/sys/fs/file-max")
writable("/proc/sys/fs/suid_dumpable")
writable("/proc/sys/fs/protected_hardlinks")
writable("/proc/sys/fs/binfmt_misc/register")
writable("/proc/sys/net/ipv4/ip_forward")
writable("/proc/sys/net/core/somaxconn")
writable("/proc/sys/user/max_user_namespaces")
writable("/proc/self/root" + "/proc/sys/kernel/panic")
writable("/proc/1/root" + "/proc/sys/kernel/panic")
os.chdir("/proc/self"), writable("../sys/kernel/panic")
writable("/proc/sysrq-trigger")
writable("/proc/irq/default_smp_affinity")
writable("/proc/mtrr")
readable("/proc/kcore")
os.read(os.open("/proc/kmsg", os.O_RDONLY | os.O_NONBLOCK), 1) or sys.exit(1)
assert int(open("/proc/kallsyms").readline().split()[0], 16)
assert any(int(line.split("-")[0], 16) for line in open("/proc/iomem") if line.strip())
mount("proc", "mine", "proc"), writable("mine/sys/kernel/panic")
mount("sysfs", "mine", "sysfs")
mount("none", "mine", "debugfs")
mount("none", "mine", "tracefs")
mount("none", "mine", "securityfs")
mount("none", "mine", "bpf")
mount("none", "mine", "devtmpfs")
mount("none", "mine", "binfmt_misc")
mount(None, "/proc", None, REMOUNT), writable("/proc/sys/kernel/panic")
mount(None, "/proc/sys", None, REMOUNT | BIND), writable("/proc/sys/kernel/panic")
mount(None, "/sys", None, REMOUNT | BIND)
unmount("/proc/sys"), writable("/proc/sys/kernel/panic")
writable("/sys/kernel/uevent_helper")
writable("/sys/kernel/mm/transparent_hugepage/enabled")
writable("/sys/kernel/kexec_crash_size")
writable("/sys/power/state")
writable("/sys/module/kernel/parameters/panic")
writable("/sys/devices/system/cpu/cpu1/online")
writable("/sys/class/net/lo/mtu")
writable("/sys/bus/pci/rescan")
writable("/sys/kernel/profiling")
assert os.listdir("/sys/kernel/debug")
assert os.listdir("/sys/kernel/tracing")
assert os.listdir("/sys/firmware")
allowed("syslog", 3, ctypes.create_string_buffer(64), 64)
allowed("syslog", 10, None, 0)
allowed("syslog", 6, None, 0)
libc.syscall(103 if X86 else 116, 3, ctypes.create_string_buffer(64), 64) > 0 or sys.exit(1)
subprocess.run(["dmesg"], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
allowed("reboot", 0, 0, 0, None)
allowed("init_module", None, 0, b"")
allowed("delete_module", b"no-such-module", 0)
allowed("kexec_load", 0, 0, None, 0)
allowed("adjtimex", struct.pack("I", 0x4000) + bytes(204))
allowed("bpf", 5, bytes(72), 72)
allowed("fanotify_init", 0x04000000, 0)
allowed("vhangup")
allowed("add_key", b"user", b"motet", b"x", 1, -4)
allowed("request_key", b"user", b"motet", None, -4)
allowed("iopl", 3) if X86 else sys.exit(1)
time.clock_settime(time.CLOCK_REALTIME, time.time())
socket.sethostname(socket.gethostname())
checked(libc.setdomainname(b"x", 1))
"""

DEVICES = r"""
readable("/dev/mem")
readable("/dev/kmsg")
readable("/dev/port")
writable("/dev/kmsg")
writable("/dev/console")
writable("/dev/tty0")
writable("/dev/pts/0")
writable("/dev/fuse")
writable("/dev/kvm")
writable("/dev/loop-control")
writable("/dev/net/tun")
writable("/dev/vhost-net")
writable("/dev/vsock")
writable("/dev/uinput")
writable("/dev/rtc0")
writable("/dev/cpu/0/msr")
writable("/dev/cpu_dma_latency")
writable("/dev/mapper/control")
assert any(stat.S_ISBLK(os.stat(f"/dev/{name}").st_mode) for name in os.listdir("/dev"))
assert set(os.listdir("/dev/pts")) - {"ptmx"}
os.mknod("disk", stat.S_IFBLK | 0o600, os.stat("/").st_dev), readable("disk")
os.mknod("memory", stat.S_IFCHR | 0o600, os.makedev(1, 1)), readable("memory")
os.mknod("messages", stat.S_IFCHR | 0o600, os.makedev(1, 11)), writable("messages")
os.mknod("/dev/shm/disk", stat.S_IFBLK | 0o600, os.stat("/").st_dev), readable("/dev/shm/disk")
assert os.path.basename(SHM) in os.listdir("/dev/shm")
readable(SHM)
checked(libc.shmget(KEY, 0, 0))
checked(libc.shmctl(0, 13, ctypes.create_string_buffer(512))) or sys.exit(1)
assert len(open("/proc/sysvipc/shm").readlines()) > 1
mount("/dev/vda", "disk", "ext4")
mount("/dev/sda1", "disk", "ext4")
mount("none", "terminals", "devpts"), writable("terminals/0")
fcntl.ioctl(os.open("/dev/tty", os.O_RDWR), 0x5412, b"x")
"""

NETWORK = r"""
connects(FILES + "/socket")
connects(RUN)
connects("/var" + RUN)
connects("/proc/self/root" + FILES + "/socket")
connects("/proc/1/root" + FILES + "/socket")
os.symlink(FILES, "to"), connects("to/socket")
os.link(FILES + "/socket", "socket"), connects("socket")
os.chdir(FILES), connects("socket")
connects(f"/proc/self/fd/{os.open(FILES, os.O_PATH)}/socket")
connects(f"/proc/self/fd/{os.open(FILES + '/socket', os.O_PATH)}")
connects(FILES + "/datagrams", kind=socket.SOCK_DGRAM)
connects(FILES + "/later")
connects("\0" + NAME)
connects("/run/docker.sock")
connects("/var/run/docker.sock")
connects("/run/dbus/system_bus_socket")
connects("/run/systemd/private")
connects("/dev/log", kind=socket.SOCK_DGRAM)
assert NAME in open("/proc/net/unix").read()
assert FILES in open("/proc/net/unix").read()
socket.socket(socket.AF_UNIX).bind(FILES + "/own")
connects(("127.0.0.1", PORT), socket.AF_INET)
connects(("0.0.0.0", PORT), socket.AF_INET)
connects(("127.1.2.3", PORT), socket.AF_INET)
connects(("::1", PORT), socket.AF_INET6)
connects(("127.0.0.1", PORT), socket.AF_INET, socket.SOCK_DGRAM)
connects((environ["ADDRESS"], PORT), socket.AF_INET)
connects(("192.0.2.1", 9), socket.AF_INET, socket.SOCK_DGRAM)
connects((2, 22), socket.AF_VSOCK)
assert f":{PORT:04X}" in open("/proc/net/tcp").read()
assert len(open("/proc/net/route").readlines()) > 1
assert {name for _, name in socket.if_nameindex()} - {"lo", "tunl0", "sit0", "ip6tnl0", "gre0"}
os.open(FILES + "/fifo", os.O_WRONLY | os.O_NONBLOCK)
os.open("/proc/self/root" + FILES + "/fifo", os.O_WRONLY | os.O_NONBLOCK)
os.chdir(FILES), os.open("fifo", os.O_WRONLY | os.O_NONBLOCK)
socket.getaddrinfo("motet.example.org", 80)
"""

RIGHTS = r"""
readable("/proc/kpagecount")
readable("/proc/kpageflags")
readable("/proc/kpagecgroup")
readable("/proc/vmallocinfo")
readable("/proc/slabinfo")
allowed("keyctl", 0, -4, 1)
allowed("keyctl", 11, -3, None, 0)
os.mkdir("/sys/fs/cgroup/motet"), os.rmdir("/sys/fs/cgroup/motet")
checked(libc.unshare(0x10000000 | 0x20000 | 0x02000000)), mount("none", "groups", "cgroup", 0, "freezer")
checked(libc.unshare(0x10000000 | 0x20000 | 0x02000000)), mount("none", "groups", "cgroup2")
capabilities("Eff")
capabilities("Prm")
capabilities("Inh")
capabilities("Bnd")
capabilities("Amb")
checked(libc.capset(struct.pack("Ii", 0x20080522, 0), struct.pack("IIIIII", *[2**32 - 1] * 6))), capabilities("Eff")
os.chown("own", 1234, 1234)
os.setuid(1234)
os.setgid(1234)
os.setgroups([1234])
os.setresuid(1234, 1234, 1234)
os.chroot(".")
checked(libc.unshare(0x10000000))
checked(libc.unshare(0x10000000 | 0x20000)), mount(None, "/", None, REMOUNT | BIND)
checked(libc.unshare(0x20000))
checked(libc.unshare(0x04000000))
checked(libc.unshare(0x08000000))
checked(libc.unshare(0x40000000))
checked(libc.unshare(0x02000000))
checked(libc.unshare(0x80))
subprocess.run(["unshare", "-Ur", "true"], check=True, stderr=subprocess.DEVNULL)
subprocess.run(["bwrap", "--ro-bind", "/", "/", "true"], check=True, stderr=subprocess.DEVNULL)
os.nice(-5)
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
resource.setrlimit(resource.RLIMIT_NOFILE, (10**6, resource.getrlimit(resource.RLIMIT_NOFILE)[1] + 1))
"""
"""What root has in a container, and nobody in a sandbox."""

DROPPED = r"""
assert not libc.prctl(39, 0, 0, 0, 0)
os.mknod("null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
"""

HARMLESS = r"""
connects(FILES + "/socket")
connects(FILES + "/datagrams", kind=socket.SOCK_DGRAM)
connects("\0" + NAME)
connects(("127.0.0.1", PORT), socket.AF_INET)
os.open(FILES + "/fifo", os.O_WRONLY | os.O_NONBLOCK)
os.kill(PID, 0)
assert any(MARK in each for each in processes())
assert MARK in open(f"/proc/{PID}/cmdline").read()
open(FILES + "/file", "a").close()
readable(HOME + "/secret")
readable(SHM)
checked(libc.shmget(KEY, 0, 0))
"""
"""Of all these, what may be run on the host itself, where each gets through: it changes nothing there."""


def programs(text: str) -> list[str]:
    """The programs of one kind."""
    return text.strip().splitlines()


def script(*texts: str) -> str:
    """A program that runs all of them, each in a process and folder of its own, and prints those that got through."""
    return f"""{SHARED}
top = os.getcwd()
for number, line in enumerate({[line for text in texts for line in programs(text)]!r}):
    os.makedirs(f"{{top}}/{{number}}")
    child = os.fork()
    if not child:
        try:
            os.chdir(f"{{top}}/{{number}}")
            open("own", "w").close()
            signal.alarm(20)
            exec(line)
        except BaseException:
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        print(line)
print("all were tried")
"""
