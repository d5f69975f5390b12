# SPDX-License-Identifier: Apache-2.0
"""Archives from hell, and some that only look odd. All are made here; nothing is read from disk."""
import functools
import gzip
import io
import lzma
import struct
import subprocess
import tarfile

MIB = 1 << 20


def entry(name, kind=tarfile.REGTYPE, content=b"", mode=0o644, **attributes):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size = kind, mode, len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


def tar(*entries, **options):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, **options) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, stdout=subprocess.PIPE,
                          check=True).stdout


def zstd_with_window(data, log):
    """One raw block (RFC 8878, 3.1.1) in a frame whose decoder must keep 2^log bytes."""
    assert len(data) < 128 * 1024
    return (b"\x28\xb5\x2f\xfd" + bytes([0, (log - 10) << 3]) +
            (len(data) << 3 | 1).to_bytes(3, "little") + data)


def deb(member, content, first=b"2.0\n"):
    """An ar with the members of deb(5)."""
    out = b"!<arch>\n"
    for name, data in (("debian-binary", first), ("control.tar.gz", gzip.compress(tar())),
                       (member, content)):
        out += b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (name.encode(), 0, 0, 0, 0o100644, len(data))
        out += data + b"\n" * (len(data) % 2)
    return out


GOOD = (entry("./", tarfile.DIRTYPE, mode=0o755), entry("bin/", tarfile.DIRTYPE, mode=0o755),
        entry("bin/run", content=b"#!/bin/sh\nexec sleep 1000\n", mode=0o6755),
        entry("bin/also", tarfile.SYMTYPE, linkname="run"),
        entry("share/text", content=b"text" * 5000, mode=0o640))


def good():
    """format: bytes of an archive with the same content."""
    data = tar(*GOOD)
    return {"tar.gz": gzip.compress(data), "tar.xz": lzma.compress(data), "tar.zst": zstd(data),
            "deb": deb("data.tar.xz", lzma.compress(data))}


def many_entries(count):
    header = tar(entry("./", tarfile.DIRTYPE, mode=0o755))[:512]
    return gzip.compress(header * count + bytes(1024), 1)


def zeros_behind_a_size(size):
    """Announces a file of this size, and has it: as zeros that weigh nothing."""
    info = tarfile.TarInfo("zeros")
    info.size = size
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as archive:
        archive.write(info.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(size // MIB):
            archive.write(bytes(MIB))
    return out.getvalue()


def sparse(name, size):
    """GNU old-style sparse header: one byte of data at the end of a large hole."""
    info = tarfile.TarInfo(name)
    info.size = 512
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    struct.pack_into("12s12s", header, 386, b"%011o\0" % (size - 512), b"%011o\0" % 512)
    struct.pack_into("12s", header, 483, b"%011o\0" % size)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return gzip.compress(bytes(header) + b"x" * 512 + bytes(1024))


@functools.cache
def hostile(limit):
    """name: bytes of an archive that nobody may unpack; limit is the most that may come out."""
    plain = {
        "absolute name": [entry("/tmp/muster-hostile", content=b"x")],
        "leaves by a name": [entry("../outside/x", content=b"x")],
        "leaves later": [entry("a/../../outside/x", content=b"x")],
        "leaves by a folder": [entry("../outside/new", tarfile.DIRTYPE)],
        "absolute link": [entry("link", tarfile.SYMTYPE, linkname="/etc")],
        "link out": [entry("link", tarfile.SYMTYPE, linkname="../outside")],
        "through a link out": [entry("link", tarfile.SYMTYPE, linkname="../outside"),
                               entry("link/x", content=b"x")],
        "through a link inside": [entry("d", tarfile.DIRTYPE), entry("l", tarfile.SYMTYPE, linkname="d"),
                                  entry("l/x", content=b"x")],
        "link over a folder": [entry("d/x", content=b"x"),
                               entry("d", tarfile.SYMTYPE, linkname="../outside")],
        "link by way of another": [entry("s", tarfile.SYMTYPE, linkname="."),
                                   entry("t", tarfile.SYMTYPE, linkname="s/s/../../outside")],
        "hard link out": [entry("hard", tarfile.LNKTYPE, linkname="../outside/secret")],
        "hard link to the system": [entry("hard", tarfile.LNKTYPE, linkname="/etc/passwd")],
        "hard link inside": [entry("a", content=b"x"), entry("b", tarfile.LNKTYPE, linkname="a")],
        "character device": [entry("null", tarfile.CHRTYPE, devmajor=1, devminor=3)],
        "block device": [entry("disk", tarfile.BLKTYPE, devmajor=8, devminor=0)],
        "fifo": [entry("fifo", tarfile.FIFOTYPE)],
        "name twice": [entry("bin/run", content=b"one"), entry("./bin//run", content=b"two")],
        "file over a link": [entry("f", tarfile.SYMTYPE, linkname="g"), entry("f", content=b"x")],
        "file over a folder": [entry("d/x", content=b"x"), entry("d", content=b"x")],
        "below a file": [entry("f", content=b"x"), entry("f/x", content=b"x")],
        "long name": [entry("n" * 300, content=b"x")],
        "deep name": [entry("d/" * 600 + "x", content=b"x")],
    }
    archives = {name: gzip.compress(tar(*entries)) for name, entries in plain.items()}
    good_tar = tar(*GOOD)
    archives |= {
        "bomb": zeros_behind_a_size(limit + 2 * MIB),
        "bomb behind the end": gzip.compress(good_tar + bytes(limit + 200 * MIB), 1),
        "too many files": many_entries(100 * 1000 + 1),
        "compressed twice": gzip.compress(gzip.compress(good_tar)),
        "cut off": gzip.compress(good_tar)[:-30],
        "cut off tar": gzip.compress(good_tar[:2600]),
        "wants 2 GiB to be read": zstd_with_window(good_tar, 31),
        "no archive": b"#!/bin/sh\nexit 0\n" * 100,
        "empty": b"",
        "sparse file": sparse("hole", 1 << 30),
        "Debian package without data": deb("other.tar.gz", gzip.compress(good_tar)),
        "hostile Debian package": deb("data.tar.gz", archives["leaves by a name"]),
    }
    return archives
