"""A disk that stops answering when it is told to: a read-only view of a folder through FUSE, without any library.

    python stuckDisk.py FOLDER MOUNTPOINT

Prints "ready", or why it cannot be had. A line on its standard input says what it answers from then on: "all", "list" (what the
mountpoint itself holds, and nothing below it) or "nothing". What it owes is answered once it may. The end of its input ends it.
"""

import ctypes
import errno
import os
import select
import stat
import struct
import sys

LOOKUP, FORGET, GETATTR = 1, 2, 3
OPEN, READ, RELEASE, INIT = 14, 15, 18, 26
OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 27, 28, 29, 36, 42
ROOT = 1
UNMOUNT_LATER = 2


class Disk:
    def __init__(self, folder: str, device: int) -> None:
        self.device = device
        self.paths = {ROOT: folder}
        self.answers = "all"
        self.owed: list[bytes] = []

    def number(self, path: str) -> int:
        return next((n for n, known in self.paths.items() if known == path), len(self.paths) + 1)

    def attributes(self, path: str) -> bytes:
        s = os.lstat(path)
        times = int(s.st_atime), int(s.st_mtime), int(s.st_ctime), 0, s.st_mtime_ns % 10**9, 0
        return struct.pack(
            "<6Q10I", self.number(path), s.st_size, s.st_blocks, *times, s.st_mode, s.st_nlink, s.st_uid, s.st_gid, 0, 4096, 0
        )

    def entry(self, path: str) -> bytes:
        attributes = self.attributes(path)
        nodeid = self.number(path)
        self.paths[nodeid] = path
        return struct.pack("<4Q2I", nodeid, 0, 0, 0, 0, 0) + attributes  # nothing is kept: each look comes here

    def entries(self, path: str, offset: int, size: int) -> bytes:
        out = b""
        for n, entry in list(enumerate(sorted(os.scandir(path), key=lambda one: one.name)))[offset:]:
            name = entry.name.encode()
            kind = stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode) >> 12
            packed = struct.pack("<2Q2I", n + 2, n + 1, len(name), kind) + name
            packed += bytes(-len(packed) % 8)
            if len(out) + len(packed) > size:
                break
            out += packed
        return out

    def reply(self, opcode: int, nodeid: int, body: bytes) -> bytes:
        if opcode == INIT:
            return struct.pack("<4I2H2I2H8I", 7, 31, 0, 0, 8, 8, 1 << 16, 1, 0, 0, *[0] * 8)
        path = self.paths[nodeid]
        if opcode == LOOKUP:
            return self.entry(os.path.join(path, body.rstrip(b"\0").decode()))
        if opcode == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self.attributes(path)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, 1, 0)  # past the kernel's cache
        if opcode in (READ, READDIR):
            _, offset, size = struct.unpack_from("<QQI", body)
            if opcode == READDIR:
                return self.entries(path, offset, size)
            with open(path, "rb") as file:
                file.seek(offset)
                return file.read(size)
        if opcode in (RELEASE, RELEASEDIR):
            return b""
        # No FLUSH either: a process would wait for it wherever it closes a file, and then its children do before they have begun.
        raise OSError(errno.ENOSYS, "")

    def handle(self, request: bytes) -> None:
        length, opcode, unique, nodeid = struct.unpack_from("<IIQQ", request)
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        below = nodeid != ROOT or opcode == LOOKUP
        if self.answers == "nothing" or (self.answers == "list" and below):
            self.owed.append(request)
            return
        try:
            error, out = 0, self.reply(opcode, nodeid, request[40:length])
        except OSError as failure:
            error, out = -(failure.errno or errno.EIO), b""
        os.write(self.device, struct.pack("<IiQ", 16 + len(out), error, unique) + out)

    def serve(self) -> None:
        while True:
            ready, _, _ = select.select([self.device, sys.stdin], [], [])
            if sys.stdin in ready:
                told = os.read(sys.stdin.fileno(), 4096).decode().split()  # past any buffer: select would not see what lies there
                if not told:
                    return
                self.answers = told[-1]
                owed, self.owed = self.owed, []
                for request in owed:
                    self.handle(request)
            if self.device in ready:
                self.handle(os.read(self.device, 1 << 20))


def main() -> None:
    folder, mountpoint = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as failure:
        print(failure.strerror, flush=True)
        return
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if libc.mount(b"stuck", mountpoint.encode(), b"fuse", 0, options.encode()) != 0:
        print(os.strerror(ctypes.get_errno()), flush=True)
        return
    try:
        print("ready", flush=True)
        Disk(folder, device).serve()
    finally:
        libc.umount2(mountpoint.encode(), UNMOUNT_LATER)
        os.close(device)  # who still waits gets an error


main()
